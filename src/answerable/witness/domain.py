"""What is asked of a witness, and whether it may say yes: decided from values alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from answerable.ledger.note import (
    Checkpoint,
    NoteError,
    VerifierKey,
    decode_base64,
    encode_base64,
    parse_checkpoint,
    split_note,
    verify_checkpoint,
)
from answerable.ledger.tree import EMPTY_ROOT, HASH_BYTES, ProofError, verify_consistency
from answerable.witness.errors import NotCosigned, conflict

PROOF_LINES_MAX = 63
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Request:
    """The body of `add-checkpoint`, read; nothing in it is verified."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str
    body: str  # the checkpoint's text: what is cosigned
    head: Checkpoint


@dataclass(frozen=True, slots=True)
class Seen:
    """The head that was cosigned last, and when; of nothing, where none was."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    at_s: int = 0


def parse_request(data: bytes) -> Request:
    """Read the body of `add-checkpoint`. Raises NotCosigned (400)."""
    try:
        head, separator, note = data.decode().partition("\n\n")
        first, *lines = head.split("\n")
        match = _OLD.match(first)
        if match is None or not separator or len(lines) > PROOF_LINES_MAX:
            raise NoteError(
                f"A request is 'old SIZE', at most {PROOF_LINES_MAX} hashes, an empty line and a "
                "checkpoint."
            )
        proof = tuple(decode_base64(line) for line in lines)
        if any(len(each) != HASH_BYTES for each in proof):
            raise NoteError(f"A hash of the proof is not {HASH_BYTES} bytes long.")
        body, _ = split_note(note)
        return Request(int(match[1]), proof, note, body, parse_checkpoint(body))
    except (NoteError, UnicodeDecodeError) as error:
        raise NotCosigned(400, str(error)) from error


def check_signed(request: Request, keys: Sequence[VerifierKey]) -> None:
    """That the log itself signed it. Raises NotCosigned: 404 for a log not known, else 403."""
    if not keys:
        raise NotCosigned(404, f"The log '{request.head.origin}' is not known here.")
    try:
        verify_checkpoint(request.note, keys)
    except NoteError as error:
        raise NotCosigned(403, str(error)) from error


def signed_by_log(request: Request, keys: Sequence[VerifierKey]) -> str:
    """The checkpoint with the log's own signatures only: anybody may have added others."""
    own = {(key.name, key.id) for key in keys}
    _, signatures = split_note(request.note)
    lines = {
        (name, signature[:4]): f"— {name} {encode_base64(signature)}\n"
        for name, signature in signatures
        if (name, signature[:4]) in own
    }
    return f"{request.body}\n{''.join(lines.values())}"


def check_continues(request: Request, seen: Seen) -> None:
    """That it continues what was cosigned last. Raises NotCosigned: 400, 409 or 422."""
    old, size = request.old_size, request.head.size
    if old > size:
        raise NotCosigned(400, f"The old size, {old}, is larger than the checkpoint's, {size}.")
    if old != seen.size:
        raise conflict(seen.size)
    if old == size:
        if request.head.root != seen.root:
            raise conflict(seen.size)
        if request.proof:
            raise NotCosigned(422, "From a size to itself there is nothing to prove.")
        return
    try:
        if old:
            verify_consistency(old, size, request.proof, seen.root, request.head.root)
        elif request.proof:
            raise ProofError("From an empty tree there is nothing to prove.")
    except ProofError as error:
        raise NotCosigned(422, str(error)) from error


def is_fork(request: Request, seen: Seen) -> bool:
    """Whether the log signed another tree of the size that was cosigned: evidence against it."""
    return request.head.size == seen.size and request.head.root != seen.root
