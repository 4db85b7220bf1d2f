"""How big the core install is and how long its first words take: one JSON object. Installs nothing.

`core_install_mb` adds up the files (without bytecode) that the packages of requirements.lock and
Answerable itself put into site-packages: what a fresh environment made from that lock holds.
Only the size fails, over 75 MB; times are printed and never judged, for they belong to the machine.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from core import core_distributions

CORE_INSTALL_MB_MAX = 75.0
RUNS = 15
SOURCE = Path(__file__).parents[1] / "src" / "answerable"


def core_install_mb() -> float:
    """In MB of 10^6 bytes."""
    files = [
        Path(str(file.locate())) for package in core_distributions() for file in package.files or []
    ]
    files += SOURCE.rglob("*")
    return sum(f.stat().st_size for f in files if f.is_file() and f.suffix != ".pyc") / 1e6


def median_ms(*command: str) -> float | None:
    """The median wall time of `command`; None if it fails or is not there."""
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        try:
            subprocess.run(command, capture_output=True, check=True)
        except (subprocess.CalledProcessError, FileNotFoundError):
            return None
        seconds.append(time.perf_counter() - start)
    return round(statistics.median(seconds) * 1e3, 1)


def main() -> int:
    size = core_install_mb()
    figures = {
        "core_install_mb": round(size, 1),
        "import_ms": median_ms(sys.executable, "-c", "import answerable"),
        "help_ms": median_ms(str(Path(sys.executable).with_name("answerable")), "--help"),
    }
    print(json.dumps(figures))
    return 1 if size > CORE_INSTALL_MB_MAX else 0


if __name__ == "__main__":
    sys.exit(main())
