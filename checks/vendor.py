"""Fetch the console's two libraries through the npm client, and record what they are.

Run by hand when a version here is raised; the files are checked in, so that neither an install nor
a run needs Node. `tests/console` holds them to the hashes in VENDORED.toml.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "src" / "answerable" / "console" / "static" / "vendor"


@dataclass(frozen=True)
class Library:
    """What is taken from an npm package, and the name that each file has with us."""

    package: str
    version: str
    licence: str
    files: dict[str, str]


LIBRARIES = (
    Library(
        "htmx.org", "2.0.11", "0BSD",
        {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "htmx.LICENSE"},
    ),
    Library(
        "uplot", "1.6.32", "MIT",
        {
            "dist/uPlot.iife.min.js": "uplot.min.js",
            "dist/uPlot.min.css": "uplot.min.css",
            "LICENSE": "uplot.LICENSE",
        },
    ),
)  # fmt: skip


def fetch(library: Library) -> dict[str, bytes]:
    """The files, by our names; the npm client has checked the package's own hash."""
    with tempfile.TemporaryDirectory() as folder:
        name = f"{library.package}@{library.version}"
        command = ["npm", "pack", name, "--pack-destination", folder, "--silent"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (packed,) = Path(folder).glob("*.tgz")
        with tarfile.open(packed) as archive:
            return {
                ours: _read(archive, f"package/{theirs}") for theirs, ours in library.files.items()
            }


def _read(archive: tarfile.TarFile, member: str) -> bytes:
    file = archive.extractfile(member)
    if file is None:
        sys.exit(f"{member} is no file")
    return file.read()


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = ["# Written by checks/vendor.py: whose files these are, and the SHA-256 of each."]
    for library in LIBRARIES:
        lines += [
            "", "[[library]]", f'package = "{library.package}"',
            f'version = "{library.version}"', f'licence = "{library.licence}"',
            "", "[library.sha256]",
        ]  # fmt: skip
        for name, data in fetch(library).items():
            (FOLDER / name).write_bytes(data)
            lines.append(f'"{name}" = "{hashlib.sha256(data).hexdigest()}"')
            print(f"{library.package} {library.version} {name} {len(data)} bytes")
    (FOLDER / "VENDORED.toml").write_text("\n".join(lines) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
