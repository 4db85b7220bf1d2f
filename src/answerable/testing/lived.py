"""A small home in which something of everything has happened: what checks and tests then damage."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from answerable.base.clock import ManualClock
from answerable.base.money import Money
from answerable.cases.domain import Message
from answerable.effects.domain import Status
from answerable.effects.errors import NotDone, OutcomeUnknown
from answerable.pipeline import desk
from answerable.policy.limits import Limit
from answerable.sdk.agent import Agent
from answerable.sdk.call import ToolCall
from answerable.sdk.context import Context
from answerable.sdk.words import Outcome, Reply
from answerable.testing.world import OWNER, SPECIALIST, Life, Till, World
from answerable.views.index import EntryIndex
from answerable.worker.publisher import Publisher

_POLICY = """
@id("replies") permit (principal, action == Action::"reply", resource);
@id("small") permit (principal, action == Action::"perform", resource);
@id("large") @hold("desk") permit (principal, action == Action::"perform", resource)
  when { context has amount && context.amount.minor > 10000 };
"""


@dataclass(frozen=True, slots=True)
class Lived:
    """The same home twice: left in order, and copied from under its worker, as a SIGKILL leaves it:
    the last life is in SQLite's log only."""

    left: Path
    killed: Path


async def live_in(home: Path, *, rounds: int = 2) -> Lived:
    """Found `home`, a folder that is not there yet, and let `rounds` of life pass; `killed` lies
    beside it."""
    till = _Till()
    world = World(
        home=home, agent=_agent(till), clock=ManualClock(), is_threaded=False, policy=_POLICY
    )
    await world.found()
    killed = home.with_name(f"{home.name}-killed")
    async with world.running() as life:
        publisher, index = Publisher(home), EntryIndex.open(home)
        for number in range(rounds):
            await _round(life, number)
            await publisher.follow(life.house.hall.engine)
            await index.follow(life.house.hall.engine)
        index.close()
        await life.say("refund 50000 that nobody answers", external_id="held")
        await life.say("refund 300 lost", external_id="lost", sender="lou@example.org")
        await life.settled()
        await life.dispatcher.stop()
        await life.say("it waits", external_id="waits", sender="new@example.org")
        shutil.copytree(home, killed, ignore=shutil.ignore_patterns("*-shm"))
    return Lived(home, killed)


async def _round(life: Life, number: int) -> None:
    """Answers, steps, refunds that are done, refused, lost and held, people who take over."""
    texts = (
        "hello", "step", "refund 400", "refund 900 busy", "refund 700 lost", "refund 20000",
        "human", "refund 30000",
    )  # fmt: skip
    for place, text in enumerate(texts):
        sender = f"party-{place % 4}@example.org"
        await life.say(text, external_id=f"m{number}-{place}", sender=sender)
    await life.run_out(60_000_000)
    for held, says in zip(life.effects(Status.HELD), ("grant", "refuse"), strict=False):
        await life.answer(held, says)
    await life.settled()
    queue = [str(row[0]) for row in life.db.execute('SELECT "case" FROM queue_item ORDER BY since')]
    for case in queue[:1]:
        await desk.take(life.house.hall, case, SPECIALIST)
        await desk.hand_back(life.house.hall, case, SPECIALIST)
    await life.stop_agent("support")
    await life.stop_agent("support", is_on=False)


class _Till(Till):
    """Refuses once what is said to be busy, and loses the answer to what is said to get lost."""

    def __init__(self) -> None:
        super().__init__()
        self.words: dict[str, str] = {}

    async def pay(self, key: str, amount_minor: int) -> str:
        if amount_minor == 900 and key not in self.words:
            self.words[key] = "busy"
            raise NotDone("busy")
        receipt = await super().pay(key, amount_minor)
        if amount_minor in (300, 700):
            raise OutcomeUnknown("no answer")
        return receipt


def _agent(till: Till) -> Agent:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="Live")

    async def find(key: str) -> str | None:
        return await till.find(key)

    @agent.tool(effect="refund", repeat="reconcilable", find=find, limit=Limit(count_per_day=100))
    async def refund(call: ToolCall, amount: Money) -> str:
        return await till.pay(call.key, amount.amount_minor)

    async def look_up(order: str) -> str:
        return f"order {order} is on its way"

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Outcome:
        if "refund" in message.text:
            minor = int(message.text.split()[1])
            asked = ctx.propose(refund, amount=Money(minor, "USD"))
            return Reply("Refunded.", after=asked, otherwise="Not refunded.")
        if "human" in message.text:
            return ctx.escalate("wants a person")
        if "step" in message.text:
            return Reply(await ctx.step(look_up, "A1"))
        return Reply(f"About {message.text}.")

    return agent
