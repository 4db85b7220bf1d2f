"""SIGKILL of a real worker at each fault point of a turn that thinks, and what was done twice.

A life begins with a message, is killed at its k-th moment (counted from the first model call), and
the next life ends the turn. The model's endpoint, the look-ups, the till and the rail keep books of
their own, so that what was asked, looked up, paid and sent is counted outside the worker.
"""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from answerable.adapters.engines.embedded.journal import DATABASE
from answerable.agents.domain import Patience, Repeat
from answerable.base import faults
from answerable.base.money import Money
from answerable.cases.domain import Message
from answerable.compose.house import Plan
from answerable.ledger.domain import decode_entry
from answerable.pipeline.hall import Line
from answerable.policy.load import load
from answerable.rails.port import Incoming, Outgoing
from answerable.sdk.agent import Agent
from answerable.sdk.call import ToolCall
from answerable.sdk.context import Context
from answerable.sdk.think import MODEL_STEP
from answerable.sdk.words import Outcome
from answerable.testing.model_process import ModelStub, model_stub
from answerable.testing.model_stub import Answer, Conversation, Script
from answerable.testing.world import ALLOW_ALL, OWNER, World
from answerable.worker import verbs
from answerable.worker.client import Client, WorkerAway

CONVERSATION = Conversation(
    answers=(
        Answer(text="I look.", call="find_order", arguments={"order_id": "A1"}),
        Answer(call="find_parcel", arguments={"order_id": "A1"}),
        Answer(
            call="refund",
            arguments={"order_id": "A1", "amount": {"amount_minor": 4_000, "currency": "USD"}},
        ),
        Answer(text="You get 40 dollars back."),
    ),
)
CALLS = len(CONVERSATION.answers)
_BEGINS = "model.before_call"
_DIE_AT, _MODEL, _PROTOCOL = "KILLS_DIE_AT", "KILLS_MODEL", "KILLS_PROTOCOL"
_BLIND = "KILLS_BLIND"  # a planted defect: the till's look-up finds nothing
_WITHIN_S = 60.0
"""How long one life may take to come to its end."""


# ------------------------------------------------------------------------- inside the worker


class Books:
    """Lines of a file: what was done, whatever became of who did it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, what: str) -> None:
        with self._path.open("a") as file:
            file.write(f"{what}\n")

    @property
    def lines(self) -> list[str]:
        return self._path.read_text().splitlines() if self._path.exists() else []


class Post:
    """A rail that keeps books."""

    repeat: Repeat = "reconcilable"
    identifier_kind = "email"

    def __init__(self, books: Books) -> None:
        self._books = books

    async def send(self, outgoing: Outgoing) -> str:
        self._books.write(outgoing.key)
        return outgoing.key

    async def find(self, key: str) -> str | None:
        return key if key in self._books.lines else None


def thinking_agent(home: Path, model: dict[str, str | int]) -> Agent:
    """Looks up twice, proposes a refund, answers; everything it does is in books."""
    looked, paid = Books(home / "looked"), Books(home / "paid")
    agent = Agent("support", owner=OWNER, desk="orders", purpose="Think", model=model)

    async def find(key: str) -> str | None:
        is_paid = any(line.startswith(key) for line in paid.lines)
        return key if is_paid and _BLIND not in os.environ else None

    patience = Patience(deadline_s=0.5, settles_s=0.2)

    @agent.tool(effect="refund", repeat="reconcilable", find=find, patience=patience)
    async def refund(call: ToolCall, order_id: str, amount: Money) -> str:
        paid.write(f"{call.key} {order_id} {amount}")
        return call.key

    async def find_order(order_id: str) -> str:
        looked.write("order")
        return f"{order_id}: paid 40 dollars"

    async def find_parcel(order_id: str) -> str:
        looked.write("parcel")
        return f"{order_id}: lost"

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Outcome:
        facts = {"subject": message.subject}
        return await ctx.think(
            "Refund it.", facts=facts, tools=[refund], reads=[find_order, find_parcel]
        )

    return agent


def plan(home: Path) -> Plan:
    """For `answerable.worker.process --plan`; dies where the environment says."""
    address, protocol = os.environ[_MODEL], os.environ[_PROTOCOL]
    model = ModelStub(address, home / "books").model(protocol)
    faults.install(_killing(int(os.environ[_DIE_AT]), Books(home / "trail")))
    agent = thinking_agent(home, model)
    return Plan(
        home=home, blueprints=(agent.blueprint(),), policy=load({"kills.cedar": ALLOW_ALL}),
        lines={"email": Line(Post(Books(home / "sent")), agent.name, 0.5)},
    )  # fmt: skip


def _killing(die_at: int, trail: Books) -> faults.Fault:
    """Die by SIGKILL at the moment of that number; 0 is never."""
    count = 0

    async def moment(name: str) -> None:
        nonlocal count
        if count or name == _BEGINS:
            count += 1
            trail.write(name)
            if count == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    return moment


# ------------------------------------------------------------------------- outside of it


@dataclass
class Kills:
    """What a series of kills came to; the first two are the promise."""

    repeated_recorded_calls: int = 0
    repeated_effects: int = 0
    repeated_recorded_steps: int = 0
    not_ended: int = 0
    miscounted: int = 0  # lives whose ledger says another number of calls
    moments: int = 0
    kills: int = 0
    recorded_calls: int = 0  # that stood in the feed when a life was killed
    unrecorded_calls_made_again: int = 0  # answered or on their way, and killed before their record
    unrecorded_steps_made_again: int = 0
    at: dict[str, int] = field(default_factory=dict)  # moment -> kills

    @property
    def is_kept(self) -> bool:
        broken = (
            self.repeated_recorded_calls, self.repeated_effects, self.repeated_recorded_steps,
            self.not_ended, self.miscounted,
        )  # fmt: skip
        return not any(broken) and self.kills > 0


class Scene:
    """One home, one endpoint, one message; lives that end by SIGKILL or well."""

    def __init__(self, folder: Path, stub: ModelStub, protocol: str) -> None:
        self.home = folder / "home"
        self._stub = stub
        self._protocol = protocol
        self.stub_before = len(stub.lines)

    def found(self) -> None:
        self.home.mkdir(parents=True)
        agent = thinking_agent(self.home, self._stub.model(self._protocol))
        asyncio.run(World(home=self.home, agent=agent).found())

    def live(self, die_at: int) -> bool:
        """A worker's life: it gets the message, and dies or ends it. Whether it came to that."""
        command = [sys.executable, "-m", "answerable.worker.process", str(self.home)]
        command += ["--plan", "answerable.testing.model_kills:plan"]
        environment = {
            **os.environ, "PYTHONPATH": os.pathsep.join(sys.path), _DIE_AT: str(die_at),
            _MODEL: self._stub.address, _PROTOCOL: self._protocol,
        }  # fmt: skip
        with (self.home / "log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [*command, "--plan", "answerable.testing.model_kills:plan"],
                env=environment,
                stdout=log,
                stderr=log,
            )
            try:
                return asyncio.run(self._told(process, is_killed=die_at > 0))
            finally:
                process.terminate()
                process.wait()

    async def _told(self, process: "subprocess.Popen[bytes]", *, is_killed: bool) -> bool:
        give_up = time.monotonic() + _WITHIN_S
        is_said = False
        while time.monotonic() < give_up:
            if process.poll() is not None:
                return is_killed and process.returncode == -signal.SIGKILL
            try:
                is_said = is_said or await self._say()
                if not is_killed and self.sent and not await self._is_at_work():
                    return True
            except WorkerAway:
                pass
            await asyncio.sleep(0.05)
        return False

    async def _say(self) -> bool:
        client = await Client.connect(self.home)
        try:
            message = Incoming(
                external_id="m1", sender="kim@example.org", text="Refund A1", rail="email"
            )
            await client.call(verbs.MessagesAccept((message,)), object)
        finally:
            await client.close()
        return True

    async def _is_at_work(self) -> bool:
        client = await Client.connect(self.home)
        try:
            standing = await client.call(verbs.Status(), verbs.control.Standing)
        finally:
            await client.close()
        return bool(standing.waiting or standing.in_flight or standing.open)

    def books(self, name: str) -> list[str]:
        return Books(self.home / name).lines

    @property
    def sent(self) -> list[str]:
        return self.books("sent")

    @property
    def asked(self) -> Counter[int]:
        """How often the endpoint was asked for the n-th answer."""
        return Counter(line.depth for line in self._stub.lines[self.stub_before :])

    def recorded(self, step: str) -> int:
        """How many steps of that name stand in the feed of a home that nobody holds."""
        with sqlite3.connect(f"file:{self.home / DATABASE}?mode=ro", uri=True) as db:
            rows = db.execute("SELECT key FROM record WHERE kind = 'step'").fetchall()
        db.close()
        return sum(f"/{step}/" in row[0] or f".{step}/" in row[0] for row in rows)

    @property
    def calls_in_the_ledger(self) -> int:
        """What the one entry that holds the turn's use says; 0 unless there is exactly one."""
        db = sqlite3.connect(f"file:{self.home / DATABASE}?mode=ro", uri=True)
        rows = db.execute("SELECT data FROM record WHERE kind IN ('decided', 'outcome')").fetchall()
        db.close()
        uses = [use for row in rows if (use := decode_entry(row[0]).model) is not None]
        return uses[0].calls if len(uses) == 1 else 0


def kill_at_each(
    folder: Path, *, protocol: str = "openai", only: frozenset[int] = frozenset()
) -> Kills:
    """Kill a life at each of its moments (or at those of `only`), and count what was repeated."""
    kills = Kills()
    with model_stub(folder / "stub", Script((CONVERSATION,))) as stub:
        whole = Scene(folder / "whole", stub, protocol)
        whole.found()
        kills.not_ended += not whole.live(0)
        trail = whole.books("trail")
        kills.moments = len(trail)
        for die_at, moment in enumerate(trail, 1):
            if only and die_at not in only:
                continue
            kills.kills += 1
            kills.at[moment] = kills.at.get(moment, 0) + 1
            _kill_once(Scene(folder / f"kill-{die_at}", stub, protocol), die_at, kills)
    return kills


def _kill_once(scene: Scene, die_at: int, kills: Kills) -> None:
    scene.found()
    is_dead = scene.live(die_at)
    calls, asked = scene.recorded(MODEL_STEP), scene.asked
    looks = {name: scene.recorded(f"find_{name}") for name in ("order", "parcel")}
    kills.recorded_calls += calls
    kills.not_ended += not (is_dead and scene.live(0))
    again = scene.asked
    kills.repeated_recorded_calls += sum(again[depth] - 1 for depth in range(calls))
    kills.unrecorded_calls_made_again += sum(again[depth] - 1 for depth in range(calls, CALLS))
    kills.repeated_recorded_calls += sum(asked[depth] == 0 for depth in range(calls))
    looked = Counter(scene.books("looked"))
    for name, recorded in looks.items():
        if recorded:
            kills.repeated_recorded_steps += looked[name] - 1
        else:
            kills.unrecorded_steps_made_again += looked[name] - 1
    kills.repeated_effects += len(scene.books("paid")) - 1 + len(scene.sent) - 1
    kills.miscounted += scene.calls_in_the_ledger != CALLS


def main() -> int:
    """`python -m answerable.testing.model_kills FOLDER [PROTOCOL]`: the figures as JSON."""
    folder = Path(sys.argv[1])
    protocol = sys.argv[2] if len(sys.argv) > 2 else "openai"
    kills = kill_at_each(folder, protocol=protocol)
    sys.stdout.write(json.dumps({"protocol": protocol} | vars(kills), indent=2) + "\n")
    return 0 if kills.is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
