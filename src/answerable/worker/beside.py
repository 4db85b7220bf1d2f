"""What a backup puts beside the home: settings and policies; said before, and never over others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from answerable.base.errors import UsageError
from answerable.compose.settings import SETTINGS, read_settings, settings_folder
from answerable.store.files import replace_file

_RESTORED = "Nothing was restored."


@dataclass(frozen=True, slots=True)
class Beside:
    """The files that are to be put into a folder, and those that are there and stay."""

    source: Path
    folder: Path
    put: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def write(self) -> None:
        for name in self.put:
            replace_file(self.folder / name, (self.source / name).read_bytes(), mode=0o600)


def beside(source: Path, home: Path) -> Beside:
    """What will be put where `home` is going to lie. Raises UsageError where that is no good place.

    What a project has there already stays; a folder of other things does not become a project.
    """
    folder = home.parent
    names = sorted(str(path.relative_to(source)) for path in source.rglob("*") if path.is_file())
    there = [name for name in names if (folder / name).exists()]
    others = [
        name for name in there if (folder / name).read_bytes() != (source / name).read_bytes()
    ]
    if names and not there and _has_others(folder, home):
        raise UsageError(
            f"Settings and policies of the backup would be put into '{folder}', among other things"
            f" ({', '.join(names)}).", _RESTORED,
            f"answerable restore FROM --home {home / '.answerable'}",
        )  # fmt: skip
    put = tuple(name for name in names if name not in there)
    return Beside(source, folder, put, tuple(others))


def _has_others(folder: Path, home: Path) -> bool:
    return folder.is_dir() and any(path != home for path in folder.iterdir())


def missing_code(home: Path) -> Sequence[str]:
    """The modules that the settings name and that do not lie beside them: code is in no backup."""
    folder = settings_folder(home)
    if folder is None or not (folder / SETTINGS).exists():
        return []
    modules = {where.partition(":")[0].partition(".")[0] for where in read_settings(home).agents}
    return sorted(
        f"{name}.py" for name in modules
        if not (folder / f"{name}.py").exists() and not (folder / name).is_dir()
    )  # fmt: skip
