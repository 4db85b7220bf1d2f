"""Where a home's settings lie, and reading them: without what they name, which is code."""

import os
import stat
from pathlib import Path

from answerable.base.errors import UsageError
from answerable.base.settings import Settings, parse_settings

SETTINGS = "answerable.toml"
_STARTED = "Nothing was started."


def settings_folder(home: Path) -> Path | None:
    """Where a home's settings lie: in the home, or beside it, in the folder of its project.

    Raises UsageError where somebody else may have put them there: they name code that is run.
    """
    if (home / SETTINGS).exists():
        return home
    beside = home.absolute().parent
    path = beside / SETTINGS
    if not path.is_file():
        return None
    is_open_to_all = bool(beside.stat().st_mode & stat.S_IWOTH)
    if is_open_to_all and path.stat().st_uid not in (0, os.geteuid()):
        raise UsageError(
            f"'{path}' belongs to another user, and anybody may write to its folder.",
            _STARTED,
            f"move the project to a folder of your own, or remove '{path}'",
        )
    return beside


def read_settings(home: Path) -> Settings:
    """The home's settings; defaults where there is no file. Raises UsageError."""
    path, text = settings_text(home)
    return Settings() if path is None else parse_settings(text, str(path))


def settings_text(home: Path) -> tuple[Path | None, str]:
    """The file that a home's settings are in, and its text. Raises UsageError."""
    path = (settings_folder(home) or home) / SETTINGS
    if not path.exists():
        return None, ""
    try:
        return path, path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"'{path}' cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.",
            _STARTED,
            f"correct '{path}'",
        ) from error
