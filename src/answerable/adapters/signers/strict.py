"""The keys of a log in a folder of their own, which sign one history and no other.

signer.key       the key that signs
signer.key.next  the key that will, while one is being handed over to
signed           the last checkpoint that was signed, with its signatures: on the disk before they
                 are given away
lock             who works in the folder

Whoever asks may ask for anything: that they hold the home, or have taken it over, gets them the
signature of a tree that continues the last one, and no other.
"""

import contextlib
import fcntl
import os
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

from answerable.adapters.signers.asking import No
from answerable.adapters.signers.file import FileSigner
from answerable.adapters.signers.handing import SIGNER_KEY, SIGNER_KEY_NEXT, take_over
from answerable.base.chance import Chance
from answerable.base.errors import Broken, UsageError
from answerable.exports.receipt import receipt_message
from answerable.ledger.bundle import HEADER
from answerable.ledger.note import (
    Checkpoint,
    NoteError,
    VerifierKey,
    checkpoint_body,
    encode_base64,
    note_text,
    parse_checkpoint,
    verify_checkpoint,
    verify_note,
)
from answerable.ledger.tree import EMPTY_ROOT, HASH_BYTES, ProofError, verify_consistency
from answerable.store.files import replace_file, sync_folder

SIGNED = "signed"
_ROOTS_KEPT = 4_096  # trees of late that a receipt may speak of
_LOCK_S = 10.0  # an earlier process that was killed is gone by then


class SaysNo(Exception):
    """Nothing was signed; `no` is what is told."""

    def __init__(self, why: str, next_command: str = "") -> None:
        self.no = No(why=why, next_command=next_command)
        super().__init__(why)


class StrictKeys:
    """The open folder. One process works in it, and one request at a time."""

    def __init__(self, folder: Path, signer: FileSigner, signed: str, chance: Chance) -> None:
        self._folder = folder
        self._signer = signer
        self._chance = chance
        self._next = _next_of(folder, signer.name, chance)
        self._signed = signed  # a note
        self._last = parse_checkpoint(note_text(signed))
        self._roots: OrderedDict[bytes, None] = OrderedDict({self._last.root: None})

    @classmethod
    def open(cls, folder: Path, chance: Chance) -> "StrictKeys":
        """Raises Broken where the key or what it signed last is not there, or is damaged."""
        name = name_in(folder)
        signer = FileSigner.open(folder / SIGNER_KEY, name=name, chance=chance, may_create=False)
        return cls(folder, signer, last_signed(folder, signer.vkey), chance)

    @property
    def key(self) -> str:
        return self._signer.vkey.encode()

    @property
    def next_key(self) -> str:
        return "" if self._next is None else self._next.vkey.encode()

    @property
    def last(self) -> Checkpoint:
        return self._last

    def sign_tree(self, key: str, body: bytes, size: int, proof: Sequence[bytes]) -> bytes:
        """A signature over a checkpoint's text. Raises SaysNo, Broken."""
        signer = self._of(key)
        head = _head(body)
        self._check_continues(head, size, proof)
        self._check_turn(signer, head)
        line = signature_line(signer.vkey, signature := signer.sign_now(body))
        if head != self._last:
            self._keep(f"{body.decode()}\n{line}", head)
        elif line not in self._signed:
            self._keep(self._signed + line, head)
        return signature

    def _keep(self, note: str, head: Checkpoint) -> None:
        replace_file(self._folder / SIGNED, note.encode(), mode=0o600)
        self._signed, self._last = note, head
        self._roots[head.root] = None
        while len(self._roots) > _ROOTS_KEPT:
            self._roots.popitem(last=False)

    def _check_turn(self, signer: FileSigner, head: Checkpoint) -> None:
        """The next key begins with a tree that the key has signed, and signs what is larger."""
        if signer is self._next and head != self._last:
            raise SaysNo("the next key first signs what the key before it has signed")
        if signer is self._signer and head != self._last and self._has_next_signed:
            raise SaysNo("the log was handed over to the next key")

    @property
    def _has_next_signed(self) -> bool:
        return self._next is not None and is_signed_by(self._signed, self._next.vkey)

    def sign_word(self, key: str, message: bytes) -> bytes:
        """A signature over what is no checkpoint. Raises SaysNo."""
        signer = self._of(key)
        root = message[-HASH_BYTES:]
        if message == receipt_message(root):
            if root not in self._roots:
                raise SaysNo(
                    "a receipt is signed over a tree that was signed of late, and this one was not"
                )
        elif not message.startswith(f"{HEADER}\n".encode()):
            raise SaysNo("only checkpoints, receipts and the seals of bundles are signed here")
        return signer.sign_now(message)

    def make_next(self) -> None:
        """Durable on return; one that is there stays. Raises Broken."""
        if self._next is None:
            path = self._folder / SIGNER_KEY_NEXT
            self._next = FileSigner.open(path, name=self._signer.name, chance=self._chance)

    def take_over(self, key: str) -> None:
        """The next key is the log's; nothing to do where it is already. Raises SaysNo."""
        if key == self.key:
            return
        if self._next is None or key != self.next_key:
            raise SaysNo("that key is not the one that was made to take over")
        if not self._has_next_signed:
            raise SaysNo("the next key has signed nothing yet, so nothing leads to it")
        take_over(self._folder)
        self._signer, self._next = self._next, None

    def drop_next(self) -> None:
        if self._has_next_signed:
            raise SaysNo("the next key has signed: it may be the log's")
        (self._folder / SIGNER_KEY_NEXT).unlink(missing_ok=True)
        self._next = None

    def _of(self, key: str) -> FileSigner:
        for signer in (self._signer, self._next):
            if signer is not None and signer.vkey.encode() == key:
                return signer
        raise SaysNo(f"it has another key than the one asked for: {self.key}")

    def _check_continues(self, head: Checkpoint, size: int, proof: Sequence[bytes]) -> None:
        last = self._last
        if head.origin != last.origin or head.extensions:
            raise SaysNo(f"it signs checkpoints of '{last.origin}' alone, without extensions")
        if head.size < last.size:
            raise SaysNo(
                f"it has signed a tree of {last.size} entries, and this one has {head.size}", _BACK
            )
        if head.size == last.size:
            if head.root != last.root:
                raise SaysNo(f"it has signed another tree of {head.size} entries", _BACK)
            return
        if size != last.size:
            raise SaysNo(f"the proof is from {size} entries, and it signed {last.size} last", _BACK)
        try:
            if size:
                verify_consistency(size, head.size, proof, last.root, head.root)
        except ProofError as error:
            raise SaysNo(f"this tree does not continue the last one: {error.happened}") from None


_BACK = "put back the newest home; if it is lost: answerable signer go-back CHECKPOINT"


def _head(body: bytes) -> Checkpoint:
    try:
        return parse_checkpoint(body.decode())
    except (NoteError, UnicodeDecodeError) as error:
        raise SaysNo(f"that is no checkpoint: {error}") from None


def name_in(folder: Path) -> str:
    """The log's name, as its key file has it. Raises Broken."""
    path = folder / SIGNER_KEY
    try:
        parts = path.read_text(encoding="utf-8").split("+")
    except (OSError, UnicodeDecodeError) as error:
        raise Broken(
            f"'{path}' cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}.",
            "Nothing was signed.",
            f"answerable signer init --state {folder}",
        ) from None
    return parts[2] if len(parts) > 2 else ""


def last_signed(folder: Path, vkey: VerifierKey) -> str:
    """The note that was signed last. Raises Broken: without it a rollback could not be told."""
    path = folder / SIGNED
    try:
        note = path.read_text(encoding="utf-8")
        verify_checkpoint(note, [vkey])
    except (OSError, UnicodeDecodeError, NoteError) as error:
        raise Broken(
            f"'{path}', which says what was signed last, cannot be used: "
            f"{getattr(error, 'strerror', None) or error}",
            "Nothing was signed: without it another history could not be told from this one.",
            f"answerable signer go-back CHECKPOINT --state {folder}",
        ) from None
    return note


def found(folder: Path, name: str, chance: Chance) -> None:
    """A new key for a new log; what is there stays. Raises Broken, NoteError."""
    if (folder / SIGNER_KEY).exists():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    making = folder / f"{SIGNER_KEY}.new"
    signer = FileSigner.open(making, name=name, chance=chance)
    body = checkpoint_body(name, 0, EMPTY_ROOT)
    line = signature_line(signer.vkey, signer.sign_now(body.encode()))
    replace_file(folder / SIGNED, f"{body}\n{line}".encode(), mode=0o600)
    making.replace(folder / SIGNER_KEY)
    sync_folder(folder)


def adopt(folder: Path, key: Path, signed: str) -> None:
    """Take the key of a log over from a file, which is gone afterwards: from `signed` it goes on.

    A death leaves the file, or the folder, with the key. Raises Broken.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(folder / SIGNED, signed.encode(), mode=0o600)
    replace_file(folder / SIGNER_KEY, key.read_bytes(), mode=0o600)
    key.unlink()
    sync_folder(key.parent)


def is_signed_by(note: str, vkey: VerifierKey) -> bool:
    """Whether that key's signature is among a note's, and right."""
    try:
        verify_note(note, [vkey])
    except NoteError:
        return False
    return True


def signature_line(vkey: VerifierKey, signature: bytes) -> str:
    return f"\u2014 {vkey.name} {encode_base64(vkey.id + signature)}\n"


def _next_of(folder: Path, name: str, chance: Chance) -> FileSigner | None:
    path = folder / SIGNER_KEY_NEXT
    if not path.exists():
        return None
    return FileSigner.open(path, name=name, chance=chance, may_create=False)


@contextlib.contextmanager
def held(folder: Path, patience_s: float = _LOCK_S) -> Iterator[None]:
    """One process works in the folder. Raises Broken, UsageError."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(
            f"'{folder}' cannot be written: {error.strerror}.", "Nothing was started.",
            f"ls -ld {folder}",
        ) from error  # fmt: skip
    try:
        _lock(descriptor, folder, patience_s)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path, patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise Broken(
                    f"Another signer works in '{folder}'.", "Nothing was started.",
                    "stop that process",
                ) from None  # fmt: skip
            time.sleep(0.05)
