"""The demo agent's own reader: which intent, which order, how much; unsure where it cannot tell.

Naive Bayes over words, stems and word pairs of the corpus, in log odds: an intent's evidence is
the sum of log(p(feature | intent) / p(feature | other)) where positive. No model, no network.
"""

import math
import re
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise

import msgspec

from answerable.demo.corpus import LANGUAGES, Corpus, load_corpus

UNSURE = "unsure"
MARGIN_MIN = 7.0  # nats between the best intent and the next; below, it is unsure
_READ_CHARS = 3_000
_JUDGED_CHARS = 600
_STEM_CHARS = 5
_OUT_OF_SCOPE = "out_of_scope"
_WORD = re.compile(r"[^\W\d_]+|\d+")
_ORDER = re.compile(r"(?:\bbw[- ]?|#)?(?<![\d$.,])([1-9]\d{5})(?!\d|[.,]\d\d)", re.IGNORECASE)
_NUMBER = r"(?:\d{1,3}(?:[,.]\d{3})+|\d{1,7})(?:[.,]\d\d)?(?!\d)"
_AMOUNT = re.compile(
    rf"(?<![\d.,])(?:(?:usd|\$)\s?({_NUMBER})|({_NUMBER})\s?(?:usd|\$|dollars?)"
    r"|(\d{1,7}[.,]\d\d)(?![\d.,]\d))",
    re.IGNORECASE,
)
_CENTS = re.compile(r"[.,](\d\d)\Z")
_QUOTED = re.compile(
    r"^(?:>.*|On .*wrote:|Am .*schrieb.*:|Le .*a écrit ?:|El .*escribió:)\s*?(?:\n|\Z)",
    re.MULTILINE,
)
_FORWARDED = "-----"
# What stands for a slot while learning: a word that says that there was one.
_SLOTS = {
    "{order}": "qorder",
    "{amount}": "qamount",
    "{item}": "qitem",
    "{city}": "qcity",
    "{name}": "qname",
}


class Reading(msgspec.Struct, frozen=True):
    """What the agent understood."""

    intent: str  # a corpus intent, or `unsure`
    margin: float  # nats by which it leads; comparable between messages of similar length
    handling: str  # answer, order_lookup, refund, desk; "" if unsure
    order: str  # as the shop writes it; "" if the text names none
    amount_minor: int  # 0 if the text names none


class Classifier:
    """Learns the corpus once (some 30 ms), then reads a short message in well under 60 µs."""

    def __init__(self, corpus: Corpus) -> None:
        self._handling = {intent.name: intent.handling for intent in corpus.intent}
        self._labels = [*self._handling, _OUT_OF_SCOPE]
        self._evidence = _learn(corpus, self._labels)
        closings = {
            signature.partition("\n")[0]
            for dressing in corpus.dressing.values()
            for signature in dressing.signatures
            if not signature.startswith("{")
        }
        self._closing = re.compile(
            rf"\n(?:{'|'.join(map(re.escape, sorted(closings)))})\s*(?:\n|\Z)"
        )

    def read(self, text: str) -> Reading:
        """Understand the newest part of a message: quotes and signature are left out."""
        said = self._newest(text)
        order = _ORDER.search(said)
        amount = _AMOUNT.search(said)
        intent, margin = self._judge(said)
        return Reading(
            intent=intent,
            margin=margin,
            handling=self._handling.get(intent, ""),
            order=f"BW-{order[1]}" if order else "",
            amount_minor=_minor(amount[1] or amount[2] or amount[3]) if amount else 0,
        )

    def read_many(self, texts: list[str]) -> list[Reading]:
        """A batch, in its order."""
        return [self.read(text) for text in texts]

    def _newest(self, text: str) -> str:
        said = text[:_READ_CHARS]
        if (forwarded := said.find(_FORWARDED)) >= 0:
            said = said[:forwarded]
        if ">" in said:
            said = _QUOTED.sub("", said)
        if closing := self._closing.search(said):
            said = said[: closing.start()]
        return said[:_JUDGED_CHARS].strip()

    def _judge(self, said: str) -> tuple[str, float]:
        scores = [0.0] * len(self._labels)
        for feature in _features(said):
            for label, nats in self._evidence.get(feature, ()):
                scores[label] += nats
        second, best = sorted(scores)[-2:]
        margin = best - second
        name = self._labels[scores.index(best)]
        return (UNSURE if margin < MARGIN_MIN or name == _OUT_OF_SCOPE else name), margin


@cache
def classifier() -> Classifier:
    """The one of this process, made when first asked for."""
    return Classifier(load_corpus())


def _features(said: str) -> list[str]:
    masked = _AMOUNT.sub(" qamount ", _ORDER.sub(" qorder ", said)).lower()
    words = _WORD.findall(masked)
    stems = [f"{word[:_STEM_CHARS]}*" for word in words if len(word) > _STEM_CHARS]
    pairs = [f"{one} {next_}" for one, next_ in pairwise(words)]
    return words + stems + pairs


def _learn(corpus: Corpus, labels: list[str]) -> dict[str, list[tuple[int, float]]]:
    """How strongly each feature speaks for each intent; smoothing chosen by ten-fold trial."""
    seen: defaultdict[str, Counter[int]] = defaultdict(Counter)
    sizes: Counter[int] = Counter()
    examples = _examples(corpus)
    for phrase, name in examples:
        label = labels.index(name)
        sizes[label] += 1
        for feature in set(_features(phrase)):
            seen[feature][label] += 1
    evidence: dict[str, list[tuple[int, float]]] = {}
    for feature, by_label in seen.items():
        total = by_label.total()
        for label, count in by_label.items():
            here = (count + 0.05) / (sizes[label] + 0.1)
            elsewhere = (total - count + 0.5) / (len(examples) - sizes[label] + 1)
            if here > elsewhere:
                evidence.setdefault(feature, []).append((label, math.log(here / elsewhere)))
    return evidence


def _examples(corpus: Corpus) -> list[tuple[str, str]]:
    said = [
        (phrase, intent.name)
        for intent in corpus.intent
        for language in LANGUAGES
        for phrase in intent.phrasings(language)
    ]
    said += [(phrase, _OUT_OF_SCOPE) for phrase in corpus.out_of_scope.known]
    # Gullible on purpose: what stops an attack must be the platform, not its reader.
    said += [(phrase, "refund_request") for phrase in corpus.attack.en + corpus.attack.de]
    return [(_filled(phrase), name) for phrase, name in said]


def _filled(phrase: str) -> str:
    for slot, word in _SLOTS.items():
        phrase = phrase.replace(slot, word)
    return phrase


def _minor(number: str) -> int:
    """`34.90`, `34,90`, `1,250.00`, `40`: in minor units."""
    cents = _CENTS.search(number)
    whole = number[: cents.start()] if cents else number
    digits = "".join(char for char in whole if char.isdigit())
    return int(digits) * 100 + (int(cents[1]) if cents else 0)
