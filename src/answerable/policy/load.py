"""Policy files become a set in force, or an error that names every mistake: never half of each."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cedarpy
import msgspec

from answerable.base.errors import NotFound, Unreadable
from answerable.policy.check import check, needed
from answerable.policy.domain import Fact, Statement
from answerable.policy.errors import PolicyInvalid, Problem
from answerable.policy.schema import Vocabulary, compile_schema, schema_text
from answerable.policy.statements import Read, names_in_order, plain, read

FILES_MAX = 100
BYTES_MAX = 262_144
STATEMENTS_MAX = 1_000

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}\Z")
_EVERYTHING = Vocabulary()


@dataclass(frozen=True, slots=True, eq=False)
class PolicySet:
    """A set that parsed and fits its schema; immutable, made by `load` only."""

    digest: str  # hex SHA-256 of the schema, the file names and their text
    statements: tuple[Statement, ...]  # in the order of the files, then of their lines
    facts: Mapping[str, type[Fact]]
    handle: cedarpy.PolicySet  # parsed once; evaluation is its only use
    numbered: Mapping[str, int]  # the engine's `policy0` to our place in `statements`
    needed: frozenset[str] | None  # what of the context any rule looks at; None: all of it
    source: bytes  # all that its digest is of: to be kept, and loaded again with `load_kept`


def load_folder(path: Path, vocabulary: Vocabulary = _EVERYTHING) -> PolicySet:
    """Load every `*.cedar` directly in a folder. NotFound without the folder; PolicyInvalid."""
    if not path.is_dir():
        raise NotFound(
            f"There is no policy folder '{path}'.",
            "Nothing was loaded.",
            "answerable policy check FOLDER",
        )
    return load(read_files([path]), vocabulary)


def read_files(paths: Sequence[Path]) -> dict[str, str]:
    """The text of policy files, by name; of a folder, of each `*.cedar` in it. PolicyInvalid."""
    found = [
        file
        for path in paths
        for file in (sorted(path.glob("*.cedar")) if path.is_dir() else [path])
    ]
    files: dict[str, str] = {}
    problems: list[Problem] = []
    for file in found:
        try:
            if file.name in files:
                problems.append(Problem(file.name, 0, "", "two files of this name"))
            elif file.stat().st_size > BYTES_MAX:
                problems.append(Problem(file.name, 0, "", f"more than {BYTES_MAX} bytes"))
            else:
                files[file.name] = file.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            problems.append(Problem(file.name, 0, "", f"not UTF-8 at byte {error.start}"))
        except OSError as error:
            problems.append(Problem(file.name, 0, "", f"cannot be read: {error.strerror}"))
    if problems:
        raise PolicyInvalid(tuple(problems))
    return files


def load(files: Mapping[str, str], vocabulary: Vocabulary = _EVERYTHING) -> PolicySet:
    """Parse, check and number policies given as file name to text; an empty set denies everything.

    Raises PolicyInvalid with every problem found: syntax, schema, annotations, names, size.
    """
    texts = {name: plain(text) for name, text in sorted(files.items())}
    problems = _too_much(texts)
    if problems:
        raise PolicyInvalid(tuple(problems))
    schema = schema_text(vocabulary)
    reads: list[Read] = []
    for name, text in texts.items():
        found, wrong = read(name, text)
        reads += found
        problems += wrong
    problems += _twice(reads)
    compiled = compile_schema(schema)
    for one in reads:
        problems += check(one, compiled, vocabulary)
    if problems:
        raise PolicyInvalid(tuple(sorted(problems)))
    return _in_force(reads, _Source(schema, texts, _named_kinds(vocabulary.facts)))


class PolicySetChanged(Unreadable):
    """What was kept under a digest is not the set of that digest."""

    code = "policy_set_changed"


def load_kept(data: bytes, digest: str) -> PolicySet:
    """A set as it was in force, out of its `source`. Raises PolicySetChanged."""
    try:
        source = _sources.decode(data)
        reads = [one for name, text in source.files.items() for one in read(name, text)[0]]
        kept = _in_force(reads, source)
    except (msgspec.DecodeError, ValueError, LookupError) as error:
        raise PolicySetChanged(f"What is kept as policy set {digest} is none: {error}") from None
    if kept.digest != digest:
        raise PolicySetChanged(f"What is kept as policy set {digest} is set {kept.digest}.")
    return kept


class _Source(msgspec.Struct, frozen=True):
    """The schema is kept whole: ours may be another one by then."""

    schema: str
    files: dict[str, str]
    facts: dict[str, str]  # name -> `str`, `int` or `bool`


_sources = msgspec.json.Decoder(_Source)
_encode_source = msgspec.json.Encoder(order="sorted").encode
_KINDS: Mapping[str, type[Fact]] = {kind.__name__: kind for kind in (str, int, bool)}


def _named_kinds(facts: Mapping[str, type[Fact]]) -> dict[str, str]:
    return {name: kind.__name__ for name, kind in sorted(facts.items())}


def _in_force(reads: list[Read], source: _Source) -> PolicySet:
    text = "\n".join(one.statement.text for one in reads)
    place = {one.statement.id: n for n, one in enumerate(reads)}
    looks = [needed(one) for one in reads]
    return PolicySet(
        digest=_digest(source.schema, source.files),
        statements=tuple(one.statement for one in reads),
        facts={name: _KINDS[kind] for name, kind in source.facts.items()},
        handle=cedarpy.PolicySet.from_str(text),
        numbered={f"policy{n}": place[name or ""] for n, name in enumerate(names_in_order(text))},
        needed=None if None in looks else frozenset().union(*(look or () for look in looks)),
        source=_encode_source(source),
    )


def _too_much(texts: Mapping[str, str]) -> list[Problem]:
    problems = [
        Problem(name, 0, "", "a file name has letters, digits, `.`, `_`, `-`, `/`; at most 128")
        for name in texts
        if not _FILE_NAME.match(name)
    ]
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts.values())
    last = max(texts, default="")
    if len(texts) > FILES_MAX:
        problems.append(Problem(last, 0, "", f"a set has at most {FILES_MAX} files"))
    if size > BYTES_MAX:
        problems.append(Problem(last, 0, "", f"a set has at most {BYTES_MAX} bytes, not {size}"))
    if sum(text.count(";") for text in texts.values()) > STATEMENTS_MAX:
        problems.append(Problem(last, 0, "", f"a set has at most {STATEMENTS_MAX} statements"))
    return problems


def _twice(reads: list[Read]) -> list[Problem]:
    first: dict[str, Statement] = {}
    problems: list[Problem] = []
    for one in reads:
        known = first.setdefault(one.statement.id, one.statement)
        if known is not one.statement:
            message = f"`@id` is taken by {known.file}:{known.line}"
            problems.append(one.segment.problem(message, "@id"))
    return problems


def _digest(schema: str, texts: Mapping[str, str]) -> str:
    """Over names and text, each with its length first, so that no two sets read the same."""
    whole = hashlib.sha256(b"answerable-policy-set/1\n")
    for part in (schema, *(part for item in sorted(texts.items()) for part in item)):
        data = part.encode()
        whole.update(b"%d\n" % len(data))
        whole.update(data)
    return whole.hexdigest()
