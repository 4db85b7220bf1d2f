"""What a policy says must make sense: Cedar's validator, and the two things that it lets pass.

The validator accepts `context has amuont`: it takes the typo to be false, and a `forbid` that
depends on it never fires. So every `has` must name an attribute that can be there.
"""

import re
from collections.abc import Iterator, Mapping

import cedarpy

from answerable.policy.errors import Problem
from answerable.policy.schema import ACTIONS, Vocabulary, attributes
from answerable.policy.statements import Read, suggestion

_PREAMBLE = re.compile(r"^for policy `policy0`[,:] |^Policy parse error: ")
_FOR_ACTION = re.compile(r' for Action::"\w+"(?= not found$|$)')
_ABOUT = re.compile(r'`(?:\w+::)?"?([^`"]+)"?`')
_NO_SUCH = re.compile(r'entity `(\w+)::"(.+)"` is of an enumerated entity type')
_NO_ACTION = "unable to find an applicable action given the policy scope constraints"

Places = Mapping[tuple[str, ...], frozenset[str]]


def check(one: Read, schema: cedarpy.Schema, vocabulary: Vocabulary) -> list[Problem]:
    """Everything that is wrong with a statement that parses."""
    result = cedarpy.validate_policies(one.statement.text, schema)
    messages = {_said(error.error) for error in result.errors}
    if len(messages) > 1:
        messages.discard(_NO_ACTION)  # what follows from another mistake is not said twice
    if not result.validation_passed and not messages:
        messages.add("does not fit the schema")
    places = attributes(vocabulary)
    problems = [
        _unnamed(one, name, vocabulary)
        if (name := _NO_SUCH.match(message))
        else _located(one, message, places)
        for message in sorted(messages)
    ]
    asked = [(place, name) for op, place, name in _looks(one.body) if op == "has"]
    return problems + [p for place, name in asked for p in _can_be(one, place, name, places)]


def needed(one: Read) -> frozenset[str] | None:
    """The attributes of context that a statement looks at; None where it takes context whole."""
    looks = [name for _, place, name in _looks(one.body) if place == ("context",)]
    whole = sum(node == {"Var": "context"} for node in _nodes(one.body))
    return frozenset(looks) if whole == len(looks) else None


def _said(message: str) -> str:
    return _FOR_ACTION.sub("", _PREAMBLE.sub("", message))


def _located(one: Read, message: str, places: Places) -> Problem:
    found = _ABOUT.search(message)
    about = found.group(1).rpartition(".")[2] if found else ""
    close = ""
    if message.startswith("attribute"):
        close = suggestion(about, frozenset().union(*places.values()))
    elif "unrecognized action" in message:
        close = suggestion(about, ACTIONS)
    return one.segment.problem(message + close, about)


def _unnamed(one: Read, found: re.Match[str], vocabulary: Vocabulary) -> Problem:
    """A name that is nobody's: a `forbid` on it would never fire."""
    kind, name = found.groups()
    known = vocabulary.names[kind]
    close = (
        suggestion(name, known) or f"; there is {', '.join(f'`{one}`' for one in sorted(known))}"
    )
    return one.segment.problem(f"there is no {kind.lower()} `{name}`{close}", name)


def _can_be(one: Read, place: tuple[str, ...], name: str, places: Places) -> Iterator[Problem]:
    where = ".".join(place) or "this"
    if place not in places:
        yield one.segment.problem(f"`{where} has {name}` is never true: nothing can be there", name)
    elif name not in places[place]:
        close = suggestion(name, places[place])
        yield one.segment.problem(f"`{where} has {name}` is never true{close}", name)


def _looks(body: object) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Each `x.name` and `x has name`: the operator, the path to x, the name."""
    for node in _nodes(body):
        for op in (".", "has"):
            look = node.get(op)
            if isinstance(look, dict) and "left" in look and "attr" in look:
                yield op, _place(look["left"]), str(look["attr"])


def _place(left: object) -> tuple[str, ...]:
    """`context.facts` as `("context", "facts")`; empty for anything that is not such a path."""
    if isinstance(left, dict) and "Var" in left:
        return (str(left["Var"]),)
    if isinstance(left, dict) and isinstance(inner := left.get("."), dict):
        before = _place(inner["left"])
        return (*before, str(inner["attr"])) if before else ()
    return ()


def _nodes(body: object) -> Iterator[dict[str, object]]:
    waiting = [body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
