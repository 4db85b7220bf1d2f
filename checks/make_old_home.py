"""Make a home as a released version leaves it: the fixture that upgrades are tested on.

Run by the *old* version's own code, from a clone of it at the commit that is to be kept:

    git clone . build/old && git -C build/old checkout 268f669
    PYTHONPATH=build/old/src python checks/make_old_home.py tests/fixtures/home-0.1.0.tar.gz

The home has persons, one of whom has left, an agent with three tools, a stop that was let go again,
and messages in every state: answered, refunded, held, refused, unknown and asked of a person,
looked up, waiting for a retry, at the desk, taken by a specialist, killed while its effect was on
its way, killed after a recorded step, accepted and never claimed.
"""

import asyncio
import dataclasses
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from answerable.base.chance import SeededChance
from answerable.base.clock import ManualClock
from answerable.compose.configured import plan
from answerable.compose.house import Plan, open_house
from answerable.pipeline import desk
from answerable.testing.world import OWNER, SPECIALIST, Life
from answerable.views.index import EntryIndex
from answerable.worker.publisher import Publisher

SETTINGS = """
agents = ["old_agent:support"]

[rails.email]
use = "old_agent:mailbox"
agent = "support"

[ledger]
origin = "acme.example/old"
"""
POLICY = """
@id("replies") permit (principal, action == Action::"reply", resource);
@id("small") permit (principal, action == Action::"perform", resource)
when { context has amount && context.amount.minor <= 5000 };
@id("large") @hold("refunds") permit (principal, action == Action::"perform", resource)
when { context has amount && context.amount.minor > 5000 };
"""
AGENT = '''"""An agent whose world is files beside it: they outlive the version that wrote them."""

import asyncio
import json
from pathlib import Path

from answerable import Agent, Money, NotDone, OutcomeUnknown, Reply

HERE = Path(__file__).parent


def note(name, **line):
    with (HERE / name).open("a") as file:
        file.write(json.dumps(line) + "\\n")


def noted(name, key):
    path = HERE / name
    lines = path.read_text().splitlines() if path.exists() else []
    return next((key for line in lines if json.loads(line)["key"] == key), None)


class Mailbox:
    repeat = "reconcilable"
    identifier_kind = "email"

    async def send(self, outgoing):
        note("sent.jsonl", key=outgoing.key, to=outgoing.to, text=outgoing.text)
        return "sent"

    async def find(self, key):
        return noted("sent.jsonl", key)


def mailbox(home):
    return Mailbox()


support = Agent("support", owner="owner@acme.example", desk="orders", purpose="Answer and refund")


async def find_payment(key):
    return noted("paid.jsonl", key)


@support.tool(effect="refund", repeat="reconcilable", find=find_payment)
async def refund(call, order: str, amount: Money) -> str:
    if order == "closed" and (HERE / "closed").exists():
        raise NotDone("the till is closed")
    note("paid.jsonl", key=call.key, order=order, minor=amount.amount_minor)
    if order == "slow":
        await asyncio.sleep(3600)
    return call.key


@support.tool(effect="voucher", repeat="idempotent")
async def voucher(call, order: str, amount: Money) -> str:
    if noted("vouchers.jsonl", call.key) is None:
        note("vouchers.jsonl", key=call.key, order=order)
    return call.key


@support.tool(effect="courier", repeat="at_most_once")
async def courier(call, order: str, amount: Money) -> str:
    note("couriers.jsonl", key=call.key, order=order)
    raise OutcomeUnknown("no answer")


async def look_up(text):
    note("steps.jsonl", key=text)
    return text


async def stand(text):
    if (HERE / "stands").exists():
        await asyncio.sleep(3600)
    return text


@support.on_message
async def answer(ctx, message):
    words = message.text.split()
    if words[0] == "step":
        await ctx.step(look_up, message.text)
        await ctx.step(stand, message.text)
        return Reply("Looked up.")
    if words[0] in ("refund", "voucher", "courier"):
        tool = {"refund": refund, "voucher": voucher, "courier": courier}[words[0]]
        asked = ctx.propose(tool, order=words[1], amount=Money(int(words[2]), "USD"))
        return Reply(f"Done: {words[1]}.", after=asked, otherwise=f"Not done: {words[1]}.")
    if words[0] == "human":
        return ctx.escalate("wants a person")
    return Reply(f"About {message.text}.")
'''
NOT_KEPT = ("lock", "heartbeat", "worker.sock", "__pycache__")


def plan_of(home: Path, clock: ManualClock, life: int) -> Plan:
    return dataclasses.replace(
        plan(home), clock=clock, chance=SeededChance(100 + life), is_threaded=False
    )


@asynccontextmanager
async def living(plan: Plan) -> AsyncIterator[Life]:
    life = Life(open_house(plan))
    await life.dispatcher.start()
    yield life


async def first_day(home: Path, clock: ManualClock) -> None:
    async with living(dataclasses.replace(plan_of(home, clock, 0), blueprints=())) as life:
        people = life.house.hall.people
        names = (
            (OWNER, "Olga Owner"),
            (SPECIALIST, "Sam Specialist"),
            ("left@acme.example", "Lea"),
        )
        for email, name in names:
            await life.house.commit_control(people.add(email, name, by="system:test"))
        await life.house.commit_control(people.accept_ownership("support", OWNER))
        await life.leave("left@acme.example")
        await life.close()


async def work(home: Path, clock: ManualClock) -> None:
    """Everything that ends, or waits, while the worker lives."""
    (home / "closed").touch()
    async with living(plan_of(home, clock, 1)) as life:
        texts = (
            "hello", "refund A1 4000", "voucher V1 1000", "refund B1 9000", "refund B2 9000",
            "courier C1 1000", "human please", "human again", "refund closed 1000",
        )  # fmt: skip
        for number, text in enumerate(texts):
            await life.say(text, external_id=f"m{number}", sender=f"kim{number}@example.org")
            clock.advance(1_000_000)
            await life.settled()
        refused = min(
            (e for e in life.effects() if e.status.value == "held"), key=lambda e: e.position
        )
        await life.answer(refused, "refuse")
        await life.settled()
        await life.stop_agent("support")
        await life.stop_agent("support", is_on=False)
        cases = [row[0] for row in life.db.execute('SELECT "case" FROM queue_item ORDER BY since')]
        await desk.take(life.house.hall, cases[0], SPECIALIST)
        publisher, index = Publisher(home), EntryIndex.open(home)
        await publisher.follow(life.house.hall.engine)
        await index.follow(life.house.hall.engine)
        index.close()
        await life.close()


async def die(home: Path, clock: ManualClock) -> None:
    """Killed with an effect on its way, and after a recorded step; one message nobody claimed."""
    (home / "stands").touch()
    async with living(plan_of(home, clock, 2)) as life:
        await life.say("refund slow 1000", external_id="slow", sender="slow@example.org")
        await life.say("step S1", external_id="step", sender="step@example.org")
        for _ in range(200):
            await asyncio.sleep(0)
        await life.dispatcher.stop()
        await life.say("hello later", external_id="later", sender="later@example.org")
        await life.die()
    (home / "stands").unlink()
    (home / "closed").unlink()


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return None if Path(member.name).name in NOT_KEPT else member


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    out = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        (home / "policies").mkdir(parents=True)
        (home / "answerable.toml").write_text(SETTINGS)
        (home / "policies" / "old.cedar").write_text(POLICY)
        (home / "old_agent.py").write_text(AGENT)
        clock = ManualClock()
        for day in (first_day, work, die):
            asyncio.run(day(home, clock))
        with tarfile.open(out, "w:gz", compresslevel=9) as tar:
            tar.add(home, "home", filter=_kept)
    print(f"{out}: {out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
