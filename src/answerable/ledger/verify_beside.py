"""What lies beside a bundle's entries: handings-over of the key, policy sets, releases, bodies, and
the proof that nothing was left out. Each is believed by what signed entries say of it."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import msgspec

from answerable.ledger.access import read_draft
from answerable.ledger.answer import AnswerWrong, Question, Whole, read_answer, verify_answer
from answerable.ledger.bundle import (
    COMPLETE,
    Answer,
    Asked,
    BundleDamaged,
    Given,
    body_name,
    handing_names,
)
from answerable.ledger.disclosed import NotDisclosed, open_disclosed
from answerable.ledger.domain import INTEGER_MAX, Entry, decode_entry, is_canonical
from answerable.ledger.keychain import HandingOver, KeyChain, handing_over
from answerable.ledger.named_sets import Named, policy_set_digest, release_digest
from answerable.ledger.note import NoteError, VerifierKey
from answerable.ledger.proof import parse_proof, verify_proof
from answerable.ledger.tree import ProofError

HANDING = re.compile(r"rotations/([1-9][0-9]{0,15})(|\.json|\.tlog-proof)\Z", re.ASCII)
BODY = re.compile(r"bodies/(0|[1-9][0-9]{0,15})\.json\Z", re.ASCII)
NAMED = re.compile(r"(policies|releases)/([0-9a-f]{64})\.json\Z", re.ASCII)
BESIDE = (HANDING, BODY, NAMED)
_READ = read_draft("", by="", asked="", bodies=0).kind


Log = tuple[Callable[[int], bytes], int]
"""Gives an entry by its index, if it is there (KeyError); and the size of the log."""


class Members(Protocol):
    """A bundle's members, each as its manifest says."""

    @property
    def names(self) -> Iterable[str]: ...
    def read(self, name: str) -> bytes: ...
    def text(self, name: str) -> str: ...
    def damaged(self, why: str) -> BundleDamaged: ...


@dataclass(frozen=True, slots=True)
class Beside:
    """What was found to hold besides the entries."""

    bodies: int = 0
    bound: int = 0  # bodies whose whole key is given: no second text opens from them
    committed: int = 0  # bodies over which their entry's own commitments are
    whole: Whole | None = None  # what shows that nothing was left out before its close


def chain_of_bundle(members: Members, known: Sequence[VerifierKey]) -> KeyChain:
    """The keys that signed its log, one after the other, each vouched for by the one before.

    Raises BundleDamaged.
    """
    sizes = sorted({int(match[1]) for name in members.names if (match := HANDING.match(name))})
    handings = [_handed(members, size) for size in sizes]
    for before, after in pairwise(handings):
        if before.new != after.old:
            raise members.damaged(
                f"'rotations/{after.size}.json' does not go on from the one before"
            )
    return KeyChain(known, handings)


def handed_in(members: Members, chain: KeyChain) -> list[str]:
    """The checkpoints at which the key was handed over, each verified: its log begins with them."""
    if not chain.is_followed:
        return []
    sizes = {int(match[1]) for name in members.names if (match := HANDING.match(name))}
    proofs = (members.text(handing_names(size)[2]) for size in sorted(sizes))
    return [parse_proof(proof).checkpoint for proof in proofs]


def _handed(members: Members, size: int) -> HandingOver:
    head, entry_name, proof_name = handing_names(size)
    if not {entry_name, proof_name} <= set(members.names):
        raise members.damaged(f"'{head}' lacks its entry or its proof")
    data, proof = members.read(entry_name), members.text(proof_name)
    try:
        handed = handing_over(decode_entry(data))
        parsed = parse_proof(proof)
        if handed is None or handed.size != size or parsed.index != size - 1:
            raise members.damaged(f"'{entry_name}' hands nothing over at that size")
        for key in (handed.old, handed.new):
            if verify_proof(proof, data, [key]).size != size:
                raise members.damaged(f"'{proof_name}' is of another size")
    except (msgspec.DecodeError, UnicodeDecodeError, NoteError, ProofError) as error:
        raise members.damaged(f"'{proof_name}': {error}") from None
    if head in members.names and members.text(head) != parsed.checkpoint:
        raise members.damaged(f"'{head}' is not the head that '{proof_name}' has")
    return handed


def check_beside(
    members: Members, answer: Answer, keys: KeyChain, log: Log, named: Named
) -> Beside:
    """What else is in it, against entries that were proven already and what they name. Raises
    BundleDamaged."""
    for name in members.names:
        if match := NAMED.match(name):
            if not named.names(name, match[2]):
                raise members.damaged(f"'{name}' is named by none of its entries")
            _check_named(members, name, match[1], match[2])
    bodies = list(_opened(members, answer, log))
    return Beside(
        len(bodies), sum(bound for bound, _ in bodies), sum(over for _, over in bodies),
        _complete(members, answer, keys),
    )  # fmt: skip


def _check_named(members: Members, name: str, kind: str, digest: str) -> None:
    data = members.read(name)
    try:
        found = policy_set_digest(data) if kind == "policies" else release_digest(data)
    except ValueError as error:
        raise members.damaged(f"'{name}': {error}") from None
    if found != digest:
        raise members.damaged(f"'{name}' is not what its digest is of")


def _opened(members: Members, answer: Answer, log: Log) -> Iterator[tuple[bool, bool]]:
    """Of each body, whether its key is bound, and whether its words are committed to."""
    lying = {int(match[1]) for name in members.names if (match := BODY.match(name))}
    told = answer.bodies
    given = () if told is msgspec.UNSET else told.given
    if alone := sorted(lying ^ set(given)):
        raise members.damaged(
            f"'{body_name(alone[0])}' is in it or in answer.json, and not in both"
        )
    if any(a >= b for a, b in pairwise(given)):
        raise members.damaged("'answer.json': the bodies that were given do not rise")
    if told is msgspec.UNSET:
        return
    _check_read(members, told, answer.asked, log)
    for index in given:
        name = body_name(index)
        try:
            found = open_disclosed(members.read(name), _entry(log, index))
        except NotDisclosed as error:
            raise members.damaged(f"'{name}': {error}") from None
        yield found.is_bound_by_key, found.is_committed


def _check_read(members: Members, told: Given, asked: Asked, log: Log) -> None:
    """An entry says who was given them, at least so many, and asking for that."""
    try:
        entry = _entry(log, told.read)
    except NotDisclosed as error:
        raise members.damaged(f"'answer.json': the entry of who read: {error}") from None
    count = (entry.change or {}).get("bodies", 0)
    is_theirs = (entry.kind, entry.actor) == (_READ, told.by)
    if not is_theirs or entry.changed("asked") != asked.words:
        raise members.damaged(f"entry {told.read} does not say that they were given to read")
    if not isinstance(count, int) or count < len(told.given):
        raise members.damaged(f"entry {told.read} says that fewer bodies were given")


def _entry(log: Log, index: int) -> Entry:
    entry_at, size = log
    if not 0 <= index < size:
        raise NotDisclosed(f"there is no entry {index}")
    try:
        data = entry_at(index)
        entry = decode_entry(data)
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError) as error:
        raise NotDisclosed(f"its entry is not in the bundle: {error}") from None
    if entry.seq != index or not is_canonical(data, entry):
        raise NotDisclosed("its entry is of another place")
    return entry


def question_of(asked: Asked) -> Question | None:
    """The question to which a complete answer is given; None where none can be."""
    if asked.kind == "party":
        return Question(party=asked.of)
    if asked.kind == "owner":
        until = INTEGER_MAX if asked.until is None else asked.until
        return Question(owner=asked.of, since=asked.since or 0, until=until)
    return None


def _complete(members: Members, answer: Answer, keys: KeyChain) -> Whole | None:
    """What shows up to which close nothing was left out, if it claims so. Raises BundleDamaged
    where that does not hold."""
    if COMPLETE not in set(members.names):
        return None
    try:
        complete = read_answer(members.read(COMPLETE))
        whole = verify_answer(complete, keys)
    except AnswerWrong as error:
        raise members.damaged(f"'{COMPLETE}': {error.happened}") from None
    if complete.question != question_of(answer.asked):
        raise members.damaged(f"'{COMPLETE}' answers another question")
    left_out = sorted({entry.seq for entry in whole.entries} - set(answer.entries))
    if left_out:
        raise members.damaged(f"entry {left_out[0]} is left out")
    return whole
