"""Checks of what is in a home: its version, its keys, its owners, its time."""

import sqlite3

from answerable.adapters.engines.embedded import rows
from answerable.adapters.signers.file import FileSigner
from answerable.adapters.signers.handing import SIGNER_KEY
from answerable.base.chance import SystemChance
from answerable.base.clock import DAY_US, MINUTE_US, iso
from answerable.base.errors import AnswerableError
from answerable.compose.configured import agents_of
from answerable.compose.settings import read_settings
from answerable.ledger.domain import SEAL_KIND, UNSEALED_KIND, decode_entry
from answerable.people import rows as people
from answerable.people.domain import Directory
from answerable.store.keys import KEYS, home_key, is_opened_by
from answerable.worker.doctor.patient import Check, Patient, Trouble

_AHEAD_US = MINUTE_US
_EXPIRES_US = 14 * DAY_US


def version(patient: Patient) -> Trouble | None:
    """A database that a newer program has written, or one that is damaged."""
    if not patient.has_records:
        return None
    known = rows.MIGRATIONS[-1][0]
    with patient.books() as database:
        found = int(database.execute("PRAGMA user_version").fetchone()[0])
        found = rows.RENUMBERED.get(found, found)
    if found > known:
        return Trouble(
            f"The home has schema {found}, and this program knows {known}: a newer one wrote it.",
            "install the newer Answerable (in its clone: `git pull`, `make env`)",
        )
    return None


def secrets(patient: Patient) -> Trouble | None:
    """A key that is gone, or not the one of this home."""
    home = patient.home
    if not patient.has_records:
        return None
    secret = home_key(home, SystemChance(), may_create=False)
    path = home / KEYS
    if not path.exists():
        return Trouble(
            f"'{path}' is gone: nothing that was sealed can be read.",
            "put back the newest keys.db of this home from a backup",
        )
    if not is_opened_by(path, secret):
        return Trouble(
            "The home.key does not open keys.db: one of them is another home's.",
            "put back the home.key that belongs to this home",
        )
    ledger = read_settings(home).ledger
    if ledger.signer == "file":
        chance, path = SystemChance(), home / SIGNER_KEY
        FileSigner.open(path, name=ledger.origin, chance=chance, may_create=False)
    return None


def owners(patient: Patient) -> Trouble | None:
    """An agent that is configured and that nobody answers for does nothing."""
    try:
        agents = sorted(agents_of(patient.home))
    except AnswerableError:
        return None  # the set-up says so
    directory = _directory(patient)
    at = patient.clock.now()
    if directory is None:
        return None
    alone = [name for name in agents if directory.accountable_for(name, at) is None]
    if not alone:
        return None
    return Trouble(
        f"Nobody answers for {', '.join(repr(name) for name in alone)}: it does nothing.",
        f"answerable owner accept {alone[0]} --person PERSON",
    )


def clock(patient: Patient) -> Trouble | None:
    """A clock behind the last entry: holds expire late, and the ledger's times run backwards."""
    if not patient.has_records:
        return None
    with patient.books() as database:
        row = database.execute(
            "SELECT data FROM record WHERE kind NOT IN (?, ?, 'step')"
            " ORDER BY position DESC LIMIT 1", (SEAL_KIND, UNSEALED_KIND)
        ).fetchone()  # fmt: skip
    if row is None:
        return None
    last_us, now_us = decode_entry(row[0]).ts, patient.clock.now()
    if last_us <= now_us + _AHEAD_US:
        return None
    return Trouble(
        f"The last entry is of {iso(last_us)}, and this machine says it is {iso(now_us)}.",
        "set the machine's clock (`timedatectl`)",
    )


def api_keys(patient: Patient) -> Trouble | None:
    """A key for HTTP that will soon open nothing."""
    directory = _directory(patient)
    now_us = patient.clock.now()
    ending = sorted(
        (key.expires_at, key.id)
        for key in (directory.keys.values() if directory else ())
        if directory is not None and directory.is_valid(key, now_us)
        and 0 < key.expires_at <= now_us + _EXPIRES_US
    )  # fmt: skip
    if not ending:
        return None
    expires_at, id_ = ending[0]
    return Trouble(
        f"Key {id_} opens nothing any more from {iso(expires_at)} on.",
        "answerable key add --person PERSON --scope SCOPE", level="warning",
    )  # fmt: skip


def _directory(patient: Patient) -> Directory | None:
    """None where its rows are an earlier program's: the next command makes them again."""
    if not patient.has_records:
        return Directory({})
    try:
        with patient.books() as database:
            return people.load(database)
    except sqlite3.OperationalError:
        return None


CHECKS: dict[str, Check] = {
    "version": version,
    "keys": secrets,
    "owners": owners,
    "clock": clock,
    "keys for HTTP": api_keys,
}
