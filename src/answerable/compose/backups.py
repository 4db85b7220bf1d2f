"""Where a home's backups have their keys, and for how long: as its settings say."""

from pathlib import Path

from answerable.base.chance import SystemChance
from answerable.base.clock import Clock, SystemClock
from answerable.base.errors import UsageError
from answerable.base.settings import Settings
from answerable.compose.settings import read_settings, settings_folder
from answerable.store.epochs import BackupKeys, Terms


def backup_place(home: Path, settings: Settings) -> Path | None:
    """The folder that the settings name; None where they name none. Raises UsageError."""
    if not settings.backup.keys:
        return None
    place = Path(settings.backup.keys)
    if not place.is_absolute():
        raise _wrong(f"'{place}' is not a whole path")
    if place.resolve().is_relative_to(home.resolve()):
        raise _wrong(f"'{place}' lies in the home, and would be in its backups")
    policies = (settings_folder(home) or home) / settings.policies
    if place.resolve().is_relative_to(policies.resolve()):
        raise _wrong(f"'{place}' lies among the policies, and would be in its backups")
    return place


def backup_keys_of(home: Path, clock: Clock | None = None) -> tuple[BackupKeys, Terms]:
    """The keys of a home's backups, and its terms. Raises UsageError."""
    settings = read_settings(home)
    place, terms = backup_place(home, settings), settings.backup
    keys = BackupKeys.of(home, place, clock or SystemClock(), SystemChance())
    return keys, Terms(terms.epoch_days, terms.kept_days)


def _wrong(why: str) -> UsageError:
    return UsageError(
        f"The folder for the keys of backups cannot be used: {why}.", "Nothing was done.",
        "correct `keys` under [backup] in answerable.toml",
    )  # fmt: skip
