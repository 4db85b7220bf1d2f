"""Checks of the keys of backups: are they there, where they should be, and is the list whole?"""

import sqlite3

from answerable.base.clock import DAY_US, iso
from answerable.base.errors import AnswerableError
from answerable.compose.backups import backup_keys_of
from answerable.compose.settings import read_settings
from answerable.parties import rows as parties
from answerable.store.epochs import BackupKeys
from answerable.worker.backup import LAST
from answerable.worker.doctor.patient import Check, Patient, Trouble

_BACKUP = "answerable backup FOLDER"


def backup_keys(patient: Patient) -> Trouble | None:
    """First whether anything can be erased or backed up at all, then what is lost, then what could
    be."""
    try:
        read_settings(patient.home)
    except AnswerableError:
        return None  # the set-up says so
    keys, _ = backup_keys_of(patient.home, patient.clock)
    keys.check_there()
    lost = _lost(patient, keys) or _unlisted(patient, keys)
    return lost or _ahead(patient, keys) or _on_one_disk(patient, keys)


def _last_epoch(patient: Patient) -> str:
    """Of the last backup; empty where none was made, or by a program without epochs."""
    path = patient.home / LAST
    lines = path.read_text().splitlines() if path.exists() else []
    return lines[-1] if len(lines) > 1 else ""


def _lost(patient: Patient, keys: BackupKeys) -> Trouble | None:
    epoch = _last_epoch(patient)
    known = {one.id: one for one in keys.epochs()}
    is_over = epoch in known and patient.clock.now() >= known[epoch].over_us
    if not epoch or is_over or keys.has_key(epoch):
        return None
    return Trouble(
        f"The key of epoch {epoch} is gone from '{keys.folder}': the last backup, and each of its "
        "epoch, can be opened by nobody.",
        f"look for a copy of that folder; where there is none: {_BACKUP}",
    )


def _unlisted(patient: Patient, keys: BackupKeys) -> Trouble | None:
    if not patient.has_records:
        return None
    try:
        with patient.books() as database:
            destroyed = parties.list_destroyed(database)
    except sqlite3.OperationalError:
        return None  # an earlier program's rows: the next command makes them again
    said = keys.erased()
    missing = set(destroyed) - set(said.kids)
    if said.is_whole and not missing:
        return None
    return Trouble(
        f"The list of erased keys in '{keys.folder}' is not whole: a restore could bring back who "
        "was erased.",
        "answerable doctor --fix", lambda: _list(keys, destroyed),
    )  # fmt: skip


def _list(keys: BackupKeys, destroyed: list[str]) -> None:
    keys.note_missing(destroyed)


def _ahead(patient: Patient, keys: BackupKeys) -> Trouble | None:
    """An epoch that is to come: a clock that was ahead made it, or the clock is behind now."""
    soon_us = patient.clock.now() + DAY_US
    late = [one for one in keys.epochs() if one.began_us > soon_us and keys.has_key(one.id)]
    if not late:
        return None
    epoch = late[-1]
    return Trouble(
        f"Epoch {epoch.id} begins on {iso(epoch.began_us)}, which is to come: if the clock was "
        f"ahead then, its backups can be opened until {iso(epoch.over_us)}.",
        f"look at the clock; if it is right now: {_BACKUP}, and when that is done "
        f"`shred -u {keys.folder / epoch.id}.key`", level="warning",
    )  # fmt: skip


def _on_one_disk(patient: Patient, keys: BackupKeys) -> Trouble | None:
    if not _last_epoch(patient) or keys.folder.stat().st_dev != patient.home.stat().st_dev:
        return None
    return Trouble(
        f"The keys of backups lie in '{keys.folder}', on the disk of the home: if it is lost, no "
        "backup can be opened.",
        "name a folder on another disk: `keys` under [backup] in answerable.toml", level="warning",
    )  # fmt: skip


CHECKS: dict[str, Check] = {"keys of backups": backup_keys}
