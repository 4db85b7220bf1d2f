"""What is killed: `python -m answerable.testing.conformance.child OPENER WHERE PROGRAM`.

Each acknowledgement is a line on stdout, written after the engine's call has returned.
"""

import asyncio
import importlib
import itertools
import sys
from typing import cast

from answerable.engine.port import Arrival, Engine, Record

RECORDS_EACH = 5


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def accepts(engine: Engine) -> None:
    """Accept for ever, a few at a time."""
    for number in itertools.count():
        name = f"m{number}"
        await engine.accept([Arrival(name, f"cas_{number % 3}", "message", b"hello")])
        _say(name)


async def appends(engine: Engine) -> None:
    """Eight lanes: accept one, claim it, append its batch, which finishes it."""
    claims = engine.claim("child", 8)

    async def lane(which: int) -> None:
        for number in itertools.count():
            await engine.accept([Arrival(f"{which}-{number}", f"cas_{which}", "message", b"go")])

    async def work() -> None:
        async for claim in claims:
            name = claim.arrivals[0].id
            batch = [
                Record(f"{name}/{part}", "decided", b"d" * 900, None, name)
                for part in range(RECORDS_EACH)
            ]
            group.create_task(write(claim.fence, batch, name))

    async def write(fence: object, batch: list[Record], name: str) -> None:
        await engine.append(fence, batch, [name])  # type: ignore[arg-type]
        _say(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(work())
        for which in range(8):
            group.create_task(lane(which))


PROGRAMS = {"accepts": accepts, "appends": appends}


async def main(opener: str, where: str, program: str) -> None:
    module, _, function = opener.partition(":")
    engine = cast("Engine", await getattr(importlib.import_module(module), function)(where))
    await PROGRAMS[program](engine)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
