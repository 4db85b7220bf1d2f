"""The heartbeat: a few shared bytes that outlive the worker and name whose code it was in.

The worker's loop counts up; code that keeps the loop for itself stops the count. Which turn, or
which effect's call, it was is written before it runs, so that the supervisor can read it from a
dead process. The next life takes neither up again: both go to the desk.
"""

import asyncio
import mmap
import struct
from pathlib import Path

from answerable.base.errors import Broken
from answerable.store.files import replace_file
from answerable.telemetry.watch import attribute_tasks

HEARTBEAT = "heartbeat"
_SIZE = 64
_COUNT = struct.Struct("<Q")
_TURN_AT = 8
_TURN_MAX = _SIZE - _TURN_AT
BEAT_S = 0.1


class Heartbeat:
    """Both sides map the same file; only the worker writes."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self._attributes = False

    @classmethod
    def open(cls, home: Path) -> "Heartbeat":
        """Map the file, made if it is not there. Raises Broken."""
        path = home / HEARTBEAT
        try:
            if not path.exists() or path.stat().st_size != _SIZE:
                # written, not truncated: writing into a hole of a full disk would be a SIGBUS
                replace_file(path, bytes(_SIZE), mode=0o600, sync=False)
            with path.open("r+b") as file:
                return cls(mmap.mmap(file.fileno(), _SIZE))
        except OSError as error:
            raise Broken(
                f"'{path}' cannot be used: {error.strerror}.",
                "Nothing was started.",
                f"look at the disk and the permissions of {home}",
            ) from error

    def enter(self, what: str) -> None:
        """The turn of this arrival, or the call of this effect, runs now. From the first one on,
        the tasks that such code starts are watched as well."""
        if not self._attributes:
            attribute_tasks(asyncio.get_running_loop())
            self._attributes = True
        self._memory[_TURN_AT:_SIZE] = what.encode()[:_TURN_MAX].ljust(_TURN_MAX, b"\0")

    def leave(self) -> None:
        self._memory[_TURN_AT] = 0

    @property
    def count(self) -> int:
        return int(_COUNT.unpack_from(self._memory, 0)[0])

    @property
    def turn(self) -> str:
        """The arrival whose turn, or the effect whose call, is running; or empty."""
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


def note_stalled(home: Path, what: str) -> None:
    """The supervisor's word to the next worker: do not run this one again. Raises Broken."""
    known = [*_lines(home), what][-_STALLED_KEPT:]
    replace_file(home / _STALLED, ("\n".join(known) + "\n").encode())


def stalled(home: Path) -> frozenset[str]:
    return frozenset(_lines(home))


def _lines(home: Path) -> list[str]:
    path = home / _STALLED
    return path.read_text().split() if path.exists() else []
