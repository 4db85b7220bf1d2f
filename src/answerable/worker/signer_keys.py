"""What an operator does with a signer's folder: found it, fill it from a home, let it go back."""

from pathlib import Path

import msgspec

from answerable.adapters.engines.embedded.journal import FeedFile
from answerable.adapters.signers import strict
from answerable.adapters.signers.file import FileSigner
from answerable.adapters.signers.handing import SIGNER_KEY
from answerable.base.chance import SystemChance
from answerable.base.clock import SystemClock, iso
from answerable.base.errors import Broken, NotFound, UsageError
from answerable.compose.settings import read_settings
from answerable.ledger import rows as ledger_rows
from answerable.ledger.domain import Seal
from answerable.ledger.note import (
    Checkpoint,
    NoteError,
    note_text,
    parse_checkpoint,
    verify_checkpoint,
)
from answerable.store.files import replace_file
from answerable.store.lock import HomeLock
from answerable.worker.verification import check_has_ledger

WENT_BACK = "went-back"  # in the folder: each time that it was told to, a line


def found_signer(folder: Path, origin: str) -> None:
    """A new key, for a log that has nothing yet. Raises UsageError, NoteError, Broken."""
    _check_empty(folder)
    with_folder(folder)
    with strict.held(folder):
        strict.found(folder, origin, SystemChance())


def move_signer(home: Path, folder: Path) -> None:
    """The key that a home signed with goes to the folder, and on from its newest checkpoint.

    Raises HomeHeld, NotFound, UsageError, SecretLost, NoteError, Broken.
    """
    _check_empty(folder)
    check_has_ledger(home)
    HomeLock.check_free(home)
    feed = FeedFile(home)
    try:
        seal = ledger_rows.last_seal(feed.state)
    finally:
        feed.close()
    if seal is None:
        raise NotFound(
            f"'{home}' has signed nothing yet.", "Nothing was moved.",
            f"answerable signer init --origin ORIGIN --state {folder}",
        )  # fmt: skip
    name, key = read_settings(home).ledger.origin, home / SIGNER_KEY
    signer = FileSigner.open(key, name=name, chance=SystemChance(), may_create=False)
    note = msgspec.json.decode(seal, type=Seal).note
    verify_checkpoint(note, [signer.vkey])
    with_folder(folder)
    with strict.held(folder):
        strict.adopt(folder, key, note)


def back_to(folder: Path, checkpoint: Path) -> tuple[Checkpoint, str]:
    """The head that a checkpoint of this key signs, and how far it has signed, as a word.

    Raises NotFound, NoteError, Broken.
    """
    return _read(folder, checkpoint)[1:]


def go_back_to(folder: Path, checkpoint: Path) -> None:
    """From here the folder's key goes on; that it did is kept. Raises as `back_to`."""
    with strict.held(folder, 0.0):
        note, head, last = _read(folder, checkpoint)
        path = folder / WENT_BACK
        said = path.read_text(encoding="utf-8") if path.exists() else ""
        line = f"{iso(SystemClock().now())} from {last} to {head.size} {head.root.hex()}\n"
        replace_file(path, f"{said}{line}".encode(), mode=0o600)
        replace_file(folder / strict.SIGNED, note.encode(), mode=0o600)


def _read(folder: Path, checkpoint: Path) -> tuple[str, Checkpoint, str]:
    name = strict.name_in(folder)
    chance = SystemChance()
    signer = FileSigner.open(folder / SIGNER_KEY, name=name, chance=chance, may_create=False)
    try:
        note = checkpoint.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(
            f"'{checkpoint}' cannot be read: {getattr(error, 'strerror', None) or 'no text'}.",
            "Nothing was changed.", f"ls -l {checkpoint}",
        ) from None  # fmt: skip
    head = verify_checkpoint(note, [signer.vkey])
    try:
        signed = strict.last_signed(folder, signer.vkey)
        last = f"{parse_checkpoint(note_text(signed)).size} entries"
    except (Broken, NoteError):
        last = "nobody knows how many entries"
    return note, head, last


def _check_empty(folder: Path) -> None:
    if (folder / SIGNER_KEY).exists():
        raise UsageError(
            f"'{folder}' has a signing key already.", "Nothing was made.",
            f"answerable signer show --state {folder}",
        )  # fmt: skip


def with_folder(folder: Path) -> None:
    """Raises UsageError where it cannot be made."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"'{folder}' cannot be made: {error.strerror}.", "Nothing was made.",
            f"ls -ld {folder.parent}",
        ) from None  # fmt: skip
