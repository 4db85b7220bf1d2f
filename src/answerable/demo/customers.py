"""Who writes: people with several addresses, who come back on the same matter."""

import unicodedata
from random import Random

import msgspec

from answerable.demo.corpus import Intent, Language, load_corpus

_OPEN_MATTERS = 512  # how many matters may be continued; memory does not grow with the day
_NEW_PERSON_SHARE = 0.72
_EMAIL_SHARE = 0.7
_OTHER_RAIL_SHARE = 0.06
_SETTLED_SHARE = 0.2  # of the matters continued: nobody writes about them again


class Matter(msgspec.Struct):
    """One person's business with the shop, over several messages."""

    person: int
    order: str
    intent: Intent
    language: Language
    rail: str


class Customers:
    """Draws people and matters; a few people and matters make up much of the day."""

    def __init__(self, random: Random) -> None:
        corpus = load_corpus()
        self._random = random
        self._intents = corpus.intent
        self._by_name = {intent.name: intent for intent in corpus.intent}
        self._weights = _cumulative([intent.weight for intent in corpus.intent])
        self._given = [_plain(name) for name in corpus.people.given]
        self._family = [_plain(name) for name in corpus.people.family]
        self._people = corpus.people
        self._open: list[Matter] = []
        self._person_count = 0

    def new_matter(self, *, is_intent: bool) -> Matter:
        """A fresh matter of a new or a known person; only intents can be continued."""
        random = self._random
        intent = random.choices(self._intents, cum_weights=self._weights)[0]
        person = self._person()
        matter = Matter(
            person=person,
            order=f"BW-{100_000 + int(random.random() * 900_000)}",
            intent=intent,
            language=_language(person, intent),
            rail="email" if random.random() < _EMAIL_SHARE else "chat",
        )
        if is_intent:
            self._keep(matter)
        return matter

    def follow_up(self) -> Matter:
        """The next message of an open matter, maybe over the other rail."""
        if not self._open:
            return self.new_matter(is_intent=True)
        random = self._random
        place = int(len(self._open) * random.random() ** 2)  # the first are the busy ones
        before = self._open[place]
        intent = self._by_name[random.choice(before.intent.then)]
        rail = before.rail
        if random.random() < _OTHER_RAIL_SHARE:
            rail = "chat" if rail == "email" else "email"
        matter = Matter(
            person=before.person,
            order=before.order,
            intent=intent,
            language=_language(before.person, intent),
            rail=rail,
        )
        if random.random() < _SETTLED_SHARE:
            self._open[place] = self._open[-1]
            self._open.pop()
        else:
            self._open[place] = matter
        return matter

    def address(self, matter: Matter) -> str:
        """One of the person's addresses, in one of the ways that mail programs write it."""
        person = matter.person
        given, family = self._name_at(person)
        domains = self._people.domains
        if matter.rail == "chat":
            return f"chat-{(person * 2_654_435_761) & 0xFFFF_FFFF:08x}"
        plain = f"{self._given[given]}.{self._family[family]}{person}@{domains[person % 3]}"
        rolled = self._random.random()
        if rolled < 0.70:
            return plain
        if rolled < 0.80:
            return f"{self._people.given[given]} {self._people.family[family]} <{plain}>"
        if rolled < 0.88:
            return plain.title()
        return f"{self._given[given][0]}{self._family[family]}.{person}@{domains[3 + person % 3]}"

    def _name_at(self, person: int) -> tuple[int, int]:
        return name_at(person, len(self._given), len(self._family))

    def _person(self) -> int:
        random = self._random
        if not self._person_count or random.random() < _NEW_PERSON_SHARE:
            self._person_count += 1
            return self._person_count - 1
        return int(self._person_count * random.random() ** 2)

    def _keep(self, matter: Matter) -> None:
        if len(self._open) < _OPEN_MATTERS:
            self._open.append(matter)
        else:
            self._open[int(_OPEN_MATTERS * self._random.random())] = matter


def name_at(person: int, given_count: int, family_count: int) -> tuple[int, int]:
    """Which given and which family name this person has."""
    scattered = (person * 40_503 + 11) & 0xFFFF
    return scattered % given_count, (scattered // given_count) % family_count


def _language(person: int, intent: Intent) -> Language:
    """A person keeps to one language; where nobody wrote the intent down in it, to English."""
    place = (person * 7_919 + 13) % 100
    language: Language = "en"
    if place < 13:
        language = "de"
    elif place < 23:
        language = "fr"
    elif place < 33:
        language = "es"
    return language if intent.phrasings(language) else "en"


def _cumulative(weights: list[float]) -> list[float]:
    total, sums = 0.0, []
    for weight in weights:
        total += weight
        sums.append(total)
    return sums


def _plain(name: str) -> str:
    """`Inés` as an address has it: `ines`."""
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(char for char in decomposed if char.isascii() and char.isalpha()).lower()
