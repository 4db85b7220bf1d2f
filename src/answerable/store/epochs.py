"""Keys of backups, one for the backups of some days: whoever lacks it can read nobody's words.

A backup outlives what it is a copy of, and a key that was destroyed in the home still lies in it.
So what goes into a backup of the key store is sealed under the key of its epoch, which lies
elsewhere and is destroyed when the epoch's time is over: every backup of it ends with that,
wherever it lies and whoever has it.

An epoch is two files: `EPOCH.key`, 32 bytes, and `EPOCH.json`, which says from when to when and
stays. The key is durable before the other, and nothing is sealed under a key without its dates. A
key whose dates were lost goes when the day in its name is as long ago.
"""

import contextlib
import fcntl
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import msgspec

from answerable.base.chance import Chance
from answerable.base.clock import DAY_US, Clock, day_of, iso
from answerable.base.errors import Broken, NotFound, Unreadable
from answerable.store.earlier import earlier
from answerable.store.erased import ERASED, BackupKeysDamaged, Erased, ErasedList
from answerable.store.files import replace_file, sync_folder

BACKUP_KEYS = "backup-keys"  # in the home, where no other place is named; in no backup
KEY_BYTES = 32
EPOCH_DAYS, KEPT_DAYS = 7, 90
_LOCK = "lock"
_PRIVATE, _PRIVATE_FILE = 0o700, 0o600
_NAME_BYTES = 4


class BackupKeysAway(Broken):
    """The folder that was named for the keys of backups is not there."""

    code = "backup_keys_away"


class EpochEnded(Unreadable):
    """The time of this backup is over: its key was destroyed, and nothing opens it any more."""

    code = "epoch_ended"


class EpochKeyMissing(NotFound):
    """The key of a backup is not in the folder that was looked in."""

    code = "epoch_key_missing"


class Epoch(msgspec.Struct, frozen=True):
    """From when to when backups are sealed under its key, and when that is destroyed: microseconds
    UTC."""

    id: str
    began_us: int
    ends_us: int
    over_us: int


class Terms(msgspec.Struct, frozen=True):
    """How long an epoch is, and how long after its end its backups can be opened."""

    epoch_days: int = EPOCH_DAYS
    kept_days: int = KEPT_DAYS


class BackupKeys:
    """A folder of epochs, and the list of what was erased. Used by one process or several, from any
    thread. Raises Broken where the folder fails."""

    def __init__(self, folder: Path, clock: Clock, chance: Chance) -> None:
        self.folder = folder
        self._clock = clock
        self._chance = chance
        self._may_create = False
        self._before: Path | None = None  # where they lay before another place was named
        self._earlier: list[Path] = []  # where those lie of the backups that the home came out of
        self._erased = ErasedList(folder / ERASED)

    @classmethod
    def of(cls, home: Path, place: Path | None, clock: Clock, chance: Chance) -> Self:
        """Those of a home: in the folder that is named for them, or in the home."""
        keys = cls(place or home / BACKUP_KEYS, clock, chance)
        keys._may_create = place is None
        keys._before = home / BACKUP_KEYS if place else None
        keys._earlier = [folder for folder in earlier(home) if folder != keys.folder]
        return keys

    def check_there(self) -> None:
        """Raises BackupKeysAway: another folder made in its place would be taken for it."""
        if self._before is not None and any(self._before.glob("*.key")):
            raise BackupKeysAway(
                f"Keys of earlier backups lie in '{self._before}', and not in '{self.folder}', "
                "which is named for them.",
                "Nothing was done.",
                f"mv {self._before}/* {self.folder}/",
            )
        if self.folder.is_dir() or self._may_create:
            return
        raise BackupKeysAway(
            f"There is no folder '{self.folder}', which is named for the keys of backups.",
            "Nothing was done.",
            f"mount what it lies on; where it is new: mkdir -m 700 {self.folder}",
        )

    def current(self, terms: Terms) -> tuple[Epoch, bytes]:
        """The epoch of now and its key, durable; a new one where the last one has ended."""
        with self._alone():
            now_us = self._clock.now()
            for epoch in reversed(self._known()):
                key = self._key(epoch.id)
                if key is not None and epoch.began_us <= now_us < epoch.ends_us:
                    return epoch, key
            return self._begun(now_us, terms)

    def key_of(self, epoch: str) -> bytes:
        """Raises EpochEnded, EpochKeyMissing."""
        found = {one.id: one for one in self.epochs()}.get(epoch)
        key = self._key(epoch)
        is_over = found is not None and self._clock.now() >= found.over_us
        if key is not None and found is not None and not is_over:
            return key
        if found is None:
            raise missing(epoch, self.folder) if key is None else _undated(epoch, self.folder)
        if is_over:
            raise ended(found)
        raise EpochKeyMissing(
            f"The key of epoch {epoch} is gone from '{self.folder}' before its time.",
            "Nothing was restored: without it nothing in this backup can be read.",
            "look for a copy of that folder; without one the backups of this epoch are lost",
        )

    def end_over(self, terms: Terms) -> list[Epoch]:
        """Destroy the keys whose time is over; returns which epochs ended with that. A shorter
        time in the settings counts for those of before, a longer one does not."""
        if not self.folder.is_dir():
            return []
        with self._alone():
            now_us, known = self._clock.now(), self._known()
            kept_us = terms.kept_days * DAY_US
            over = [
                one for one in known
                if now_us >= min(one.over_us, one.ends_us + kept_us) and self._path(one.id).exists()
            ]  # fmt: skip
            for one in over:
                if (over_us := one.ends_us + kept_us) < one.over_us:
                    self._write(msgspec.structs.replace(one, over_us=over_us))
                _destroy(self._path(one.id))
            dated = {one.id for one in known}
            for path in self.folder.glob("*.key"):
                if path.stem not in dated and _is_long_over(path.stem, now_us, terms):
                    _destroy(path)
            return over

    def epochs(self) -> list[Epoch]:
        """All that are known, the oldest first; those that are over among them."""
        return self._known() if self.folder.is_dir() else []

    def has_key(self, epoch: str) -> bool:
        return self._key(epoch) is not None

    def erased(self) -> Erased:
        """The keys that were destroyed since there are backups here."""
        return self._erased.read()

    def note_erased(self, kids: Iterable[str]) -> None:
        """These keys were destroyed: durable on return. Raises BackupKeysAway, Broken."""
        gone = list(kids)
        with self._alone():
            self._erased.add(gone)
        self._tell_earlier(gone)

    def note_missing(self, kids: Iterable[str]) -> int:
        """Of these, whichever the list does not have; a damaged list is written again. Returns how
        many were missing."""
        wanted = dict.fromkeys(kids)
        self._tell_earlier(wanted)
        known = self.erased()
        told = frozenset(known.kids)
        left = [kid for kid in wanted if kid not in told]
        if not left and known.is_whole:
            return 0
        with self._alone():
            if known.is_whole:
                self._erased.add(left)
            else:
                self._erased.write_again([*self.erased().kids, *wanted])
        return len(left)

    def _tell_earlier(self, kids: Collection[str]) -> None:
        """A folder that is away is told when it is there again; a damaged list is its home's."""
        for folder in self._earlier:
            keys = BackupKeys(folder, self._clock, self._chance)
            with contextlib.suppress(Broken):
                if keys.epochs() and keys.erased().is_whole:
                    keys.note_missing(kids)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.check_there()
        try:
            self.folder.mkdir(mode=_PRIVATE, exist_ok=True)
            descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _cannot(self.folder, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        except OSError as error:
            raise _cannot(self.folder, error) from error
        finally:
            os.close(descriptor)

    def _begun(self, now_us: int, terms: Terms) -> tuple[Epoch, bytes]:
        name = self._chance.token(_NAME_BYTES).hex()
        ends_us = now_us + terms.epoch_days * DAY_US
        epoch = Epoch(
            f"epo_{day_of(now_us).replace('-', '')}_{name}", now_us, ends_us,
            ends_us + terms.kept_days * DAY_US,
        )  # fmt: skip
        key = self._chance.token(KEY_BYTES)
        replace_file(self._path(epoch.id), key, mode=_PRIVATE_FILE)
        self._write(epoch)
        return epoch, key

    def _write(self, epoch: Epoch) -> None:
        path = self.folder / f"{epoch.id}.json"
        replace_file(path, msgspec.json.encode(epoch) + b"\n", mode=_PRIVATE_FILE)

    def _known(self) -> list[Epoch]:
        found = []
        for path in self.folder.glob("*.json"):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Epoch))
            except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
                raise BackupKeysDamaged(
                    f"'{path}' cannot be read: it says from when to when an epoch is.",
                    "Nothing was done.",
                    f"put back '{path.name}' from a copy of its folder",
                ) from error
        return sorted(found, key=lambda one: (one.began_us, one.id))

    def _path(self, epoch: str) -> Path:
        return self.folder / f"{Path(epoch).name}.key"

    def _key(self, epoch: str) -> bytes | None:
        """None where there is none, or one that was being destroyed."""
        try:
            key = self._path(epoch).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _cannot(self.folder, error) from error
        return key if len(key) == KEY_BYTES and any(key) else None


def ended(epoch: Epoch) -> EpochEnded:
    """What is said of a backup whose time is over."""
    return EpochEnded(
        f"Backups of epoch {epoch.id} cannot be opened any more: it ended on {iso(epoch.ends_us)}, "
        f"and the time of its backups on {iso(epoch.over_us)}.",
        "Nothing was restored, and nobody can read what people wrote in it.",
        "take a newer backup; this one can be deleted",
    )


def missing(epoch: str, folder: Path) -> EpochKeyMissing:
    return EpochKeyMissing(
        f"The key of epoch {epoch} is not in '{folder}'.",
        "Nothing was restored: without it nothing in this backup can be read.",
        "answerable restore FROM --home FOLDER --backup-keys FOLDER-OF-THE-KEYS",
    )


def _undated(epoch: str, folder: Path) -> EpochKeyMissing:
    return EpochKeyMissing(
        f"'{folder}' has the key of epoch {epoch}, and not its dates.",
        "Nothing was restored: nobody could say whether its time is over.",
        f"put back '{epoch}.json' from a copy of that folder",
    )


def _is_long_over(epoch: str, now_us: int, terms: Terms) -> bool:
    """Whether a key without its dates is to go, by the day in its name: a death may have left it,
    or else its dates were lost, or are on their way here. What has no such name is not ours."""
    try:
        began = datetime.strptime(epoch[: len("epo_20260101")], "epo_%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    over = began + timedelta(days=1 + terms.epoch_days + terms.kept_days)
    return now_us >= int(over.timestamp()) * 1_000_000


def _destroy(path: Path) -> None:
    """Overwrite it where it lies, durably, and only then let go of the place."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    path.unlink()
    sync_folder(path.parent)


def _cannot(folder: Path, error: OSError) -> Broken:
    return Broken(
        f"'{folder}' cannot be used: {error.strerror}.",
        "No key of a backup was made, read or destroyed.",
        f"ls -ld {folder}",
    )
