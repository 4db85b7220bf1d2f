"""How long the worker's loop stands still while its home is backed up: `backup.py [MB]`, one JSON.

Makes a home of so many MB, lets messages flow through it, and measures the longest pause of the
event loop and of an acknowledgement: alone, and while a backup is copied, verified and opened.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from answerable import Agent, Context, Message, Reply
from answerable.rails.port import Incoming
from answerable.store.disk import bytes_used
from answerable.testing.world import OWNER, Life, World
from answerable.worker import commands, verbs
from answerable.worker.commands.office import Office
from answerable.worker.process import close_office, open_office

MB = 1_000_000
PER_S = 50
ALONE_S = 5.0


def echo() -> Agent:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="Answer")

    @agent.on_message
    async def answer(_ctx: Context, message: Message) -> Reply:
        return Reply(f"About {message.text}")

    return agent


async def grow(world: World, size_mb: int) -> None:
    await world.found()
    text, number = "x" * 60_000, 0
    async with world.running() as life:
        while bytes_used(world.home) < size_mb * MB:
            await asyncio.gather(*(_say(life, text, number + n) for n in range(100)))
            await life.settled(120)
            number += 100


async def _say(life: Life, text: str, number: int) -> None:
    await life.say(text, external_id=f"g{number}", sender=f"kim{number % 500}@example.org")


async def measure(office: Office, during: "asyncio.Task[object]") -> dict[str, float]:
    """The longest pauses, in ms, until `during` is over."""
    pauses, acks, number = [0.0], [0.0], 0

    async def one(text: str) -> None:
        nonlocal number
        number += 1
        began = time.perf_counter()
        message = Incoming(
            external_id=f"{id(during)}-{number}", sender=f"lee{number}@example.org", text=text,
            rail="email",
        )  # fmt: skip
        await commands.call(office, verbs.MessagesAccept((message,)))
        acks.append((time.perf_counter() - began) * 1e3)

    tasks = set()
    while not during.done():
        began = time.perf_counter()
        await asyncio.sleep(1 / PER_S)
        pauses.append((time.perf_counter() - began - 1 / PER_S) * 1e3)
        tasks.add(asyncio.create_task(one("hello")))
    await asyncio.gather(*tasks)
    acks.sort()
    return {
        "loop_pause_ms_max": round(max(pauses), 1),
        "ack_ms_p99": round(acks[int(len(acks) * 0.99)], 1),
        "ack_ms_max": round(acks[-1], 1),
        "messages": len(acks) - 1,
    }


async def main(size_mb: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(home=Path(folder) / "home", agent=echo())
        await grow(world, size_mb)
        office = await open_office(world.plan())
        alone = await measure(office, asyncio.create_task(asyncio.sleep(ALONE_S)))
        backup = asyncio.create_task(
            commands.call(office, verbs.BackupWrite(str(Path(folder) / "backup")))
        )
        during = await measure(office, backup)
        view = await backup
        await close_office(office)
        found = {
            "home_mb": round(bytes_used(world.home) / MB), "alone": alone, "during": during,
            "took_s": getattr(view, "took_s", None), "bodies": getattr(view, "bodies", None),
        }  # fmt: skip
        print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
