"""A backup: one instant of a home, whoever works in it, verified before it is called one.

Its order is what makes it whole. A key is durable before the record that it sealed, so `keys.db` is
copied after the database: whatever the copy holds, its keys are there. The published files are not
copied, they may be ahead of the copied database: they are written anew from it, and the checkpoint
that was published before is one that the copy must agree with. The manifest comes last; a folder
without one is no backup.

The keys lie in it sealed under the key of its epoch (`store/epochs.py`), which is not in it. When
that is destroyed, nobody can read what people wrote in any backup of the epoch.

It runs in a process of its own beside a worker (`python -m answerable.worker.backup`), which only
shares the disk with it.
"""

import argparse
import asyncio
import hashlib
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from answerable import __version__
from answerable.adapters.engines.embedded.journal import DATABASE, FeedFile
from answerable.adapters.signers.handing import SIGNER_KEY, SIGNER_KEY_NEXT
from answerable.adapters.signers.process import FOLDER as SIGNER_FOLDER
from answerable.adapters.signers.process import SOCKET as SIGNER_SOCKET
from answerable.base.chance import SystemChance
from answerable.base.clock import Clock, SystemClock, iso
from answerable.base.errors import Broken, NotFound, UsageError
from answerable.compose.backups import backup_keys_of
from answerable.compose.settings import SETTINGS, read_settings, settings_folder
from answerable.store.disk import MB, SAMPLES, bytes_free
from answerable.store.epochs import BACKUP_KEYS, BackupKeys, Epoch
from answerable.store.files import replace_file
from answerable.store.keys import HOME_KEY, KEYS, home_key
from answerable.store.keys_sealed import KEYS_SEALED, Seal, keys_in_memory, seal_keys
from answerable.store.lock import LOCK, is_home
from answerable.store.rotation import HOME_KEY_NEXT
from answerable.store.snapshot import copy_database
from answerable.views.index import VIEWS
from answerable.worker.apart import tell
from answerable.worker.heartbeat import HEARTBEAT
from answerable.worker.publisher import TILES, Publisher
from answerable.worker.verbs.proofs import BackupView
from answerable.worker.verification import Bodies, HomeVerified, open_bodies, verify_home
from answerable.worker.wire import SOCKET
from answerable.worker.witnessing.own import KEY_FILE as ML_DSA_KEY
from answerable.worker.witnessing.own import VKEY_FILE as ML_DSA_VKEY

MANIFEST = "MANIFEST.json"
HOME = "home"  # the folder of a backup that is the home
BESIDE = "beside"  # settings and policies, where they lay beside the home
LAST = "last-backup"  # in a home: when it was last backed up, and where to
SECRETS = (HOME_KEY, SIGNER_KEY)
_NEXT = (HOME_KEY_NEXT, SIGNER_KEY_NEXT)  # there while a key is replaced by another

_MADE_AGAIN = {LOCK, SOCKET, HEARTBEAT, SAMPLES, LAST, "__pycache__", TILES, *_NEXT}
_NEVER = {BACKUP_KEYS, SIGNER_FOLDER, SIGNER_SOCKET}
"""With the keys of backups in it a backup would never end; of what a signer's process keeps an
older copy would not be believed."""
_DATABASES = (DATABASE, KEYS, VIEWS)
_MILLISECOND_US = 1_000
_HASHED_AT_ONCE = 1 << 20
_PRIVATE, _PRIVATE_FILE = 0o700, 0o600


class BackupFailed(Broken):
    """What was copied does not hold together: it is no backup, and was removed."""

    code = "backup_failed"


class Mark(msgspec.Struct, frozen=True):
    """What a file of a backup must be."""

    sha256: str
    size: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds, and where its ledger stands."""

    version: int = 1
    program: str
    made_at_us: int  # what was acknowledged before this is in it
    entries: int
    root: str
    checkpoint: str  # signed; empty if nothing was recorded yet
    has_secrets: bool
    files: dict[str, Mark]
    until_us: int = 0  # by the clock of the home that was copied: nothing in it is younger
    epoch: str = ""  # whose key seals its keys; empty in a backup of a program without epochs
    epoch_ends_us: int = 0
    over_us: int = 0  # then that key is destroyed
    keys_in: str = ""  # the folder in which that key lay
    erased: int = 0  # so many keys were destroyed before, as the list in that folder said


def write_backup(
    home: Path, to: Path, *, with_secrets: bool = True, clock: Clock | None = None
) -> BackupView:
    """Copy `home` into the new folder `to` and verify the copy.

    Raises UsageError, NotFound, Broken; then `to` is as it was.
    """
    began = time.monotonic()
    _check(home, to)
    clock = clock or SystemClock()
    sealing = _Sealing.of(home, clock)
    was_there = to.exists()
    try:
        to.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        to.chmod(_PRIVATE)
        manifest, bodies = _fill(home, to, sealing, clock, with_secrets=with_secrets)
        replace_file(to / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)), mode=0o600)
    except BaseException as error:
        shutil.rmtree(to, ignore_errors=True)
        if was_there:
            to.mkdir(mode=_PRIVATE, exist_ok=True)
        if isinstance(error, OSError):
            raise _cannot(to, error) from error
        raise
    last = f"{manifest.made_at_us} {to}\n{manifest.epoch}\n"
    replace_file(home / LAST, last.encode(), mode=0o600)
    return BackupView(
        folder=str(to), entries=manifest.entries,
        size_bytes=sum(mark.size for mark in manifest.files.values()),
        took_s=round(time.monotonic() - began, 2), root=manifest.root,
        bodies=bodies.readable, erased=bodies.erased, made_at=iso(manifest.made_at_us),
        epoch=manifest.epoch, opens_until=iso(manifest.over_us), keys_in=manifest.keys_in,
        is_one_disk=sealing.keys.folder.stat().st_dev == home.stat().st_dev,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Sealing:
    """The keys of the home's backups, and which of them is today's."""

    keys: BackupKeys
    epoch: Epoch
    key: bytes

    @classmethod
    def of(cls, home: Path, clock: Clock) -> "_Sealing":
        keys, terms = backup_keys_of(home, clock)
        keys.end_over(terms)
        return cls(keys, *keys.current(terms))

    @property
    def seal(self) -> Seal:
        return Seal(self.epoch.id, self.key)

    def check_lasts(self) -> None:
        """A copy may take long. Raises BackupFailed."""
        if not self.keys.has_key(self.epoch.id):
            raise BackupFailed(
                f"The key of its epoch {self.epoch.id} was destroyed meanwhile.",
                "No backup was written; earlier ones were not touched.",
                "answerable backup FOLDER",
            )


def _check(home: Path, to: Path) -> None:
    if not (home / DATABASE).exists() or not is_home(home):
        raise NotFound(
            f"'{home}' has nothing to back up.", "Nothing was written.",
            "name a home with --home or ANSWERABLE_HOME",
        )  # fmt: skip
    if to.resolve().is_relative_to(home.resolve()):
        raise UsageError(
            f"'{to}' lies in the home: it would be lost with it.", "Nothing was written.",
            "answerable backup FOLDER",
        )  # fmt: skip
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UsageError(
            f"'{to}' is not an empty folder.", "Nothing was written.", "answerable backup FOLDER"
        )
    needed = sum(path.stat().st_size for path in home.glob("*.db"))
    there = next(folder for folder in to.absolute().parents if folder.exists())
    if bytes_free(there) < needed:
        raise BackupFailed(
            f"A backup needs {needed // MB} MB, and '{there}' has {bytes_free(there) // MB} MB.",
            "Nothing was written.", "answerable backup FOLDER",
        )  # fmt: skip


def _fill(
    home: Path, to: Path, sealing: _Sealing, clock: Clock, *, with_secrets: bool
) -> tuple[Manifest, Bodies]:
    copy, now_us = to / HOME, clock.now()
    copy.mkdir(mode=_PRIVATE)
    secrets = _secrets_of(home)
    published = _published(home)
    copy_database(home / DATABASE, copy / DATABASE)
    until_us = clock.now() + _MILLISECOND_US  # ids tell their time to the millisecond
    seal_keys(home / KEYS, to / KEYS_SEALED, sealing.seal, SystemChance())
    for path in _rest(home):
        _copy_file(path, copy / path.relative_to(home))
    _copy_beside(home, to / BESIDE)
    if _secrets_of(home) != secrets:
        raise _being_replaced()
    asyncio.run(_publish(copy))
    secret = home_key(copy, SystemChance(), may_create=False)
    bodies = open_bodies(copy, keys_in_memory(to / KEYS_SEALED, sealing.seal, secret))
    verified = _verified(home, copy, published)
    if not with_secrets:
        for name in secrets_in(copy):
            (copy / name).unlink(missing_ok=True)
    for leftover in (*copy.glob("*-wal"), *copy.glob("*-shm")):
        leftover.unlink()
    for path in to.rglob("*"):
        path.chmod(_PRIVATE if path.is_dir() else _PRIVATE_FILE)
    checkpoint = copy / TILES / "checkpoint"
    sealing.check_lasts()
    manifest = Manifest(
        program=__version__, made_at_us=now_us, entries=verified.entries, root=verified.root,
        checkpoint=checkpoint.read_text() if checkpoint.exists() else "",
        has_secrets=with_secrets, files=marks_of(to), until_us=until_us,
        epoch=sealing.epoch.id, epoch_ends_us=sealing.epoch.ends_us,
        over_us=sealing.epoch.over_us, keys_in=str(sealing.keys.folder.absolute()),
        erased=len(sealing.keys.erased().kids),
    )  # fmt: skip
    return manifest, bodies


def _secrets_of(home: Path) -> list[bytes]:
    """What opens the home now. A copy with keys of before and after a rotation would open nothing,
    though each half of it verifies. Raises BackupFailed."""
    if any((home / name).exists() for name in _NEXT):
        raise _being_replaced()
    there = [home / name for name in secrets_in(home)]
    return [path.read_bytes() for path in there if path.name != ML_DSA_KEY or path.exists()]


def secrets_in(home: Path) -> tuple[str, ...]:
    """The secrets that a home has: not the signing key, where that is in a process of its own; its
    second one, where it has signed with one."""
    secrets = SECRETS if read_settings(home).ledger.signer == "file" else (HOME_KEY,)
    return (*secrets, ML_DSA_KEY) if (home / ML_DSA_VKEY).exists() else secrets


def _being_replaced() -> BackupFailed:
    return BackupFailed(
        "A key of the home is being replaced.",
        "No backup was written; earlier ones were not touched.",
        "repeat it when the rotation has ended; where it died, `answerable status` settles it",
    )


def _published(home: Path) -> str:
    """The checkpoint that strangers may have; what is copied must agree with it."""
    path = home / TILES / "checkpoint"
    return path.read_text() if path.exists() else ""


def _rest(home: Path) -> Iterator[Path]:
    """Whatever else lies in the home: secrets, settings, policies, agents, what rails keep."""
    for path in sorted(home.iterdir()):
        is_database = path.name.startswith(_DATABASES)
        if path.name in _MADE_AGAIN | _NEVER or is_database or path.suffix == ".tmp":
            continue
        yield from _files_below(path)


def _files_below(path: Path) -> Iterator[Path]:
    if path.is_file() and not path.is_symlink():
        yield path
    elif path.is_dir() and not path.is_symlink() and not path.name.startswith((".", "__")):
        for below in sorted(path.iterdir()):
            yield from _files_below(below)


def _copy_beside(home: Path, to: Path) -> None:
    """Settings and policies that lie in the project's folder; its code is the project's to keep."""
    beside = settings_folder(home)
    if beside is None or beside == home:
        return
    to.mkdir(mode=_PRIVATE)
    _copy_file(beside / SETTINGS, to / SETTINGS)
    policies = beside / read_settings(home).policies
    if policies.is_dir() and policies.resolve().is_relative_to(beside.resolve()):
        for path in _files_below(policies):
            _copy_file(path, to / path.relative_to(beside))


def _copy_file(path: Path, to: Path) -> None:
    to.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    replace_file(to, path.read_bytes(), mode=0o600)


async def _publish(copy: Path) -> None:
    feed = FeedFile(copy)
    try:
        await Publisher(copy).follow(feed)
    finally:
        feed.close()


def _verified(home: Path, copy: Path, published: str) -> HomeVerified:
    earlier = copy.parent / "published-before"
    if published:
        earlier.write_text(published)
    try:
        verified = verify_home(copy, [earlier] if published else [])
    finally:
        earlier.unlink(missing_ok=True)
    if not verified.verified:
        raise BackupFailed(
            f"The home's ledger does not verify: {verified.sentence}",
            "No backup was written; earlier ones were not touched.",
            f"answerable ledger verify --home {home}",
        )
    return verified


def marks_of(folder: Path) -> dict[str, Mark]:
    """Each file of a backup but its manifest: what it is now."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): mark_of(path) for path in files if path.name != MANIFEST}


def mark_of(path: Path) -> Mark:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_HASHED_AT_ONCE):
            digest.update(block)
            size += len(block)
    return Mark(digest.hexdigest(), size)


def _cannot(to: Path, error: OSError) -> BackupFailed:
    return BackupFailed(
        f"'{to}' cannot be written: {error.strerror}.", "No backup was made.", f"ls -ld {to.parent}"
    )


def main(arguments: list[str] | None = None) -> int:
    """For the worker: the view, or the error, as one line of JSON."""
    parser = argparse.ArgumentParser(prog="answerable.worker.backup")
    parser.add_argument("home", type=Path)
    parser.add_argument("to", type=Path)
    parser.add_argument("--without-secrets", action="store_true")
    given = parser.parse_args(arguments)
    return tell(lambda: write_backup(given.home, given.to, with_secrets=not given.without_secrets))


if __name__ == "__main__":
    sys.exit(main())
