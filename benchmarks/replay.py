"""Verdicts judged again a second: `python benchmarks/replay.py [INTERACTIONS]`.

Lives through that many interactions in the real hallway, in a home of its own (a refund of a drawn
amount, under limits and policies with conditions, and a reply), then judges every decision
again from its stored inputs, twice: the second time everything that is alike is known. Prints JSON;
exit code 1 where the first run is under the bar, or a verdict is different. The bar is of one core:
seconds are those of the processor, so that what else runs on the machine does not count.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from answerable import Agent, Context, Limit, Message, Money, Reply, ToolCall
from answerable.testing.world import OWNER, World
from answerable.worker.replay.found import Tally
from answerable.worker.replay.homes import replay_all

BAR_PER_S = 2_000
_AT_ONCE = 200
_PARTIES = 1_000
_POLICY = """
@id("replies") permit (principal, action == Action::"reply", resource) when { context.grade >= 1 };
@id("small") permit (principal, action == Action::"perform", resource)
  when { context has amount && context.amount.minor < 5000 && context.party_effects_today < 50 };
@id("large") @hold("desk") permit (principal, action == Action::"perform", resource)
  when { context has amount && context.amount.minor >= 5000 };
@id("most") forbid (principal, action == Action::"perform", resource)
  when { context.agent_amount_minor_today > 900000000 };
"""


def agent(chance: random.Random) -> Agent:
    made = Agent("support", owner=OWNER, desk="orders", purpose="measure")

    @made.tool(effect="refund", repeat="idempotent", limit=Limit(count_per_party_per_day=100))
    async def refund(call: ToolCall, amount: Money) -> str:
        return f"{call.key} {amount.amount_minor}"

    @made.on_message
    async def answer(ctx: Context, _message: Message) -> Reply:
        asked = ctx.propose(refund, amount=Money(chance.randrange(100, 9_000), "USD"))
        return Reply("Refunded.", after=asked, otherwise="Not refunded.")

    return made


async def timed(home: Path) -> tuple[Tally, float]:
    """All verdicts, and how many a second of one core."""
    began = time.process_time()
    tally = await replay_all(home)
    return tally, tally.decisions / (time.process_time() - began)


async def measure(home: Path, interactions: int) -> tuple[tuple[Tally, float], ...]:
    world = World(home=home, agent=agent(random.Random(1)), policy=_POLICY)
    await world.found()
    async with world.running() as life:
        for first in range(0, interactions, _AT_ONCE):
            for number in range(first, min(first + _AT_ONCE, interactions)):
                sender = f"c{number % _PARTIES}@example.org"
                await life.say("refund", external_id=f"m{number}", sender=sender)
            await life.settled(600)
    return await timed(home), await timed(home)


def main() -> int:
    interactions = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        (first, per_s), (_, known_per_s) = asyncio.run(measure(Path(folder) / "home", interactions))
    is_held = per_s >= BAR_PER_S and first.same == first.decisions > 0
    told = {
        "decisions": first.decisions, "same": first.same, "different": first.different,
        "evaluations": first.evaluations, "per_s": round(per_s), "wall_s": first.seconds,
        "per_s_known": round(known_per_s),
        "bar_per_s": BAR_PER_S, "held": is_held,
    }  # fmt: skip
    sys.stdout.write(f"{json.dumps(told)}\n")
    return 0 if is_held else 1


if __name__ == "__main__":
    sys.exit(main())
