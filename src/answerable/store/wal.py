"""Is SQLite's write-ahead log whole? SQLite does not say: it stops at the first frame that does not
check, and drops whatever stands behind it.

The format (https://www.sqlite.org/fileformat2.html#the_write_ahead_log): a header of 32 bytes, then
frames of a header of 24 bytes and a page; each frame's checksum goes on from the one before it.
"""

import sqlite3
import struct
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_HEADER, _FRAME = 32, 24
_SALTS = slice(8, 16)  # in a frame's header; in the log's at 16
_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}  # and the byte order of its checksums
_LAST_FRAME = slice(16, 20)  # in the index beside the log, in the machine's byte order
_MASK = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class LogDamage:
    """The first frame that does not check, and what stands behind it."""

    offset: int
    why: str
    is_certain: bool  # False: a cut of the power in the middle of a commit looks the same


def examine_log(database: Path) -> LogDamage | None:
    """None where the log beside this file is whole, empty or not there; neither is changed.

    SQLite finds the last commit that checks, because it is fast; what stands behind it is read
    here. Raises sqlite3.Error where the file cannot be read at all.
    """
    try:
        data = _side(database, "wal").read_bytes()
    except FileNotFoundError:
        return None
    if len(data) < _HEADER + _FRAME:
        return None  # no commit is in it
    order = _MAGIC.get(int.from_bytes(data[:4], "big"))
    sums = _summed(order or "<", data[:24], (0, 0))
    if order is None or sums != struct.unpack(">II", data[24:32]):
        return LogDamage(0, "its header does not check", is_certain=True)
    return _Log(data, order, sums).damage(_last_commit(database))


class _Log:
    """A log whose header checks."""

    def __init__(self, data: bytes, order: str, sums: tuple[int, int]) -> None:
        self._order, self._sums, self._salts = order, sums, data[16:24]
        self._size = _FRAME + int.from_bytes(data[8:12], "big")
        ends = range(_HEADER + self._size, len(data) + 1, self._size)
        self._frames = [data[end - self._size : end] for end in ends]

    def damage(self, good: int) -> LogDamage | None:
        """What is wrong behind the first `good` frames, which SQLite has checked; they may be more
        than were read, where somebody writes meanwhile."""
        bad = self._first_bad(min(good, len(self._frames)))
        if bad is None:
            return None
        lost = [frame for frame in self._frames[bad:] if self._is_ours(frame)]
        commits = [number for number, frame in enumerate(lost) if any(frame[4:8])]
        is_certain = bool(commits) and commits[0] < len(lost) - 1
        offset = _HEADER + bad * self._size
        return LogDamage(offset, f"its frame {bad + 1} does not check", is_certain)

    def _first_bad(self, good: int) -> int | None:
        """One with other salts is of an earlier log that lay here, and ends this one; but one that
        has half of ours, or stands before others of ours, does not."""
        sums = struct.unpack(">II", self._frames[good - 1][16:24]) if good else self._sums
        for number, frame in enumerate(self._frames[good:], good):
            if not self._is_ours(frame):
                has_half = frame[8:12] == self._salts[:4] or frame[12:16] == self._salts[4:]
                is_before_ours = any(map(self._is_ours, self._frames[number + 1 :]))
                return number if has_half or is_before_ours else None
            sums = _summed(self._order, frame[:8] + frame[_FRAME:], sums)
            if sums != struct.unpack(">II", frame[16:24]):
                return number
        return None

    def _is_ours(self, frame: bytes) -> bool:
        return frame[_SALTS] == self._salts


def _last_commit(database: Path) -> int:
    """How many frames SQLite takes for committed. Who may only read leaves the log as it is."""
    uri = f"{database.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as reader:
        reader.execute("PRAGMA user_version").fetchone()
        index = _side(database, "shm").read_bytes()
    return int(struct.unpack("=I", index[_LAST_FRAME])[0])


def _side(database: Path, suffix: str) -> Path:
    return database.with_name(f"{database.name}-{suffix}")


def _summed(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    one, two = sums
    for left, right in struct.iter_unpack(f"{order}II", data):
        one = (one + left + two) & _MASK
        two = (two + right + one) & _MASK
    return one, two
