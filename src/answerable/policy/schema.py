"""The schema that policies are checked against: our file, plus the names an agent declares."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

import cedarpy

from answerable.base.errors import UsageError
from answerable.policy.domain import Fact

_CEDAR_TYPE: Mapping[type[Fact], str] = {str: "String", int: "Long", bool: "Bool"}
_FACT_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_ENTITY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}\Z")
_ATTRIBUTE = re.compile(r"^  (\w+)\??: \w+,", re.MULTILINE)

ACTIONS = ("perform", "reply")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What policies may name beyond the fixed schema.

    `facts` are flat and optional, as `context.facts.<name>`. Where `agents`, `tools` or `rails` are
    given, a rule that names another one does not load: a `forbid` on a misspelt tool would never
    fire.
    """

    facts: Mapping[str, type[Fact]] = field(default_factory=dict)
    agents: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    rails: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _check_names("fact", self.facts, _FACT_NAME)
        _check_names("agent", self.agents, _ENTITY_NAME)
        _check_names("tool", self.tools, _ENTITY_NAME)
        _check_names("rail", self.rails, _ENTITY_NAME)
        for name, kind in self.facts.items():
            if kind not in _CEDAR_TYPE:
                raise UsageError(f"Fact '{name}' is a {kind.__name__}; a fact is str, int or bool.")

    @property
    def names(self) -> Mapping[str, frozenset[str]]:
        """By kind of entity, as the schema calls it."""
        return {"Agent": self.agents, "Tool": self.tools, "Rail": self.rails}


@functools.cache
def base_text() -> str:
    """`schema.cedarschema` as it is packaged."""
    return (files(__package__) / "schema.cedarschema").read_text(encoding="utf-8")


def schema_text(vocabulary: Vocabulary) -> str:
    """The whole schema for one vocabulary, in an order that does not depend on its author's."""
    kinds = sorted(vocabulary.facts.items())
    facts = ", ".join(f"{name}?: {_CEDAR_TYPE[kind]}" for name, kind in kinds)
    text = base_text().replace("type Facts = {};", f"type Facts = {{{facts}}};")
    for entity, names in vocabulary.names.items():
        if names:
            enum = ", ".join(f'"{name}"' for name in sorted(names))
            text = text.replace(f"entity {entity};", f"entity {entity} enum [{enum}];")
    return text


def compile_schema(text: str) -> cedarpy.Schema:
    return cedarpy.Schema.from_str(text)


def attributes(vocabulary: Vocabulary) -> Mapping[tuple[str, ...], frozenset[str]]:
    """The attributes at each place that a policy can look into: context, its amount, its facts."""
    money, situation = (_record(name) for name in ("Money", "Situation"))
    return {
        ("context",): situation,
        ("context", "amount"): money,
        ("context", "facts"): frozenset(vocabulary.facts),
    }


def _record(name: str) -> frozenset[str]:
    body = base_text().partition(f"type {name} = {{")[2].partition("\n};")[0]
    return frozenset(_ATTRIBUTE.findall(body))


def _check_names(
    what: str, names: Mapping[str, type[Fact]] | frozenset[str], good: re.Pattern[str]
) -> None:
    for name in sorted(names):
        if not good.match(name):
            raise UsageError(f"{what.capitalize()} name {name!r} does not match {good.pattern}.")
