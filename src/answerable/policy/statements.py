"""Policy text, cut into statements by us: the engine numbers them and forgets file, line and name.

Only what was read twice the same way is believed: each statement is parsed alone, and the whole
file once more; both must give the same rules in the same order.
"""

import difflib
import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import cedarpy
import msgspec

from answerable.policy.domain import Statement
from answerable.policy.errors import Problem

STATEMENT_BYTES_MAX = 16_384
DEPTH_MAX = 32  # brackets in brackets: Cedar's parser overflows the process' stack below 800
OPERATORS_MAX = 200  # a chain of them is a tree as deep as it is long
ANNOTATIONS = ("id", "hold", "note")

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|;|[^";/]+|.', re.DOTALL)
_OPERATOR = re.compile(r"&&|\|\||[.+*\[-]|\bif\b")
_LEADING = re.compile(r"(?:\s|//[^\n]*)*")
_ID_ANNOTATION = re.compile(r'@id\s*\(\s*"([^"\\]*)"\s*\)')
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
_CUT_SHORT = "unexpected end of input"  # Cedar's words where text stops too early


class _Policy(msgspec.Struct):
    effect: Literal["permit", "forbid"]
    annotations: dict[str, str | None] = {}
    conditions: list[object] = []


class _Parsed(msgspec.Struct):
    staticPolicies: dict[str, _Policy]  # noqa: N815 - Cedar's name
    templates: dict[str, msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Segment:
    """The text of one statement, from its first token to its semicolon."""

    file: str
    line: int
    text: str

    def problem(self, message: str, about: str = "", rule: str | None = None) -> Problem:
        """A problem at the first line that has the word `about` in it, or at the first line."""
        lines = self.text.split("\n")
        word = re.compile(rf"(?<!\w){re.escape(about)}(?!\w)") if about else None
        at = next((i for i, line in enumerate(lines) if word and word.search(line)), 0)
        if rule is None:
            found = _ID_ANNOTATION.search(self.text)
            rule = found.group(1) if found else ""
        return Problem(self.file, self.line + at, rule, message, lines[at].strip()[:120])


@dataclass(frozen=True, slots=True)
class Read:
    """A statement that parses, with its conditions as Cedar's JSON tree, for checks of our own."""

    statement: Statement
    segment: Segment
    body: object


def plain(text: str) -> str:
    """Line ends as Cedar counts them, so that our lines are its lines and an editor's."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read(file: str, text: str) -> tuple[list[Read], list[Problem]]:
    """Every statement of one file, and everything wrong with the others."""
    problems = _hidden_characters(file, text)
    if problems:
        return [], problems
    reads: list[Read] = []
    for segment in split(file, text):
        found = _read_one(segment)
        if isinstance(found, Read):
            reads.append(found)
        else:
            problems.append(found)
    if not problems and not _reads_the_same_whole(text, reads):
        problems.append(Problem(file, 0, "", "reads differently whole and statement by statement"))
    return reads, problems


def split(file: str, text: str) -> Iterator[Segment]:
    """Cut at semicolons outside strings and comments; what is after the last one counts too."""
    start = 0
    for token in _TOKEN.finditer(text):
        if token.group() == ";":
            yield _segment(file, text, start, token.end())
            start = token.end()
    rest = _segment(file, text, start, len(text))
    if rest.text:
        yield rest


def names_in_order(text: str) -> list[str | None]:
    """The `@id` of policy0, policy1, ... as Cedar numbers them when it parses `text`."""
    policies = _parse(text).staticPolicies
    return [policies[f"policy{n}"].annotations.get("id") for n in range(len(policies))]


def suggestion(word: str, known: tuple[str, ...] | frozenset[str]) -> str:
    """`; did you mean `amount`?`, or nothing."""
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def _reads_the_same_whole(text: str, reads: list[Read]) -> bool:
    try:
        return names_in_order(text) == [one.statement.id for one in reads]
    except ValueError:
        return False


def _segment(file: str, text: str, start: int, end: int) -> Segment:
    skipped = _LEADING.match(text, start, end)
    first = skipped.end() if skipped else start
    return Segment(file, text.count("\n", 0, first) + 1, text[first:end])


def _parse(text: str) -> _Parsed:
    return msgspec.json.decode(cedarpy.policies_to_json_str(text), type=_Parsed)


def _read_one(segment: Segment) -> Read | Problem:
    wrong = _too_much(segment)
    if wrong is not None:
        return wrong
    try:
        parsed = _parse(segment.text)
    except ValueError as error:
        return _syntax_problem(segment, str(error))
    wrong = _wrong_shape(segment, parsed)
    if wrong is not None:
        return wrong
    policy = parsed.staticPolicies["policy0"]
    statement = Statement(
        id=policy.annotations["id"] or "",
        file=segment.file,
        line=segment.line,
        text=segment.text,
        effect=policy.effect,
        hold=policy.annotations.get("hold"),
        note=policy.annotations.get("note"),
    )
    return Read(statement, segment, policy.conditions)


def _too_much(segment: Segment) -> Problem | None:
    """What must not reach the engine, which would take the process down with it."""
    if len(segment.text.encode()) > STATEMENT_BYTES_MAX:
        return segment.problem(f"a statement has at most {STATEMENT_BYTES_MAX} bytes")
    tokens = [token.group() for token in _TOKEN.finditer(segment.text)]
    code = " ".join(token for token in tokens if not token.startswith(('"', "//")))
    depths = itertools.accumulate((char in "([{") - (char in ")]}") for char in code)
    if max(depths, default=0) > DEPTH_MAX:
        return segment.problem(f"brackets are nested at most {DEPTH_MAX} deep")
    if len(_OPERATOR.findall(code)) > OPERATORS_MAX:
        few = f"a statement has at most {OPERATORS_MAX} operators and attributes"
        return segment.problem(f"{few}: a list is shorter as `[...].contains(...)`")
    return None


def _wrong_shape(segment: Segment, parsed: _Parsed) -> Problem | None:
    if parsed.templates:
        return segment.problem("templates are not used here: write the rule out", "?principal")
    if len(parsed.staticPolicies) != 1:
        return segment.problem("not exactly one statement before the `;`")
    return _wrong_annotation(segment, parsed.staticPolicies["policy0"])


def _wrong_annotation(segment: Segment, policy: _Policy) -> Problem | None:
    notes = policy.annotations
    for name in sorted(notes):
        if name not in ANNOTATIONS:
            close = suggestion(name, ANNOTATIONS)
            return segment.problem(f"unknown annotation `@{name}`{close}", name)
    if "id" not in notes:
        return segment.problem('no `@id("...")`: every rule needs a name to be held to')
    if not _NAME.match(notes["id"] or ""):
        return segment.problem(
            "`@id` must be letters, digits, `_`, `.`, `-`, at most 64", "@id", ""
        )
    if "hold" in notes and policy.effect == "forbid":
        return segment.problem("`@hold` belongs on a permit; a forbid refuses outright", "hold")
    if "hold" in notes and not _NAME.match(notes["hold"] or ""):
        return segment.problem("`@hold` names the queue or role that is asked", "hold")
    return None


def _syntax_problem(segment: Segment, message: str) -> Problem:
    """Cedar says what is wrong and not where: the first line after which text is past saving."""
    if message == _CUT_SHORT:
        return segment.problem("the statement does not end: a `;` or a bracket is missing")
    lines = segment.text.split("\n")
    for count in range(1, len(lines)):
        try:
            cedarpy.policies_to_json_str("\n".join(lines[:count]))
        except ValueError as error:
            if str(error) != _CUT_SHORT:
                at = segment.problem(message)
                source = lines[count - 1].strip()[:120]
                return Problem(at.file, at.line + count - 1, at.rule, message, source)
    words = re.findall(r"[\w@?']+", message)
    return segment.problem(message, words[-1] if words else "")


def _hidden_characters(file: str, text: str) -> list[Problem]:
    """Text must say what it shows: no invisible characters (CVE-2021-42574)."""
    return [
        Problem(file, number, "", f"hidden character U+{ord(char):04X}")
        for number, line in enumerate(text.split("\n"), 1)
        for char in line
        if char != "\t" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    ]
