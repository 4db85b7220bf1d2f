"""Checks of a home's files: who may read them, what a death has left, what can be made again."""

import asyncio
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from answerable.adapters.engines.embedded.journal import DATABASE, FeedFile
from answerable.adapters.signers.handing import SIGNER_KEY
from answerable.base.clock import DAY_US
from answerable.compose.settings import read_settings
from answerable.ledger.sealing import head_from
from answerable.ledger.tiles import TilesAhead
from answerable.store.disk import MB, Disk
from answerable.store.epochs import BACKUP_KEYS
from answerable.store.keys import HOME_KEY, KEYS
from answerable.store.rotation import HOME_KEY_NEXT, settle_home_key
from answerable.store.stopfile import STOP_FILE
from answerable.views.index import VERSION, VIEWS
from answerable.worker.backup import LAST
from answerable.worker.doctor.patient import Check, Patient, Trouble
from answerable.worker.publisher import TILES, Publisher
from answerable.worker.wire import SOCKET, clear_socket
from answerable.worker.witnessing.own import KEY_FILE as ML_DSA_KEY

_OTHERS = 0o077
_PRIVATE = (HOME_KEY, SIGNER_KEY, ML_DSA_KEY, KEYS, DATABASE, BACKUP_KEYS)
_DAYS_MIN = 7
_BACKUP_AGE_US = 7 * DAY_US
_STOP_WORKER = "stop the worker, then `answerable doctor --fix`"


def permissions(patient: Patient) -> Trouble | None:
    """Who may read the home's keys can read what people wrote, and sign in its name."""
    home = patient.home
    open_ones = [path for path in (home, *(home / name for name in _PRIVATE)) if _is_open(path)]
    if not open_ones:
        return None

    def close() -> None:
        for path in open_ones:
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS)

    named = ", ".join(f"'{path}'" for path in open_ones)
    return Trouble(
        f"Others than their owner may get at {named}; what was copied meanwhile stays copied.",
        f"chmod -R go-rwx {home}", close,
    )  # fmt: skip


def _is_open(path: Path) -> bool:
    """In a closed folder a file's own mode matters little; a key's does, wherever it is copied."""
    if not path.exists():
        return False
    is_key = path.suffix == ".key" or path.is_dir()
    return bool(path.stat().st_mode & _OTHERS) and (is_key or _is_open(path.parent))


def leftovers(patient: Patient) -> Trouble | None:
    """What a killed worker has left: a socket nobody listens on, half of a file, half of a key."""
    if patient.is_held:
        return None
    home = patient.home
    socket = home / SOCKET
    halves = [*home.glob("*.tmp"), *home.parent.glob(f".{home.name}.restoring")]
    has_key = (home / HOME_KEY_NEXT).exists()
    if not (halves or has_key or socket.exists() or socket.is_symlink()):
        return None

    def clear() -> None:
        clear_socket(home)
        settle_home_key(home)
        for path in halves:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    found = [path.name for path in (*halves, home / HOME_KEY_NEXT, socket) if path.is_symlink()
             or path.exists()]  # fmt: skip
    return Trouble(
        f"Nobody works in the home, and {', '.join(found)} is left of who did.",
        "answerable doctor --fix", clear, "warning",
    )  # fmt: skip


def stop_file(patient: Patient) -> Trouble | None:
    if not (patient.home / STOP_FILE).exists():
        return None
    return Trouble(
        f"'{patient.home / STOP_FILE}' is there: no agent does anything.",
        "answerable stop lift file", level="warning",
    )  # fmt: skip


def disk(patient: Patient) -> Trouble | None:
    reserve = read_settings(patient.home).disk.reserve_mb * MB
    seen = Disk(patient.home, reserve_bytes=reserve).forecast(patient.clock.now())
    look = f"df -h {patient.home}"
    if seen.bytes_free < reserve:
        return Trouble(
            f"{seen.bytes_free // MB} MB are free, less than the reserve of {reserve // MB} MB: "
            "no message is accepted.", look,
        )  # fmt: skip
    if 0 <= seen.days_until_full < _DAYS_MIN:
        return Trouble(
            f"At {seen.bytes_per_day // MB} MB a day the disk is full in {seen.days_until_full:g} "
            "days.", look, level="warning",
        )  # fmt: skip
    return None


def views(patient: Patient) -> Trouble | None:
    """The index for people: damaged, or of another version. It is made again from the ledger."""
    path = patient.home / VIEWS
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            version = int(database.execute("PRAGMA user_version").fetchone()[0])
            (sound,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError:
        version, sound = 0, "damaged"
    if sound == "ok" and version == VERSION:
        return None
    said = f"'{path}' is damaged." if sound != "ok" else f"'{path}' is of version {version}."
    if patient.is_held:
        return Trouble(said, _STOP_WORKER, level="warning")

    def drop() -> None:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    return Trouble(
        f"{said} The next command makes it again from the ledger.", "answerable doctor --fix",
        drop, "warning",
    )  # fmt: skip


def tiles(patient: Patient) -> Trouble | None:
    """The published files: missing, damaged, or of more entries than the database has."""
    folder = patient.home / TILES
    if not patient.has_records or patient.is_held:
        return None
    entries = _count(patient)
    publisher = Publisher(patient.home)
    try:
        publisher.check_not_behind(entries)
    except TilesAhead as ahead:
        return Trouble(ahead.happened, ahead.next_command)
    if not entries or publisher.is_whole():
        return None
    return Trouble(
        f"Published files of the ledger are missing or damaged in '{folder}'.",
        "answerable doctor --fix", lambda: _publish_again(patient), "warning",
    )  # fmt: skip


def _publish_again(patient: Patient) -> None:
    feed = FeedFile(patient.home)
    try:
        asyncio.run(Publisher(patient.home).rebuild(feed))
    finally:
        feed.close()


def _count(patient: Patient) -> int:
    with patient.books() as database:
        row = database.execute(
            "SELECT data FROM record WHERE kind = 'checkpoint' ORDER BY position DESC LIMIT 1"
        ).fetchone()
    return 0 if row is None else head_from(row[0]).tree.size


def backup(patient: Patient) -> Trouble | None:
    if not patient.has_records:
        return None
    made_us = _last_backup(patient.home)
    age_us = patient.clock.now() - made_us
    if age_us <= _BACKUP_AGE_US:
        return None
    said = f"The last backup is {age_us // DAY_US} days old." if made_us else "No backup was made."
    return Trouble(said, "answerable backup FOLDER", level="warning")


def _last_backup(home: Path) -> int:
    """When it was made, in microseconds UTC; 0 where none was."""
    path = home / LAST
    made = path.read_text().partition(" ")[0] if path.exists() else ""
    return int(made) if made.isdigit() else 0


CHECKS: dict[str, Check] = {
    "permissions": permissions,
    "leftovers": leftovers,
    "stop file": stop_file,
    "disk": disk,
    "views": views,
    "published files": tiles,
    "backup": backup,
}
