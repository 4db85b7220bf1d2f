"""Which key signs the log, and where it is: in the home's file, or in a process of its own."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from answerable.adapters.engines.embedded.journal import EmbeddedJournal
from answerable.adapters.signers import asking, strict
from answerable.adapters.signers.file import FileSigner
from answerable.adapters.signers.handing import (
    SIGNER_KEY,
    SIGNER_KEY_NEXT,
    settle_signer,
    take_over,
)
from answerable.adapters.signers.process import FOLDER, SOCKET, Line, Place, ProcessSigner
from answerable.base.chance import Chance
from answerable.base.errors import Broken
from answerable.base.settings import Settings
from answerable.engine.port import Record
from answerable.ledger.domain import SEAL_KIND, Seal, decode_entry
from answerable.ledger.keychain import ROTATION, HandingOver, handing_over
from answerable.ledger.note import VKEY, NoteError, VerifierKey, check_name
from answerable.ledger.unsealed import SignerRefused
from answerable.store.files import SecretLost, replace_file


def signer_place(home: Path, settings: Settings) -> Place | None:
    """Where the process is that signs for a home; None where a file's key does."""
    if settings.ledger.signer != "process":
        return None
    if settings.ledger.signer_socket:
        return Place(Path(settings.ledger.signer_socket))
    return Place(home / SOCKET, home / FOLDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Whose log it is, and what its feed says: the newest seal, and who it was last handed to.

    `is_sealed` is whether the latter is under a seal, or is not there.
    """

    home: Path
    origin: str
    chance: Chance
    is_new: bool
    seal: Record | None
    rotated: Record | None
    is_sealed: bool = True


def about(journal: EmbeddedJournal, origin: str, chance: Chance) -> Asking:
    """As the feed of an open home has it."""
    seal = journal.last(SEAL_KIND)
    handings = [each for each in journal.named(f"{ROTATION}_") if _handing(each) is not None]
    rotated = handings[-1] if handings else None
    is_sealed = rotated is None or (seal is not None and rotated.position < seal.position)
    return Asking(
        home=journal.path.parent, origin=origin, chance=chance, is_new=journal.is_new,
        seal=seal, rotated=rotated, is_sealed=is_sealed,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signing:
    """Who signs. `following` is the key that an entry without a seal hands the log to; then both
    seal it, and `take_over` is called."""

    signer: FileSigner | ProcessSigner
    line: Line | None = None
    following: FileSigner | ProcessSigner | None = None

    def make_next(self, home: Path, chance: Chance) -> FileSigner | ProcessSigner:
        """The key that will take over, durable on return. Raises Broken, SignerAway."""
        name = self.signer.name
        if self.line is None:
            return FileSigner.open(home / SIGNER_KEY_NEXT, name=name, chance=chance)
        standing = self.line.ask(asking.MakeNext(), asking.Standing)
        return ProcessSigner(self.line, VerifierKey.parse(standing.next_key))

    def take_over(self, home: Path, new: VerifierKey) -> None:
        """`new` is the log's from here on: its entry is durable, and sealed by both."""
        if self.line is None:
            take_over(home)
        else:
            self.line.ask(asking.TakeOver(new.encode()), asking.Standing)
        publish_vkey(home, new)

    def close(self) -> None:
        if self.line is not None:
            self.line.close()


def open_signing(place: Place | None, about: Asking) -> Signing:
    """Raises SecretLost, Broken, NoteError; SignerAway, SignerRefused."""
    check_name(about.origin)
    signing = _of_file(about) if place is None else _of_process(place, about)
    publish_vkey(about.home, signing.signer.vkey)
    return signing


def _of_file(about: Asking) -> Signing:
    home, name, chance = about.home, about.origin, about.chance
    if about.is_sealed and (home / SIGNER_KEY_NEXT).exists():
        settle_signer(home, about.rotated, name=name, chance=chance)
    if not about.is_new and not (home / SIGNER_KEY).exists() and (home / FOLDER).exists():
        raise Broken(
            f"The signing key of '{home}' is in '{home / FOLDER}', for a process of its own.",
            "Nothing was opened.",
            'put `signer = "process"` back under [ledger], or move the key back: '
            f"mv {home / FOLDER / SIGNER_KEY} {home}",
        )
    signer = FileSigner.open(home / SIGNER_KEY, name=name, chance=chance, may_create=about.is_new)
    if about.is_sealed or not (home / SIGNER_KEY_NEXT).exists():
        return Signing(signer)
    following = FileSigner.open(home / SIGNER_KEY_NEXT, name=name, chance=chance, may_create=False)
    return Signing(signer, following=following if _names(about.rotated, following.vkey) else None)


def _of_process(place: Place, about: Asking) -> Signing:
    if place.folder is not None:
        _settle_folder(place.folder, about)
    line = Line(place)
    try:
        standing = line.ask(asking.Who(), asking.Standing)
        if about.is_sealed and standing.next_key:
            is_named = _names(about.rotated, VerifierKey.parse(standing.next_key))
            settled = asking.TakeOver(standing.next_key) if is_named else asking.DropNext()
            standing = line.ask(settled, asking.Standing)
        signer = ProcessSigner(line, VerifierKey.parse(standing.key))
        if signer.name != about.origin:
            raise SignerRefused(
                f"The signer at '{place.socket}' signs for '{signer.name}', and this log is "
                f"'{about.origin}'.",
                "Nothing was opened.",
                "correct `signer_socket` or `origin` under [ledger] in answerable.toml",
            )
        _check_key(about, signer.vkey, place)
    except BaseException:
        line.close()
        raise
    if about.is_sealed or not standing.next_key:
        return Signing(signer, line)
    following = VerifierKey.parse(standing.next_key)
    is_named = _names(about.rotated, following)
    return Signing(signer, line, ProcessSigner(line, following) if is_named else None)


def _settle_folder(folder: Path, about: Asking) -> None:
    """A new log's key is made in the folder; the key of a log that signed with a file moves."""
    key, kept = about.home / SIGNER_KEY, folder / SIGNER_KEY
    if key.exists() and not kept.exists() and about.seal is not None:
        FileSigner.open(key, name=about.origin, chance=about.chance, may_create=False)
        strict.adopt(folder, key, _note(about.seal))
    elif key.exists() and kept.exists() and key.read_bytes() == kept.read_bytes():
        key.unlink()  # a death came between
    elif key.exists() and kept.exists():
        raise Broken(
            f"'{key}' and '{kept}' are two keys, and one signs.", "Nothing was opened.",
            f"mv {key} {key}.other",
        )  # fmt: skip
    if about.is_new:
        strict.found(folder, about.origin, about.chance)
    elif not kept.exists():
        raise SecretLost(kept, "nothing more can be signed so that auditors accept it")


def _check_key(about: Asking, key: VerifierKey, place: Place) -> None:
    """It must be the key that signed the newest seal."""
    if about.seal is None:
        return
    if not strict.is_signed_by(_note(about.seal), key):
        raise SignerRefused(
            f"The signer at '{place.socket}' has the key {key.encode()}, which has not signed the "
            f"newest checkpoint of '{about.home}'.",
            "Nothing was opened.",
            "start the signer of this home, or correct `signer_socket` under [ledger]",
        )


def _note(seal: Record) -> str:
    return msgspec.json.decode(seal.data, type=Seal).note


def _names(rotated: Record | None, key: VerifierKey) -> bool:
    handing = _handing(rotated) if rotated is not None else None
    return handing is not None and handing.new == key


def _handing(record: Record) -> HandingOver | None:
    """What the entry hands over. None where it does not, or cannot be read: verifying says so."""
    try:
        return handing_over(decode_entry(record.data))
    except (msgspec.DecodeError, UnicodeDecodeError, NoteError):
        return None


def publish_vkey(home: Path, key: VerifierKey) -> None:
    path, text = home / VKEY, f"{key.encode()}\n".encode()
    if not path.exists() or path.read_bytes() != text:
        replace_file(path, text)
