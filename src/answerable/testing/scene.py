"""A world for authors: their agent in a real house, with time by hand and the outside played.

Everything of ours is real: policy, limits, owners, holds, retries, the ledger. Played are the rail
(a mailbox in memory), the tools (`world.fake`), and the clock, which moves by `world.later`.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypedDict, Unpack

from answerable.agents.domain import Tool
from answerable.base.clock import ManualClock
from answerable.compose.house import open_house
from answerable.effects import rows as effects
from answerable.effects.domain import EffectState, Status
from answerable.ledger.domain import Entry, decode_entry
from answerable.policy.load import PolicySet, load, load_folder
from answerable.policy.schema import Vocabulary
from answerable.rails.port import Incoming, Outgoing
from answerable.sdk.agent import Agent
from answerable.sdk.port import Model
from answerable.testing.fakes import Called, Fakes, NotFaked
from answerable.testing.scripted import UNSCRIPTED
from answerable.testing.world import ALLOW_ALL, SPECIALIST, Life, World

RAIL = "chat"
SENDER = "kim@example.org"


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one message, so far."""

    interaction: str
    disposition: str  # answered, escalated, with_people, closed; open while something waits
    replies: tuple[str, ...]  # what was said, as it was sent
    reason: str = ""  # why the case went to people, if it did

    @property
    def text(self) -> str:
        """The reply; empty where nothing was said yet."""
        return "\n".join(self.replies)

    @property
    def is_escalated(self) -> bool:
        return bool(self.reason)


@dataclass(frozen=True, slots=True)
class Decision:
    """One verdict, by which rule, in whose name."""

    effect: str
    action: str  # the tool, or the rail of a reply
    verdict: str  # allow, hold, deny
    rule: str  # the id of the deciding rule, or ours: `grade-too-low`, `stop:pause`
    owner: str  # the accountable person's email address
    index: int  # in the ledger


class Time(TypedDict, total=False):
    """How much later, as `datetime.timedelta` takes it."""

    days: float
    hours: float
    minutes: float
    seconds: float


class Scene:
    """What a test says and sees. Made by `running`."""

    def __init__(self, world: World, fakes: Fakes, life: Life) -> None:
        self._world = world
        self._fakes = fakes
        self._life = life
        self._count = 0
        self._entries: list[Entry] = []
        self._reasons: dict[str, str] = {}
        self._position = 0
        self._emails = {life.person(email): email for email in world.people}

    # what happens

    async def says(
        self, text: str, *, sender: str = SENDER, external_id: str = "", subject: str = ""
    ) -> Heard:
        """Somebody writes, and all that can happen now has happened.

        The same `external_id` again is the same message, delivered twice.
        """
        self._count += 1
        incoming = Incoming(
            external_id=external_id or f"m{self._count}", sender=sender, text=text, rail=RAIL,
            subject=subject,
        )  # fmt: skip
        (ack,) = await self._life.receive([incoming])
        await self._settled()
        return self.heard(ack.interaction)

    async def grant(self, effect: EffectState | None = None, *, by: str = "") -> Heard:
        """A person says yes to what waits (the only effect that does, if it is not named)."""
        return await self._answer(effect, "grant", by)

    async def refuse(self, effect: EffectState | None = None, *, by: str = "") -> Heard:
        """A person says no."""
        return await self._answer(effect, "refuse", by)

    async def later(self, **time: Unpack[Time]) -> None:
        """Time passes; what was due in it has happened: retries, look-ups, holds that expire."""
        clock = self._world.clock
        assert isinstance(clock, ManualClock)
        until_us = clock.now() + timedelta(**time) // timedelta(microseconds=1)
        await self._life.run_out(until_us - clock.now())
        clock.advance(max(0, until_us - clock.now()))
        await self._settled()

    async def leaves(self, who: str) -> None:
        """A person leaves the company."""
        await self._life.leave(who)
        await self._settled()

    async def crash(self) -> None:
        """The worker dies as by SIGKILL, and another one opens the home."""
        await self._life.die()
        self._life = await _begun(self._world)
        await self._settled()

    # what the outside does

    def fake(
        self, tool: Tool, *, returns: str = "done", raises: BaseException | None = None,
        times: int | None = None,
    ) -> None:  # fmt: skip
        """Say what a tool does when it is performed: the receipt that it returns, or what it
        raises (each time, or the first `times` times). Raises ValueError for another's tool."""
        self._fakes.fake(tool, returns=returns, raises=raises, times=times)

    def real(self, tool: Tool) -> None:
        """Let a tool's own code run; what it was called with is kept all the same."""
        self._fakes.real(tool)

    # what can be seen

    def calls(self, tool: Tool) -> Sequence[Called]:
        """Each call of a tool, attempts included."""
        return self._fakes.calls(tool)

    @property
    def sent(self) -> list[Outgoing]:
        """Everything that was said to anybody."""
        return self._world.mailbox.sent

    @property
    def held(self) -> list[EffectState]:
        """What waits for a person's yes."""
        return self._life.effects(Status.HELD)

    @property
    def decisions(self) -> list[Decision]:
        """Each verdict so far, in the order of the ledger."""
        return [self._decision(one) for one in self._entries if one.kind == "decided"]

    def heard(self, interaction: str) -> Heard:
        """What has come of a message until now. Raises LookupError."""
        row = effects.interaction_of(self._life.db, interaction)
        if row is None:
            raise LookupError(f"there is no interaction '{interaction}'")
        own = {one.id for one in effects.list_of_interaction(self._life.db, interaction)}
        replies = tuple(dict.fromkeys(one.text for one in self.sent if one.key in own))
        return Heard(interaction, row.disposition, replies, self._reasons.get(interaction, ""))

    async def close(self) -> None:
        await self._life.close()

    async def _answer(self, effect: EffectState | None, says: str, by: str) -> Heard:
        if effect is None:
            held = self.held
            assert len(held) == 1, f"{len(held)} effects wait for a person; name the one you mean"
            (effect,) = held
        person = self._life.person(by or SPECIALIST)
        await self._life.answer(effect, says, by=person)
        await self._settled()
        return self.heard(effect.interaction)

    async def _settled(self) -> None:
        await self._life.settled()
        async for record in self._life.house.hall.engine.read(self._position):
            self._position = record.position
            if record.kind not in ("decided", "escalated"):
                continue
            entry = decode_entry(record.data)
            self._entries.append(entry)
            if entry.kind == "escalated" and entry.body and record.body and entry.trace:
                keyring = self._life.house.hall.keyring
                reason = keyring.open(entry.body.kid, record.key, record.body).decode()
                self._reasons[entry.trace.interaction or ""] = reason
        if self._fakes.not_faked:
            raise NotFaked(self._fakes.not_faked)

    def _decision(self, entry: Entry) -> Decision:
        assert entry.effect is not None
        assert entry.action is not None
        assert entry.owner is not None
        policy = entry.policy[-1]
        return Decision(
            effect=entry.effect.id, action=entry.action.name, verdict=policy.verdict,
            rule=", ".join(reason.rpartition("@")[2] for reason in policy.reasons),
            owner=self._emails.get(entry.owner.person, entry.owner.person), index=entry.seq,
        )  # fmt: skip


class SceneSync:
    """A `Scene` for plain tests: the same verbs without `await`. Made by `running_sync`."""

    def __init__(self, runner: asyncio.Runner, scene: Scene) -> None:
        self._run = runner.run
        self._scene = scene
        self.fake, self.real, self.calls, self.heard = (
            scene.fake, scene.real, scene.calls, scene.heard,
        )  # fmt: skip

    def says(
        self, text: str, *, sender: str = SENDER, external_id: str = "", subject: str = ""
    ) -> Heard:
        return self._run(
            self._scene.says(text, sender=sender, external_id=external_id, subject=subject)
        )

    def grant(self, effect: EffectState | None = None, *, by: str = "") -> Heard:
        return self._run(self._scene.grant(effect, by=by))

    def refuse(self, effect: EffectState | None = None, *, by: str = "") -> Heard:
        return self._run(self._scene.refuse(effect, by=by))

    def later(self, **time: Unpack[Time]) -> None:
        self._run(self._scene.later(**time))

    def leaves(self, who: str) -> None:
        self._run(self._scene.leaves(who))

    def crash(self) -> None:
        self._run(self._scene.crash())

    @property
    def sent(self) -> list[Outgoing]:
        return self._scene.sent

    @property
    def held(self) -> list[EffectState]:
        return self._scene.held

    @property
    def decisions(self) -> list[Decision]:
        return self._scene.decisions


@asynccontextmanager
async def running(
    agent: Agent, *, policy: str | Path = ALLOW_ALL, model: Model = UNSCRIPTED
) -> AsyncIterator[Scene]:
    """Run an agent in a house of its own, for the time of a test.

    `policy` is a folder of `.cedar` files or the text of one; without it everything is allowed.
    Each tool that comes to be performed has to be faked, or the test fails: `world.fake`,
    `world.real`. Steps and the handler are the agent's own. What it thinks is played by `model`, a
    `ScriptedModel`; without one its model is away.

        async with running(support, policy=Path("policies")) as world:
            world.fake(refund, returns="R-1")
            heard = await world.says("Please refund A1")
            assert heard.text == "Your refund is on its way."

    Raises PolicyInvalid, ValueError where the agent or its policy does not hold together.
    """
    fakes = Fakes(agent)
    with tempfile.TemporaryDirectory(prefix="answerable-test-") as folder, fakes.installed():
        world = World(
            home=Path(folder) / "home", agent=agent, owner=agent.owner, rail_name=RAIL,
            policy=_policies(agent, policy), clock=ManualClock(), is_threaded=False,
            model=model,
        )  # fmt: skip
        await world.found()
        scene = Scene(world, fakes, await _begun(world))
        try:
            yield scene
        finally:
            await scene.close()


@contextmanager
def running_sync(
    agent: Agent, *, policy: str | Path = ALLOW_ALL, model: Model = UNSCRIPTED
) -> Iterator[SceneSync]:
    """`running` for tests that are no coroutines; needs no plugin.

    with running_sync(support, policy=Path("policies")) as world:
        assert world.says("Hello?").is_escalated
    """
    with asyncio.Runner() as runner:
        context = running(agent, policy=policy, model=model)
        scene = runner.run(context.__aenter__())
        try:
            yield SceneSync(runner, scene)
        finally:
            runner.run(context.__aexit__(None, None, None))


async def _begun(world: World) -> Life:
    life = Life(open_house(world.plan()))
    try:
        await life.dispatcher.start()
    except BaseException:
        await life.close()
        raise
    return life


def _policies(agent: Agent, policy: str | Path) -> PolicySet:
    """With the names that there are: a rule about a misspelt one does not load."""
    vocabulary = Vocabulary(
        agents=frozenset({agent.name}), tools=frozenset(agent.tools), rails=frozenset({RAIL})
    )
    if isinstance(policy, Path):
        return load_folder(policy, vocabulary)
    return load({"policy.cedar": policy}, vocabulary)
