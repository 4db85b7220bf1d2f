"""The embedded journal as a place for the kit: a folder, and nothing else."""

from pathlib import Path
from typing import cast

from answerable.adapters.engines.embedded import EmbeddedJournal
from answerable.base.clock import Clock, SystemClock
from answerable.engine.port import Engine


class EmbeddedPlace:
    """A home; `threaded` as in `EmbeddedJournal.open`."""

    opener = "answerable.testing.conformance.embedded:open_at"

    def __init__(self, home: Path, *, threaded: bool = True) -> None:
        self._home = home
        self._threaded = threaded

    @property
    def where(self) -> str:
        return str(self._home)

    async def open(self, clock: Clock) -> EmbeddedJournal:
        return EmbeddedJournal.open(self._home, clock=clock, threaded=self._threaded)

    async def close(self, engine: Engine) -> None:
        cast("EmbeddedJournal", engine).close()

    async def crash(self, engine: Engine) -> None:
        cast("EmbeddedJournal", engine).abandon()


async def open_at(where: str) -> EmbeddedJournal:
    """For a process that is going to be killed."""
    return EmbeddedJournal.open(Path(where), clock=SystemClock())
