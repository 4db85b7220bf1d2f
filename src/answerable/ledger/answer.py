"""Everything of one party, or under one person between two times, in a file that a stranger checks.

    question     who, and from when until when
    checkpoint   a signed head
    entries      canonical JSON: those asked for, the neighbours outside the range, and one close
    hashes       the one proof that leads from all of them to that head (`many.many_proof`)
    names, bucket, path   how many the close says have counted, and the proof of whom it is about

Nothing is left out, because the entries count without a gap, and the close, which comes after
them, says at which number they end. Where it does not, an entry outside of the range stands there.
Times: `skew` of the close is how far an entry's time has ever been behind one before it, so that
what lies beyond a neighbour that is further out than that is outside too.
"""

from binascii import b2a_base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from answerable.base.errors import AnswerableError
from answerable.ledger.counted import Counted, party_name, person_name
from answerable.ledger.domain import (
    CLOSED,
    INTEGER_MAX,
    Entry,
    Owner,
    Subject,
    decode_entry,
    is_canonical,
)
from answerable.ledger.keychain import KeyChain, chain_of
from answerable.ledger.many import many_root
from answerable.ledger.note import NoteError, VerifierKey, decode_base64, verify_checkpoint
from answerable.ledger.tree import ProofError, leaf_hash

FORMAT = "answerable.complete@v1"


class AnswerWrong(AnswerableError):
    """An answer does not show what it claims: something is left out, put in or altered."""

    code = "answer_wrong"
    http_status = 422
    exit_code = 1


class Glimpse(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """As much of an entry as it takes to see whether it is asked for."""

    oseq: int | None = None
    owner: Owner | None = None
    seq: int
    subject: Subject | None = None
    ts: int


glimpse = msgspec.json.Decoder(Glimpse).decode
"""Of an entry's bytes."""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything of `party`, or under `owner`; at or after `since` and before `until`, in
    microseconds UTC."""

    party: str = ""
    owner: str = ""
    since: int = 0
    until: int = INTEGER_MAX

    @property
    def name(self) -> str:
        """Of the counter that counts it."""
        return party_name(self.party) if self.party else person_name(self.owner)

    def number(self, entry: Entry | Glimpse) -> int:
        """The entry's number for whom is asked about; 0 where it is not about them."""
        if self.party:
            subject = entry.subject
            return subject.sseq if subject and subject.pid == self.party else 0
        owner = entry.owner
        return (entry.oseq or 0) if owner and owner.person == self.owner else 0

    def is_in(self, ts: int) -> bool:
        return self.since <= ts < self.until


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """As it is written to a file."""

    format: str = FORMAT
    question: Question
    checkpoint: str
    close: int  # index of the close
    names: int
    bucket: tuple[tuple[str, int], ...]  # key in hex, and its counter
    path: tuple[str, ...]  # base64, as all hashes that follow
    entries: tuple[str, ...]
    hashes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """What an answer shows: these entries and no others, among the first `close` of the log."""

    entries: tuple[Entry, ...]
    all: int  # how many there are of them at any time
    close: int
    as_of: int  # time of the close, microseconds UTC


def answer_of(
    question: Question, close: int, counted: Counted, entries: Iterable[bytes], *,
    checkpoint: str, hashes: Iterable[bytes],
) -> Answer:  # fmt: skip
    return Answer(
        question=question, checkpoint=checkpoint, close=close, names=counted.names,
        bucket=tuple((key.hex(), last) for key, last in counted.rows),
        path=tuple(map(_text, counted.path)),
        entries=tuple(entry.decode() for entry in entries), hashes=tuple(map(_text, hashes)),
    )  # fmt: skip


def read_answer(data: bytes) -> Answer:
    """Nothing is checked but its form. Raises AnswerWrong."""
    try:
        answer = msgspec.json.decode(data, type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _wrong(f"it cannot be read: {error}") from None
    if msgspec.json.encode(answer) != data.removesuffix(b"\n"):
        raise _wrong("it is not written in its one form")
    if answer.format != FORMAT:
        raise _wrong(f"its format is {answer.format!r}, not {FORMAT!r}")
    return answer


def verify_answer(answer: Answer, keys: Iterable[VerifierKey] | KeyChain) -> Whole:
    """What it shows. Raises AnswerWrong where it does not show that nothing is left out."""
    question = answer.question
    if bool(question.party) == bool(question.owner):
        raise _wrong("it must ask about a party or about a person, and not about both")
    if not 0 <= question.since <= question.until <= INTEGER_MAX:
        raise _wrong("its period ends before it begins, or is none that an entry can lie in")
    entries = _proven(answer, keys)
    close = entries.pop(answer.close, None)
    if close is None or close.kind != CLOSED:
        raise _wrong(f"entry {answer.close} is not there as a close")
    last = _last(answer, close)
    run = [entries[index] for index in sorted(entries)]
    if run and run[-1].seq > close.seq:
        raise _wrong(f"entry {run[-1].seq} comes after the close")
    _check_run(question, run, last, _skew(close))
    asked = tuple(entry for entry in run if question.is_in(entry.ts))
    return Whole(asked, last, close.seq, close.ts)


def _proven(answer: Answer, keys: Iterable[VerifierKey] | KeyChain) -> dict[int, Entry]:
    """The entries by their index, each of them in the signed log at that index."""
    entries: dict[int, Entry] = {}
    leaves: dict[int, bytes] = {}
    try:
        head = verify_checkpoint(answer.checkpoint, chain_of(keys).of(answer.checkpoint))
        for text in answer.entries:
            data = text.encode()
            entry = decode_entry(data)
            if not is_canonical(data, entry) or entry.seq in entries:
                raise _wrong(f"entry {entry.seq} is there twice, or not in canonical form")
            entries[entry.seq], leaves[entry.seq] = entry, leaf_hash(data)
        hashes = [decode_base64(each) for each in answer.hashes]
        if many_root(leaves, head.size, hashes) != head.root:
            raise _wrong("its entries and hashes do not lead to the signed root")
    except (NoteError, ProofError, msgspec.DecodeError, UnicodeError) as error:
        raise _wrong(str(error).rstrip(".")) from None
    return entries


def _last(answer: Answer, close: Entry) -> int:
    """The number at which they end, as the close commits it."""
    said = close.change or {}
    try:
        rows = [(bytes.fromhex(key), last) for key, last in answer.bucket]
        counted = Counted(answer.names, rows, [decode_base64(each) for each in answer.path])
        root = bytes.fromhex(str(said.get("root", "")))
        last = counted.last(answer.question.name, root)
    except (ValueError, OverflowError, NoteError) as error:
        raise _wrong(f"its bucket cannot be read: {error}") from None
    is_hex = root.hex() == said.get("root")
    is_hex &= all(
        key.hex() == text for (key, _), (text, _) in zip(rows, answer.bucket, strict=True)
    )
    if last is None or said.get("names") != answer.names or not is_hex:
        raise _wrong("its bucket is not the one that the close commits")
    return last


def _skew(close: Entry) -> int:
    skew = (close.change or {}).get("skew")
    if not isinstance(skew, int) or skew < 0:
        raise _wrong(f"the close has a skew of {skew!r}")
    return skew


def _check_run(question: Question, run: Sequence[Entry], last: int, skew: int) -> None:
    """Their numbers have no gap, and what lies beyond both ends is not asked for."""
    numbers = [question.number(entry) for entry in run]
    if not run:
        if last:
            raise _wrong(f"all {last} entries are left out")
        return
    for expected, entry in enumerate(run, numbers[0]):
        number = question.number(entry)
        if not number or number != expected:
            raise _wrong(f"entry {entry.seq} is number {number} of them, where {expected} is due")
    if numbers[-1] > last:
        raise _wrong(f"entry {run[-1].seq} is number {numbers[-1]}, and the close counts {last}")
    if numbers[0] > 1 and run[0].ts + skew >= question.since:
        raise _wrong(f"number {numbers[0] - 1} of them is left out, which may be asked for")
    if numbers[-1] < last and run[-1].ts - skew < question.until:
        raise _wrong(f"number {numbers[-1] + 1} of them is left out, which may be asked for")


def _text(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()


def _wrong(why: str) -> AnswerWrong:
    return AnswerWrong(
        f"The answer does not show that nothing is left out: {why}.", "It is not to be relied on.",
        "ask for it again",
    )  # fmt: skip
