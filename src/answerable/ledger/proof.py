"""The proof that one entry is in the ledger, as a text file: C2SP tlog-proof (c2sp.org/tlog-proof).

c2sp.org/tlog-proof@v1
extra <base64>            left out where there is none; nobody vouches for it
index <number>
<base64 hash>             from the leaf's sibling up to the root's child

<the signed checkpoint>
"""

import base64
import re
from dataclasses import dataclass

from answerable.ledger.note import (
    Checkpoint,
    VerifierKey,
    decode_base64,
    note_text,
    parse_checkpoint,
    verify_checkpoint,
)
from answerable.ledger.tiles import TileReader
from answerable.ledger.tree import HASH_BYTES, ProofError, leaf_hash, verify_inclusion

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"

_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Proof:
    """An entry's place, the way from there to the root, and who signed the root."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""

    def encode(self) -> str:
        """The text of the file."""
        lines = [HEADER]
        if self.extra:
            lines.append(f"extra {_encode(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [_encode(each) for each in self.hashes]
        return "\n".join(lines) + "\n\n" + self.checkpoint


def prove(index: int, checkpoint: str, reader: TileReader, *, extra: bytes = b"") -> Proof:
    """The proof of the entry at `index`, for the tree of `checkpoint`; `reader` is of that size."""
    size = parse_checkpoint(note_text(checkpoint)).size
    if size != reader.size:
        raise ProofError(f"The checkpoint is of {size} entries, the tiles are of {reader.size}.")
    return Proof(index, tuple(reader.inclusion_proof(index)), checkpoint, extra)


def parse_proof(text: str) -> Proof:
    """Read a proof file, nothing verified; raises ProofError or NoteError."""
    head, separator, checkpoint = text.partition("\n\n")
    header, *lines = head.split("\n")
    if header != HEADER or not separator:
        raise ProofError(f"A proof begins with '{HEADER}' and has an empty line.")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0).removeprefix("extra "))
    match = _INDEX.match(lines.pop(0)) if lines else None
    if match is None:
        raise ProofError("A proof names the entry's index.")
    hashes = tuple(decode_base64(line) for line in lines)
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ProofError(f"A hash of the proof is not {HASH_BYTES} bytes long.")
    return Proof(int(match[1]), hashes, checkpoint, extra)


def verify_proof(text: str, entry: bytes, vkeys: list[VerifierKey]) -> Checkpoint:
    """The signed head over `entry` at the proof's index; raises ProofError or NoteError.

    What it does not show: that nothing else was left out. That takes the counters of all entries.
    """
    proof = parse_proof(text)
    head = verify_checkpoint(proof.checkpoint, vkeys)
    verify_inclusion(leaf_hash(entry), proof.index, head.size, proof.hashes, head.root)
    return head


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
