"""What a witness remembers, in its own folder: each file is whole on the disk, or as before.

witness.key             its private keys
lock                    who works in the folder
logs/<hash>/vkeys       the keys that a log may sign with, one a line; <hash> is of its origin
logs/<hash>/head        the checkpoint that was cosigned last, with the witness's own signatures
logs/<hash>/forks/<..>  checkpoints that the log signed and that contradict its own earlier ones
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from answerable.base.errors import Broken
from answerable.ledger.cosignature import CosignerKey, cosignatures
from answerable.ledger.note import NoteError, VerifierKey, note_text, parse_checkpoint
from answerable.store.files import replace_file
from answerable.witness.domain import Seen

_FORKS_MAX = 16  # each is evidence enough; whoever holds the log's key could fill the disk


class LogFiles:
    """The files of one log."""

    def __init__(self, state: Path, origin: str) -> None:
        self.origin = origin
        self.folder = state / "logs" / sha256(origin.encode()).hexdigest()

    def known(self) -> list[VerifierKey]:
        """Of the log; none where it is not known. Raises Broken."""
        path = self.folder / "vkeys"
        try:
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            return [VerifierKey.parse(line) for line in lines]
        except (OSError, UnicodeDecodeError, NoteError) as error:
            raise _damaged(path, str(error)) from error

    def add_key(self, key: VerifierKey) -> bool:
        """From now on the log may sign with it too; whether that is new."""
        known = self.known()
        if key in known:
            return False
        lines = "".join(f"{each.encode()}\n" for each in [*known, key])
        replace_file(self.folder / "vkeys", lines.encode())
        return True

    def seen(self, own: Sequence[CosignerKey]) -> Seen:
        """What was cosigned last, proven by the witness's own signature. Raises Broken."""
        path = self.folder / "head"
        try:
            note = path.read_text(encoding="utf-8")
            head = parse_checkpoint(note_text(note))
            said = cosignatures(note, own)
        except FileNotFoundError:
            return Seen()
        except (OSError, UnicodeDecodeError, NoteError) as error:
            raise _damaged(path, str(error)) from error
        if head.origin != self.origin or not said:
            raise _damaged(path, "it does not carry this witness's signature over this log")
        return Seen(head.size, head.root, max(each.at_s for each in said))

    def keep(self, note: str) -> None:
        """The checkpoint that is about to be answered for: on the disk before it is. Broken."""
        replace_file(self.folder / "head", note.encode())

    def keep_fork(self, note: str) -> None:
        """Evidence: the log's own signature over another history."""
        folder = self.folder / "forks"
        name = sha256(note_text(note).encode()).hexdigest()[:16]
        if not folder.exists() or len(list(folder.iterdir())) < _FORKS_MAX:
            replace_file(folder / name, note.encode())

    def forks(self) -> list[Path]:
        return sorted((self.folder / "forks").glob("*"))


def origins(state: Path) -> list[str]:
    """The logs that are known here. Raises Broken."""
    found = []
    for path in sorted((state / "logs").glob("*/vkeys")):
        try:
            found.append(VerifierKey.parse(path.read_text(encoding="utf-8").splitlines()[0]).name)
        except (OSError, UnicodeDecodeError, NoteError, IndexError) as error:
            raise _damaged(path, str(error)) from error
    return sorted(found)


def _damaged(path: Path, why: str) -> Broken:
    return Broken(
        f"'{path}' is damaged: {why}.",
        "Nothing of this log was cosigned: without it a rollback could not be told.",
        "put back the witness's folder as it was; an older copy of it would let a rollback pass",
    )
