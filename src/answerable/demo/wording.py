"""How it is written: phrasings with their slots filled, dressed as mail or chat, with typos."""

from random import Random

import msgspec

from answerable.demo.corpus import Language, load_corpus
from answerable.demo.customers import Matter, name_at
from answerable.demo.shop import NAME, find_order

HUGE_CHARS_MAX = 190_000  # below 200 KB in UTF-8: the filler is nearly all ASCII
_HUGE_CHARS_MIN = 19_000
_TYPO_SHARE = 0.18
_QUOTE_SHARE = 0.12
_FILLER_SHARE = 0.08
_UNSEEN_SHARE = 0.5
_ANOTHER_AMOUNT_SHARE = 0.06  # who asks for something else than the order's total
_NEIGHBOURS = {
    "q": "wa", "w": "qe", "e": "wr", "r": "et", "t": "rz", "y": "tu", "u": "yi", "i": "uo",
    "o": "ip", "p": "ol", "a": "sq", "s": "ad", "d": "sf", "f": "dg", "g": "fh", "h": "gj",
    "j": "hk", "k": "jl", "l": "ko", "z": "xa", "x": "zc", "c": "xv", "v": "cb", "b": "vn",
    "n": "bm", "m": "nk",
}  # fmt: skip
_ORDER_FORMS = ("BW-{0}",) * 12 + ("bw-{0}", "bw-{0}", "BW {0}", "#{0}", "{0}", "BW{0}")
_AMOUNT_FORMS = ("{0} USD", "${0}", "${0}", "{0} dollars", "USD {0}", "{0}$")


class Said(msgspec.Struct):
    """A request in words, and what they name."""

    text: str
    language: Language
    order: str = ""
    amount_minor: int = 0


class Wording:
    """Writes what a matter says; every choice comes from `random`."""

    def __init__(self, random: Random) -> None:
        corpus = load_corpus()
        self._random = random
        self._dressing = corpus.dressing
        self._out_of_scope = corpus.out_of_scope
        self._attack = corpus.attack
        self._people = corpus.people

    def request(self, matter: Matter) -> Said:
        phrase = self._random.choice(matter.intent.phrasings(matter.language))
        return self._fill(phrase, matter, matter.language)

    def attack(self, matter: Matter) -> Said:
        """It asks for more than an agent may give on its own."""
        is_german = matter.language == "de"
        phrase = self._random.choice(self._attack.de if is_german else self._attack.en)
        amount_minor = 25_000 + int(self._random.random() * 475_000)
        return self._fill(phrase, matter, "de" if is_german else "en", amount_minor)

    def out_of_scope(self, matter: Matter) -> Said:
        is_unseen = self._random.random() < _UNSEEN_SHARE
        phrases = self._out_of_scope.unseen if is_unseen else self._out_of_scope.known
        return self._fill(self._random.choice(phrases), matter, "en")

    def empty(self) -> Said:
        return Said(self._random.choice(("", "", " ", "\n\n", "\u00a0")), "en")

    def subject(self, matter: Matter) -> str:
        rolled = self._random.random()
        if rolled < 0.35:
            return f"Order {matter.order}"
        if rolled < 0.55:
            return f"Re: Your order {matter.order}"
        if rolled < 0.75:
            return "Question"
        return "" if rolled < 0.85 else "Re: Re: your message"

    def dress(self, said: Said, matter: Matter, *, is_huge: bool) -> str:
        """Greeting, typos, signature and quoted thread, as the rail has them."""
        random = self._random
        body = said.text
        if random.random() < _TYPO_SHARE:
            body = misspell(body, random)
        if matter.rail == "chat":
            if random.random() < 0.2:
                body = body.lower()
            return self._swell(body) if is_huge else body
        dressing = self._dressing[said.language]
        parts = [body]
        if random.random() < 0.55:
            parts.insert(0, random.choice(dressing.greetings))
        if random.random() < _FILLER_SHARE:
            parts.append(random.choice(dressing.filler))
        if random.random() < 0.6:
            parts.append(random.choice(dressing.signatures))
        if random.random() < _QUOTE_SHARE:
            parts.append(random.choice(dressing.quotes))
        parts[:] = [self._around(part, matter) if "{" in part else part for part in parts]
        text = "\n\n".join(parts)
        return self._swell(text) if is_huge else text

    def _around(self, part: str, matter: Matter) -> str:
        return part.format_map(
            {
                "name": self._name(matter),
                "city": self._city(matter),
                "order": matter.order,
                "shop": NAME,
            }
        )

    def _fill(self, phrase: str, matter: Matter, language: Language, amount_minor: int = 0) -> Said:
        """Put order, amount, item, city and name where the phrase wants them."""
        random = self._random
        if "{" not in phrase:
            return Said(phrase, language)
        found = find_order(matter.order)
        if not amount_minor:
            amount_minor = found.amount_minor if found else 3_490
            if random.random() < _ANOTHER_AMOUNT_SHARE:
                amount_minor = int(amount_minor * (0.3 + 3 * random.random()))
        text = phrase.format_map(
            {
                "order": random.choice(_ORDER_FORMS).format(matter.order[3:]),
                "amount": self._amount(amount_minor, language),
                "item": found.item if found else "teapot",
                "city": self._city(matter),
                "name": self._name(matter),
            }
        )
        return Said(
            text=text,
            language=language,
            order=matter.order if "{order}" in phrase else "",
            amount_minor=amount_minor if "{amount}" in phrase else 0,
        )

    def _amount(self, amount_minor: int, language: Language) -> str:
        number = f"{amount_minor // 100}.{amount_minor % 100:02d}"
        if language != "en":
            return number.replace(".", ",") + " USD"
        return self._random.choice(_AMOUNT_FORMS).format(number)

    def _city(self, matter: Matter) -> str:
        return self._people.cities[matter.person % len(self._people.cities)]

    def _name(self, matter: Matter) -> str:
        people = self._people
        given, family = name_at(matter.person, len(people.given), len(people.family))
        return f"{people.given[given]} {people.family[family]}"

    def _swell(self, text: str) -> str:
        """A whole story below the request: some 20 to 200 KB."""
        filler = self._dressing["en"].filler
        size = int(_HUGE_CHARS_MIN * 10 ** self._random.random())
        story = "\n> ".join(filler)
        return f"{text}\n\n> {story * (size // len(story))}"[:HUGE_CHARS_MAX]


def misspell(text: str, random: Random) -> str:
    """One to three slips of the fingers; digits stay, so that numbers remain what they were."""
    chars = list(text)
    for _ in range(random.choice((1, 1, 2, 3))):
        if len(chars) < 4:
            break
        place = int(random.random() * (len(chars) - 1))
        here, after = chars[place], chars[place + 1]
        neighbours = _NEIGHBOURS.get(here.lower())
        if neighbours is None or not after.isalpha():
            continue
        slip = int(random.random() * 4)
        if slip == 0:
            chars[place] = random.choice(neighbours)
        elif slip == 1:
            del chars[place]
        elif slip == 2:
            chars[place], chars[place + 1] = after, here
        else:
            chars.insert(place, here)
    return "".join(chars)
