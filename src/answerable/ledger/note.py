"""Signed notes and checkpoints: text that anybody can read, signed by a key they can name.

Formats: C2SP signed-note (c2sp.org/signed-note), C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint),
verifier keys as `golang.org/x/mod/sumdb/note` writes them. Ed25519 (RFC 8032) only: one algorithm
is one less thing to choose wrongly.
"""

import base64
import binascii
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from answerable.base.errors import AnswerableError
from answerable.ledger.port import Signer
from answerable.ledger.tree import HASH_BYTES

VKEY = "ledger.vkey"  # in the home: the key that outsiders verify with; not a secret

_ED25519 = b"\x01"  # signature type of signed-note
_KEY_BYTES = 32
_ID_BYTES = 4
_SIGNATURES_MAX = 100  # as golang.org/x/mod/sumdb/note has it: all verifiers say the same
_NOTE_CHARS_MAX = 1_000_000
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\Z", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIGNATURE_LINE = re.compile(r"— ([^ ]+) ([^ ]+)\Z")


class NoteError(AnswerableError):
    """A note, checkpoint or key that is not as its format says, or not signed by a known key."""

    code = "note_wrong"
    http_status = 422


def key_id(name: str, public_key: bytes) -> bytes:
    """The four bytes that, with the name, say which key signed."""
    return sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:_ID_BYTES]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Who may have signed: what an outsider must be given before anything can be verified."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public_key) != _KEY_BYTES:
            raise NoteError(f"The key of '{self.name}' is not an Ed25519 public key of 32 bytes.")

    @property
    def id(self) -> bytes:
        return key_id(self.name, self.public_key)

    def encode(self) -> str:
        """`<name>+<id in hex>+<base64 of type and key>`, called a vkey."""
        return f"{self.name}+{self.id.hex()}+{encode_base64(_ED25519 + self.public_key)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a vkey; raises NoteError where its id is not its key's, or it is not Ed25519."""
        name, _, rest = text.strip().partition("+")
        id_hex, _, encoded = rest.partition("+")
        key = decode_base64(encoded)
        if key[:1] != _ED25519:
            raise NoteError(f"The key of '{name}' is not of type 1, Ed25519.")
        parsed = cls(name, key[1:])
        if parsed.id.hex() != id_hex:
            raise NoteError(f"The key id of '{name}' is not the hash of its key.")
        return parsed


def verify_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Ed25519 (RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


async def sign_note(text: str, *signers: Signer) -> str:
    """The note of `text`: the text, an empty line, a line for each signature. Raises NoteError."""
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteError(
            "A note's text ends in a newline and has no other control character.",
            "Nothing was signed.",
        )
    note = f"{text}\n"
    for signer in signers:
        check_name(signer.name)
        signature = key_id(signer.name, signer.public_key) + await signer.sign(text.encode())
        note += f"— {signer.name} {encode_base64(signature)}\n"
    return note


def verify_note(note: str, vkeys: Iterable[VerifierKey]) -> str:
    """The text of a note that at least one known key signed, and none signed wrongly.

    Signatures of unknown keys are ignored, as signed-note demands: keys change, witnesses add
    theirs. Raises NoteError.
    """
    return _verify(note, vkeys)[0]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a tree: what a signature makes its signer answer for."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def body(self) -> str:
        return checkpoint_body(self.origin, self.size, self.root, self.extensions)


def checkpoint_body(origin: str, size: int, root: bytes, extensions: Collection[str] = ()) -> str:
    """The text of a checkpoint, ready to sign."""
    lines = [origin, str(size), encode_base64(root), *extensions]
    if size < 0 or len(root) != HASH_BYTES or any(not line or "\n" in line for line in lines):
        raise NoteError(f"No checkpoint has {size} leaves, {len(root)} bytes of root and {lines}.")
    return "\n".join(lines) + "\n"


def parse_checkpoint(body: str) -> Checkpoint:
    """Read a checkpoint's text (of a note already verified); raises NoteError."""
    lines = body.split("\n")
    if lines.pop() or len(lines) < 3 or not all(lines):
        raise NoteError("A checkpoint is three or more lines, none empty, the last one ended.")
    origin, size, root, *extensions = lines
    if not _SIZE.match(size):
        raise NoteError(f"{size!r} is not a tree size.")
    root_bytes = decode_base64(root)
    if len(root_bytes) != HASH_BYTES:
        raise NoteError(f"A root hash has {HASH_BYTES} bytes, not {len(root_bytes)}.")
    return Checkpoint(origin, int(size), root_bytes, tuple(extensions))


def verify_checkpoint(note: str, vkeys: Iterable[VerifierKey]) -> Checkpoint:
    """The head that a known key signed under its own name; raises NoteError.

    The origin must be the name of a key that signed: otherwise a key known for one log could speak
    for another (tlog-checkpoint leaves that to whoever configures the keys).
    """
    text, names = _verify(note, vkeys)
    head = parse_checkpoint(text)
    if head.origin not in names:
        raise NoteError(f"The checkpoint of '{head.origin}' is not signed by that log's key.")
    return head


def note_text(note: str) -> str:
    """A note's text, its signatures not looked at: for notes that we wrote ourselves."""
    return split_note(note)[0]


def check_name(name: str) -> None:
    """A key name is not empty and has no space, plus or control character; raises NoteError."""
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise NoteError(f"{name!r} is not a key name: no spaces, no plus, not empty.")


def decode_base64(text: str) -> bytes:
    """RFC 4648 section 4, the one canonical form only; raises NoteError."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(f"{text[:80]!r} is not base64.") from error
    if encode_base64(data) != text:
        raise NoteError(f"{text[:80]!r} is not base64 as it would be written.")
    return data


def _verify(note: str, vkeys: Iterable[VerifierKey]) -> tuple[str, frozenset[str]]:
    text, signatures = split_note(note)
    known = {(key.name, key.id): key for key in vkeys}
    message = text.encode()
    signed_by: set[str] = set()
    names = [name for name, _ in signatures]
    for name, signature in signatures:
        key = known.get((name, signature[:_ID_BYTES]))
        if key is None:
            continue
        if not verify_signature(key.public_key, message, signature[_ID_BYTES:]):
            raise NoteError(f"The signature of '{name}' is not over this text.")
        signed_by.add(name)
    if not signed_by:
        raise NoteError(f"No known key signed this note, '{names[0]}' did: compare the keys.")
    return text, frozenset(signed_by)


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """A note's text, and the name and bytes of each signature: nothing verified. NoteError."""
    if len(note) > _NOTE_CHARS_MAX or _CONTROL.search(note) or not note.endswith("\n"):
        raise NoteError("A note is a short text without control characters that ends in a newline.")
    text, separator, block = note.rpartition("\n\n")
    lines = block.split("\n")[:-1]
    if not separator or not 0 < len(lines) <= _SIGNATURES_MAX:
        raise NoteError(f"A note ends in an empty line and 1 to {_SIGNATURES_MAX} signatures.")
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    match = _SIGNATURE_LINE.match(line)
    if match is None:
        raise NoteError("A signature line of the note is malformed.")
    name, encoded = match.groups()
    check_name(name)
    signature = decode_base64(encoded)
    if len(signature) <= _ID_BYTES:
        raise NoteError(f"The signature of '{name}' is empty.")
    return name, signature


def encode_base64(data: bytes) -> str:
    """RFC 4648 section 4, padded."""
    return base64.b64encode(data).decode()
