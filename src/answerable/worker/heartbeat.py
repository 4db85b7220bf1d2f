"""The heartbeat: a few shared bytes that outlive the worker and name the turn it was in.

The worker's loop counts up; agent code that keeps the loop for itself stops the count. Which turn
it was is written before its code runs, so that the supervisor can read it from a dead process.
"""

import asyncio
import mmap
import struct
from pathlib import Path

_NAME = "heartbeat"
_SIZE = 64
_COUNT = struct.Struct("<Q")
_TURN_AT = 8
_TURN_MAX = _SIZE - _TURN_AT
BEAT_S = 0.1


class Heartbeat:
    """Both sides map the same file; only the worker writes."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory

    @classmethod
    def open(cls, home: Path) -> "Heartbeat":
        path = home / _NAME
        with path.open("ab") as file:
            file.truncate(_SIZE)
        with path.open("r+b") as file:
            return cls(mmap.mmap(file.fileno(), _SIZE))

    def enter(self, arrival: str) -> None:
        self._memory[_TURN_AT:_SIZE] = arrival.encode()[:_TURN_MAX].ljust(_TURN_MAX, b"\0")

    def leave(self) -> None:
        self._memory[_TURN_AT] = 0

    @property
    def count(self) -> int:
        return int(_COUNT.unpack_from(self._memory, 0)[0])

    @property
    def turn(self) -> str:
        """The arrival whose code is running, or empty."""
        raw = bytes(self._memory[_TURN_AT:_SIZE])
        return raw.partition(b"\0")[0].decode() if raw[0] else ""

    def reset(self) -> None:
        _COUNT.pack_into(self._memory, 0, 0)
        self.leave()

    async def beat(self) -> None:
        """Count for as long as the loop runs; the first beat says that the worker works."""
        while True:
            _COUNT.pack_into(self._memory, 0, self.count + 1)
            await asyncio.sleep(BEAT_S)


_STALLED = "stalled"
_STALLED_KEPT = 1_000


def note_stalled(home: Path, arrival: str) -> None:
    """The supervisor's word to the next worker: do not run this one again."""
    known = [*_lines(home), arrival][-_STALLED_KEPT:]
    (home / _STALLED).write_text("\n".join(known) + "\n")


def stalled(home: Path) -> frozenset[str]:
    return frozenset(_lines(home))


def _lines(home: Path) -> list[str]:
    path = home / _STALLED
    return path.read_text().split() if path.exists() else []
