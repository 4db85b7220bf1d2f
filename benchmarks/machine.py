"""The machine that figures were taken on, as far as they depend on it."""

import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

_SYNCS = 100
_BLOCK = b"s" * 4096


def describe(folder: Path) -> dict[str, object]:
    """Processor, cores, memory, kernel, the disk under `folder`, and the state of our tree."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "filesystem": filesystem(folder),
        "commit": _commit(),
    }


def fsync_ms(folder: Path) -> float:
    """The median time in which this disk makes 4 KB more of a file durable."""
    path, took = folder / "fsync", []
    with path.open("ab", buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(_BLOCK)
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    path.unlink()
    return statistics.median(took) * 1e3


def busy() -> float:
    """How many processes wanted a core, in the last minute."""
    return os.getloadavg()[0]


def filesystem(folder: Path) -> str:
    """Its kind and how it is mounted: `ext4 rw,relatime`; `tmpfs` makes nothing durable."""
    mounts = [line.split()[:4] for line in Path("/proc/mounts").read_text().splitlines()]
    under = [
        (len(point), kind, options)
        for _, point, kind, options in mounts
        if folder.resolve().is_relative_to(point)
    ]
    _, kind, options = max(under)
    return f"{kind} {options}"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    """The commit that is measured; with a `+` where files differ from it."""
    root = Path(__file__).parents[1]
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],  # noqa: S607 - the one on the path
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.stdout.strip() or f"no git; {sys.prefix}"
