"""A home out of a backup: checked byte by byte, verified, and only then there.

What was recorded after the backup is gone, and this cannot be hidden from who holds a later
checkpoint: a home that goes on from here signs a second history. So it is asked for, and said.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from answerable.base.clock import Clock, SystemClock, iso
from answerable.base.errors import Broken, NotFound, Refused, UsageError
from answerable.ledger.note import VKEY, NoteError, VerifierKey, verify_checkpoint
from answerable.store.earlier import note_earlier
from answerable.store.files import replace_file
from answerable.store.keys import HOME_KEY, KEY_BYTES
from answerable.store.restored import note_restored
from answerable.worker.backup import (
    BESIDE,
    HOME,
    MANIFEST,
    BackupFailed,
    Manifest,
    mark_of,
    secrets_in,
)
from answerable.worker.beside import beside, missing_code
from answerable.worker.unsealing import Opening, note_what_is_gone, opening_of, put_keys
from answerable.worker.verification import Bodies, chain_in, open_bodies, verify_home
from answerable.worker.witnessing.own import KEY_FILE as ML_DSA_KEY

_PRIVATE = 0o700


class BackupDamaged(Broken):
    """A file of the backup is not what its manifest says."""

    code = "backup_damaged"


class LogForked(Refused):
    """Strangers hold a checkpoint of more entries than the backup has."""

    code = "log_forked"
    http_status = 409


@dataclass(frozen=True, slots=True)
class Restored:
    """A home that can be worked in, and what is not in it."""

    home: str
    entries: int
    root: str
    made_at: str
    bodies: int
    erased: int
    lost: int  # entries that strangers saw signed and that are gone; -1 where nobody said
    beside: tuple[str, ...]  # files that were put beside the home
    kept: tuple[str, ...]  # others of these names that lay there, and were left as they are
    missing: tuple[str, ...] = ()  # code that the settings name: no backup holds it
    epoch: str = ""  # of the backup; empty where a program without epochs made it
    forgotten: int = 0  # keys destroyed since; -1 where nobody said who was erased


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to restore, and what its asker knows."""

    source: Path
    home: Path
    secrets: Path | None = None  # where home.key and signer.key are, if not in the backup
    latest: Path | None = None  # the newest checkpoint that anybody holds
    backup_keys: Path | None = None  # where the keys of backups are, if not where they were
    accept_fork: bool = False
    say: Callable[[str], None] = lambda _: None  # what is done, before it is done
    clock: Clock = field(default_factory=SystemClock)


def restore(request: Request) -> Restored:
    """Make the home. Raises UsageError, NotFound, EpochEnded, BackupDamaged, LogForked; then
    nothing is there.

    The home appears, by one rename, when everything in it has been verified.
    """
    home = request.home.absolute()
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise UsageError(
            f"'{home}' is there already.", "Nothing was written.",
            f"answerable restore {request.source} --home FOLDER",
        )  # fmt: skip
    manifest = read_manifest(request.source)
    opening = opening_of(manifest, request.backup_keys, request.clock)
    around = beside(request.source / BESIDE, home)
    if around.put:
        request.say(f"Into '{around.folder}', beside the home, go {', '.join(around.put)}.")
    if around.kept:
        request.say(f"In '{around.folder}' others lie, and stay: {', '.join(around.kept)}.")
    try:
        with _alone_beside(home):
            lost, bodies, forgotten = _made(request, manifest, opening, home)
    except OSError as error:
        raise BackupFailed(
            f"'{home}' cannot be written: {error.strerror}.", "No home was made.",
            f"ls -ld {home.parent}",
        ) from error  # fmt: skip
    around.write()
    return Restored(
        str(home), manifest.entries, manifest.root, iso(manifest.made_at_us), bodies.readable,
        bodies.erased, lost, around.put, around.kept, tuple(missing_code(home)),
        manifest.epoch, forgotten,
    )  # fmt: skip


def _made(
    request: Request, manifest: Manifest, opening: Opening, home: Path
) -> tuple[int, Bodies, int]:
    """Make the home in a folder beside it, and put it in its place when all of it is verified."""
    making = home.with_name(f".{home.name}.restoring")
    shutil.rmtree(making, ignore_errors=True)
    try:
        shutil.copytree(request.source / HOME, making)
        making.chmod(_PRIVATE)
        _put_secrets(request, manifest, making)
        lost = _lost(request, manifest, making)
        earlier = [request.latest] if request.latest is not None and lost <= 0 else []
        verified = verify_home(making, earlier)
        if not verified.verified or (verified.entries, verified.root) != (
            manifest.entries, manifest.root,
        ):  # fmt: skip
            raise BackupDamaged(
                f"The ledger of the backup does not verify: {verified.sentence}",
                "No home was made.", "answerable restore FROM --home FOLDER",
            )  # fmt: skip
        bodies = open_bodies(making, put_keys(opening, request.source, making, _secret(making)))
        forgotten = note_what_is_gone(opening, making)
        note_earlier(making, opening.folders)
        now_us = max(request.clock.now(), manifest.until_us)  # our clock may be behind its clock
        note_restored(making, made_at_us=manifest.made_at_us, at_us=now_us)
        making.replace(home)
        return lost, bodies, forgotten
    finally:
        shutil.rmtree(making, ignore_errors=True)


@contextlib.contextmanager
def _alone_beside(home: Path) -> Iterator[None]:
    """Another restore into the same place would take the half of a home that we make away from us,
    or put its own half there. Raises BackupFailed."""
    home.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupFailed(
                f"Another restore works in '{home.parent}'.", "Nothing was written.",
                "wait until it has ended, then repeat the command",
            ) from None  # fmt: skip
        yield
    finally:
        os.close(descriptor)


def read_manifest(source: Path) -> Manifest:
    """The manifest of a backup, every file of which is as it says. Raises NotFound, BackupDamaged.

    A file that the manifest does not name is not restored; a link to a folder is one, for it would
    be copied with all that lies behind it.
    """
    path = source / MANIFEST
    if not path.is_file():
        raise NotFound(
            f"'{source}' is no backup: it has no {MANIFEST}.", "Nothing was restored.",
            f"ls {source}",
        )  # fmt: skip
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(f"'{path}' cannot be read: {error}") from error
    there = {
        str(each.relative_to(source)) for each in source.rglob("*")
        if each != path and (each.is_symlink() or not each.is_dir())
    }  # fmt: skip
    if unknown := there - manifest.files.keys():
        raise _damaged(f"'{min(unknown)}' is not in its manifest")
    for name, mark in manifest.files.items():
        file = source / name
        if not file.is_file():
            raise _damaged(f"'{name}' is missing")
        if mark_of(file) != mark:
            raise _damaged(f"'{name}' is not what was backed up")
    return manifest


def _damaged(what: str) -> BackupDamaged:
    return BackupDamaged(
        f"The backup is damaged: {what}.", "Nothing was restored.",
        "take another copy of this backup, or an earlier one",
    )  # fmt: skip


def _put_secrets(request: Request, manifest: Manifest, making: Path) -> None:
    if request.secrets is None and manifest.has_secrets:
        return
    wanted = secrets_in(making)
    if request.secrets is None:
        raise UsageError(
            f"The backup was made without {' and '.join(wanted)}.", "Nothing was restored.",
            f"answerable restore {request.source} --home FOLDER --secrets FOLDER",
        )  # fmt: skip
    for name in wanted:
        file = request.secrets / name
        if name == ML_DSA_KEY and not file.is_file() and (making / name).is_file():
            continue  # an earlier program left it in
        if not file.is_file():
            raise NotFound(
                f"There is no '{file}'.", "Nothing was restored.", f"ls {request.secrets}"
            )
        replace_file(making / name, file.read_bytes(), mode=0o600)


def _secret(home: Path) -> bytes:
    secret = (home / HOME_KEY).read_bytes()
    if len(secret) != KEY_BYTES:
        raise BackupDamaged(
            "The home.key is not one.", "Nothing was restored.", "take the one of this home"
        )
    return secret


def _lost(request: Request, manifest: Manifest, making: Path) -> int:
    """How many entries that were signed are not in the backup. Raises LogForked, NoteError."""
    if request.latest is None:
        return -1
    if not request.latest.is_file():
        raise NotFound(
            f"There is no '{request.latest}'.", "Nothing was restored.", f"ls {request.latest}"
        )
    vkey = VerifierKey.parse((making / VKEY).read_text())
    try:
        text = request.latest.read_text(encoding="utf-8")
        latest = verify_checkpoint(text, chain_in(making, [vkey]).of(text))
    except UnicodeDecodeError as error:
        raise NoteError(f"'{request.latest}' is not a checkpoint: it is not text.") from error
    lost = latest.size - manifest.entries
    if lost > 0 and not request.accept_fork:
        raise LogForked(
            f"{latest.size} entries of this log were signed, and the backup has "
            f"{manifest.entries}: to go on from it is to sign a second history.",
            "Nothing was restored.",
            f"look for a newer backup, or `answerable restore {request.source} "
            "--home FOLDER --accept-fork` and tell who holds a later checkpoint",
        )
    return max(0, lost)
