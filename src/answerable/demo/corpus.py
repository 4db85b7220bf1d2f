"""The hand-written corpus, typed: what customers of the made-up shop write."""

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

Language = Literal["en", "de", "fr", "es"]
Handling = Literal["answer", "order_lookup", "refund", "desk"]
LANGUAGES: tuple[Language, ...] = ("en", "de", "fr", "es")


class Intent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that customers want, in their words."""

    name: str
    handling: Handling
    weight: float
    then: list[str]
    en: list[str]
    de: list[str] = []
    fr: list[str] = []
    es: list[str] = []

    def phrasings(self, language: Language) -> list[str]:
        """How it is said in this language; empty where nobody wrote it down."""
        by_language = {"en": self.en, "de": self.de, "fr": self.fr, "es": self.es}
        return by_language[language]


class OutOfScope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the agent was never meant for: the half it is prepared for, the half it never sees."""

    known: list[str]
    unseen: list[str]


class Attack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Attempts to talk the agent into a refund that it may not give."""

    en: list[str]
    de: list[str]


class Dressing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands around a request."""

    greetings: list[str]
    signatures: list[str]
    quotes: list[str]
    filler: list[str]


class People(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Invented names and places."""

    given: list[str]
    family: list[str]
    cities: list[str]
    domains: list[str]


class Corpus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    intent: list[Intent]
    out_of_scope: OutOfScope
    attack: Attack
    dressing: dict[Language, Dressing]
    people: People


@cache
def load_corpus() -> Corpus:
    """Read once per process."""
    raw = files("answerable.demo").joinpath("corpus.toml").read_bytes()
    return msgspec.toml.decode(raw, type=Corpus)
