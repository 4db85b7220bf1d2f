"""How long it takes to erase a party: `python benchmarks/erase.py [ENTRIES] [FOLDER]`.

In a home of that many sealed entries, parties of 10 entries and of 10,000 are erased by the word of
a second person, one after the other: from the command to its answer, with the write that is durable
and the keys that are overwritten. Beside it, in the same folder, the bare cost of the disk: a
small file written and synced. Prints JSON; exit code 1 where the bar is not held.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from itertools import chain, repeat
from pathlib import Path

from history import History, owner_in, project, sender, spread

from answerable.compose.configured import office_plan, plan
from answerable.ledger.domain import Owner
from answerable.testing.world import OWNER, SPECIALIST
from answerable.worker.commands import call
from answerable.worker.commands.office import Office
from answerable.worker.process import close_office, open_office
from answerable.worker.verbs import PartyErase, PersonAdd
from answerable.worker.verbs.forget import ErasedView

BAR_MS = 20.0
_OF_AN_INTERACTION, _FIRST = 4, 2  # entries; and those of a new party and its case
_SIZES = [size for size, count in ((10, 100), (10_002, 10)) for _ in range(count)]
_AT_ONCE = 1_000
_SYNCS = 200


class Sized(History):
    """First the parties that will be erased, each with all that it says; then anybody else."""

    def __init__(self, office: Office, owner: Owner) -> None:
        super().__init__(office, owner)
        said = [(size - _FIRST) // _OF_AN_INTERACTION for size in _SIZES]
        self._planned = chain.from_iterable(repeat(who, n) for who, n in enumerate(said))

    def _drawn(self, parties: int) -> int:
        planned = next(self._planned, None)
        return max(super()._drawn(parties), len(_SIZES)) if planned is None else planned


async def grow(home: Path, entries: int) -> list[str]:
    """A home of that many entries; the parties that will be erased."""
    office = await open_office(office_plan(home), works=False)
    owner = await owner_in(office)
    await call(office, PersonAdd(SPECIALIST, "Sam Specialist"))
    await close_office(office)
    office = await open_office(plan(home), works=False)
    history = Sized(office, owner)
    hall = office.house.hall
    while hall.committer.size < entries:
        units = await history.arrived(_AT_ONCE)
        await asyncio.gather(*(hall.committer.commit(unit) for unit in units))
        if hall.committer.size % 100_000 < _OF_AN_INTERACTION * _AT_ONCE:
            sys.stderr.write(f"{hall.committer.size} entries\n")
    found = [
        hall.parties.find(hall.keyring.identifier_hash("email", sender(number)))
        for number in range(len(_SIZES))
    ]
    await office.publisher.follow(hall.engine)
    await office.index.follow(hall.engine)
    await close_office(office)
    return [one.id for one in found if one is not None]


async def erase(home: Path, parties: list[str]) -> dict[str, dict[str, float]]:
    """Milliseconds of each size, from a second person's word to the answer."""
    office = await open_office(plan(home), works=False)
    ms: dict[int, list[float]] = {}
    for size, party in zip(_SIZES, parties, strict=True):
        await call(office, PartyErase(party, OWNER))
        start_s = time.perf_counter()
        view = await call(office, PartyErase(party, SPECIALIST))
        ms.setdefault(size, []).append((time.perf_counter() - start_s) * 1_000)
        assert isinstance(view, ErasedView)
        assert view.is_erased
    await close_office(office)
    return {f"party_of_{size}_entries": spread(each) for size, each in ms.items()}


def disk(folder: Path) -> dict[str, float]:
    """Milliseconds to write four kilobytes and sync them, in the same folder."""
    ms = []
    descriptor = os.open(folder / "synced", os.O_WRONLY | os.O_CREAT)
    for _ in range(_SYNCS):
        start_s = time.perf_counter()
        os.pwrite(descriptor, bytes(4_096), 0)
        os.fsync(descriptor)
        ms.append((time.perf_counter() - start_s) * 1_000)
    os.close(descriptor)
    return spread(ms)


def main(entries: int, folder: Path) -> int:
    home = project(folder / "project")
    parties = asyncio.run(grow(home, entries))
    took = asyncio.run(erase(home, parties))
    found = {"entries": entries, "erase_ms": took, "sync_ms": disk(folder), "bar_ms": BAR_MS}
    is_held = all(each["p95"] <= BAR_MS for each in took.values())
    sys.stdout.write(json.dumps(found | {"is_held": is_held}, indent=2) + "\n")
    return 0 if is_held else 1


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    place = Path(tempfile.mkdtemp(prefix="erase-", dir=given.get(1)))
    os.environ.pop("ANSWERABLE_HOME", None)
    try:
        sys.exit(main(int(given.get(0, "1000000")), place))
    finally:
        shutil.rmtree(place, ignore_errors=True)
