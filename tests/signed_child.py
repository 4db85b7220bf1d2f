"""A process that writes in a home with a strict signer, and is killed where its arguments say."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from answerable.adapters.signers.process import FOLDER, SOCKET, Place
from answerable.base import faults
from answerable.compose.house import Plan
from answerable.ledger.draft import Draft, Unit
from answerable.policy.load import load
from answerable.worker.commands.office import Office
from answerable.worker.process import close_office, open_office

ORIGIN = "acme.example/strict"


def plan_of(home: Path) -> Plan:
    place = Place(home / SOCKET, home / FOLDER)
    return Plan(home=home, policy=load({}), origin=ORIGIN, signer=place)


def gap(name: str) -> Unit:
    change: dict[str, str | int] = {"why": "test"}
    return Unit(drafts=[Draft(kind="gap.declared", id=name, actor="test", change=change)])


def signer_pid(office: Office) -> int:
    line = office.house.signing.line
    assert line is not None
    assert line.pid is not None
    return line.pid


async def write(home: Path, life: str, point: str, nth: int, who: str) -> None:
    """Says each name when it was acknowledged; dies at the nth passing of `point`."""
    office = await open_office(plan_of(home), works=False)
    seen = 0

    async def fault(name: str) -> None:
        nonlocal seen
        seen += name == point
        if name == point and seen == nth:
            if who in ("signer", "both"):
                os.kill(signer_pid(office), signal.SIGKILL)
            if who in ("worker", "both"):
                os.kill(os.getpid(), signal.SIGKILL)

    faults.install(fault)

    async def one(number: int) -> None:
        name = f"gap_{life}.{number}"
        await office.house.hall.committer.commit(gap(name))
        os.write(1, f"{name}\n".encode())

    for start in range(0, 12, 3):
        await asyncio.gather(*[one(start + more) for more in range(3)])
    await close_office(office)


if __name__ == "__main__":
    where, of, at, count, whom = sys.argv[1:]
    asyncio.run(write(Path(where), of, at, int(count), whom))
