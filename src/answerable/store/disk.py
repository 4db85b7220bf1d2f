"""How full the disk is, how fast a home grows, and when that ends: so that it is refused in time.

A database that meets a full disk in the middle of its work is safe here, but nobody's work goes on.
So a reserve is kept: below it nothing new is accepted, and what was accepted is finished with it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from answerable.base.clock import DAY_US, HOUR_US, SECOND_US
from answerable.base.errors import Broken, Busy
from answerable.store.files import replace_file

SAMPLES = "disk-use"
MB = 1_000_000

_LOOK_US = SECOND_US  # between two looks at what is free
_SAMPLE_US = HOUR_US
_SAMPLES_MAX = 336  # fourteen days
_SEEN_US = 7 * DAY_US  # growth is that of the last seven days
_SPAN_MIN_US = HOUR_US  # less than that says nothing about a day
_RETRY_S = 60.0


class DiskLow(Busy):
    """So little space is left that nothing new is accepted; what was accepted is finished."""

    code = "disk_low"
    http_status = 507

    def __init__(self, home: Path, free: int, reserve: int) -> None:
        super().__init__(
            f"{free // MB} MB are free where '{home}' lies, less than its reserve of "
            f"{reserve // MB} MB.",
            "Nothing new was accepted; what was accepted before is being finished.",
            retry_after_s=_RETRY_S,
        )
        self.next_command = f"free space (`df -h {home}`), then try again"


@dataclass(frozen=True, slots=True)
class Sample:
    """What a home used, and what was free beside it, at one time."""

    at_us: int
    bytes_used: int
    bytes_free: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Use and growth of a home. -1 days: not known yet, or it does not grow."""

    bytes_used: int
    bytes_free: int
    bytes_per_day: int
    days_until_full: float  # until the reserve is reached, from which on nothing is accepted


class Disk:
    """Of one home. Samples are kept in a small file beside it, an hour apart."""

    def __init__(self, home: Path, *, reserve_bytes: int = 0) -> None:
        self.reserve_bytes = reserve_bytes
        self._home = home
        self._samples = _read(home / SAMPLES)
        self._looked_us = -_LOOK_US
        self._free = 0

    def check(self, now_us: int) -> None:
        """Raises DiskLow where less is free than the reserve. Looks once a second."""
        if not self.reserve_bytes:
            return
        if not 0 <= now_us - self._looked_us < _LOOK_US:
            self._looked_us, self._free = now_us, bytes_free(self._home)
        if self._free < self.reserve_bytes:
            raise DiskLow(self._home, self._free, self.reserve_bytes)

    def is_due(self, now_us: int) -> bool:
        """Whether it is time for a sample."""
        return not self._samples or not 0 <= now_us - self._samples[-1].at_us < _SAMPLE_US

    def sample(self, now_us: int) -> None:
        """Look, and keep what was seen. Reads every file's size: beside the loop. Raises Broken."""
        earlier = [sample for sample in self._samples if sample.at_us < now_us]
        seen = Sample(now_us, bytes_used(self._home), bytes_free(self._home))
        self._samples = [*earlier, seen][-_SAMPLES_MAX:]
        lines = [f"{one.at_us} {one.bytes_used} {one.bytes_free}\n" for one in self._samples]
        replace_file(self._home / SAMPLES, "".join(lines).encode(), mode=0o600, sync=False)

    def forecast(self, now_us: int) -> Forecast:
        """What is used and free now, and when it ends if it goes on as in the last days."""
        return self._forecast(Sample(now_us, bytes_used(self._home), bytes_free(self._home)))

    def glance(self, now_us: int) -> Forecast:
        """The same, with what was used at the last sample, if that is no hour old: the longer the
        history, the longer it takes to look at every file. Raises Broken."""
        if self.is_due(now_us):
            return self.forecast(now_us)
        used = self._samples[-1].bytes_used
        return self._forecast(Sample(now_us, used, bytes_free(self._home)))

    def _forecast(self, now: Sample) -> Forecast:
        seen = [one for one in self._samples if now.at_us - _SEEN_US <= one.at_us < now.at_us]
        per_day = growth([*seen, now])
        left = max(0, now.bytes_free - self.reserve_bytes)
        days = round(left / per_day, 1) if per_day > 0 else -1.0
        return Forecast(now.bytes_used, now.bytes_free, max(0, per_day), days)


def growth(samples: Sequence[Sample]) -> int:
    """Bytes a day, by least squares over the samples; 0 where they span less than an hour."""
    if not samples or samples[-1].at_us - samples[0].at_us < _SPAN_MIN_US:
        return 0
    days = [(sample.at_us - samples[0].at_us) / DAY_US for sample in samples]
    used = [float(sample.bytes_used) for sample in samples]
    mean_day, mean_used = sum(days) / len(days), sum(used) / len(used)
    spread = sum((day - mean_day) ** 2 for day in days)
    together = sum((d - mean_day) * (u - mean_used) for d, u in zip(days, used, strict=True))
    return round(together / spread)


def bytes_free(home: Path) -> int:
    """What we may still write. Raises Broken."""
    try:
        found = os.statvfs(home)
    except OSError as error:
        raise Broken(f"The disk of '{home}' cannot be looked at: {error.strerror}.") from error
    return found.f_bavail * found.f_frsize


def bytes_used(home: Path) -> int:
    """What the files of a home take on the disk."""
    total, folders = 0, [str(home)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except FileNotFoundError:  # a file of a moment
            continue
    return total


def _read(path: Path) -> list[Sample]:
    """The samples that were kept; one that cannot be read is one less."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    kept = [line.split() for line in lines[-_SAMPLES_MAX:]]
    return [
        Sample(*map(int, parts))
        for parts in kept
        if len(parts) == 3 and all(part.isdigit() for part in parts)
    ]
