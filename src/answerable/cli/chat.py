"""A conversation over a rail whose replies are fetched: what is said, held, escalated, decided."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from answerable.base.errors import AnswerableError, NotFound
from answerable.cli.hire import Hired
from answerable.cli.talk import out, plain, talk
from answerable.compose.settings import read_settings
from answerable.rails.port import Ack, Incoming
from answerable.store.lock import HomeHeld, HomeLock
from answerable.worker.client import Client, WorkerAway
from answerable.worker.verbs import InteractionHear, InteractionShow, MessagesAccept, Verb
from answerable.worker.verbs.cases import DecisionLine, InteractionView, Overheard

T = TypeVar("T")

_REACHED_S = 60.0  # a worker that dies is back by then, or says why it is not
_ANSWERED_S = 120.0
_LOOK_S = 0.1
_WATCH_S = 1.0
_OPEN = frozenset({"open", "waiting"})
_WITH_PEOPLE = frozenset({"escalated", "with_people"})


class NoPullRail(NotFound):
    """There is no rail on which one could talk from here."""

    code = "no_pull_rail"

    def __init__(self, agent: str, among: list[str]) -> None:
        whose = f"Agent '{agent}'" if agent else "No agent"
        has = "has no" if agent else "has a"
        choose = f" Those that have one: {', '.join(among)}." if among else ""
        super().__init__(
            f'{whose} {has} rail whose replies are fetched (`use = "pull"`).{choose}',
            "Nothing was said.",
            "add [rails.chat] with `use` and `agent` to answerable.toml, or name another agent",
        )


def rail_of(home: Path, agent: str) -> tuple[str, str, str]:
    """The rail to talk on, its agent, and what its senders are called by. Raises NoPullRail."""
    rails = read_settings(home).rails
    pulled = {name: rail for name, rail in rails.items() if rail.use == "pull"}
    agents = sorted({rail.agent for rail in pulled.values()})
    if not agent and len(agents) == 1:
        (agent,) = agents
    for name, rail in pulled.items():
        if rail.agent == agent:
            return name, agent, rail.identifier or "chat"
    raise NoPullRail(agent, agents)


class Line:
    """The way to the home's worker: found again when it dies, started where there is none."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._client: Client | None = None
        self._hired: Hired | None = None
        self._was_reached = False

    async def call(self, verb: Verb, returns: type[T]) -> T:
        """Ask until there is an answer: each verb here may be repeated. Raises what it raises."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _REACHED_S
        while True:
            try:
                if self._client is None:
                    self._client = await Client.connect(self._home)
                    self._was_reached = True
                return await self._client.call(verb, returns)
            except WorkerAway:
                await self._hang_up()
                if loop.time() > give_up:
                    raise
                if self._hired is not None or not self._was_reached:
                    self._see_to_a_worker()  # one that is not ours is started again by its own
                await asyncio.sleep(_LOOK_S)

    def _see_to_a_worker(self) -> None:
        if self._hired is not None:
            self._hired.check()
            return
        try:
            HomeLock.check_free(self._home)
        except HomeHeld:  # by one that does not listen yet, or is just starting again
            return
        self._hired = Hired(self._home)

    async def close(self) -> None:
        await self._hang_up()
        if self._hired is not None:
            self._hired.end()

    async def _hang_up(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None


class Chat:
    """One sender's talk with one agent."""

    def __init__(self, line: Line, say: Callable[[str], Incoming], agent: str) -> None:
        self._line = line
        self._incoming = say
        self._agent = agent
        self._told: dict[str, int] = {}  # what may be answered later: its replies shown so far
        self.shows_decisions = False
        self.shows_thoughts = False
        self.as_json = False
        self.last_decision = ""

    async def hear(self, text: str) -> None:
        """Say one message and show what came of it. However often the worker dies: said once."""
        incoming = self._incoming(text)  # its external id stays, so that to repeat it is harmless
        (ack,) = await self._line.call(MessagesAccept((incoming,)), list[Ack])
        view = await self._settled(ack.interaction)
        self.last_decision = view.decisions[-1].decision if view.decisions else self.last_decision
        if view.disposition in _OPEN | _WITH_PEOPLE:
            self._told[view.interaction] = len(view.replies)
        if self.as_json:
            out(msgspec.json.encode(_as_data(text, view)).decode())
            return
        self._show_replies(view.replies)
        for sentence in _where_it_stands(view):
            out(f"  {sentence}")
        if self.shows_decisions:
            for one in view.decisions:
                out(f"  {_decided(one)}")

    async def watch(self) -> None:
        """Show what comes later: a granted effect's reply, a specialist's word."""
        while True:
            await asyncio.sleep(_WATCH_S)
            for interaction in list(self._told)[-_WATCHED_MAX:]:
                view = await self._line.call(InteractionShow(interaction), InteractionView)
                self._show_replies(view.replies[self._told[interaction] :], is_late=True)
                self._told[interaction] = len(view.replies)

    async def _settled(self, interaction: str) -> InteractionView:
        """What came of it, as soon as nothing more comes without a person, or in a while."""
        give_up = asyncio.get_running_loop().time() + _ANSWERED_S
        thoughts = Thoughts(self._agent)
        while True:
            show = InteractionShow(interaction, wait_s=_LOOK_S)
            view = await self._line.call(show, InteractionView)
            if self.shows_thoughts:
                hear = InteractionHear(interaction, thoughts.cursor)
                thoughts.show(await self._line.call(hear, Overheard))
            is_over = view.disposition not in _OPEN
            if is_over or _held(view) or asyncio.get_running_loop().time() > give_up:
                thoughts.end()
                return view

    def _show_replies(self, replies: tuple[str, ...], *, is_late: bool = False) -> None:
        for reply in replies:
            first, *others = plain(reply).split("\n")
            out(("\n" if is_late else "") + f"{self._agent}> {first}")
            for line in others:
                out(f"{' ' * len(self._agent)}  {line}")


class Thoughts:
    """What the model says, as it comes: beside the talk, because it is said to nobody yet."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._is_open = False
        self.cursor = 0

    def show(self, heard: Overheard) -> None:
        if heard.cursor < self.cursor:  # another worker thinks anew
            self.end()
        self.cursor = heard.cursor
        for line in plain(heard.text).splitlines(keepends=True):
            if not self._is_open:
                sys.stderr.write(f"  {self._agent} thinks: ")
            sys.stderr.write(line)
            self._is_open = not line.endswith("\n")
        sys.stderr.flush()

    def end(self) -> None:
        if self._is_open:
            talk("")
            self._is_open = False


_WATCHED_MAX = 20


def _held(view: InteractionView) -> list[DecisionLine]:
    return [one for one in view.decisions if one.status in ("held", "asked")]


def _where_it_stands(view: InteractionView) -> list[str]:
    """What is not answered, in a line, with the command that goes on."""
    lines = []
    for one in _held(view):
        if one.status == "held":
            lines.append(f"held: {one.action} waits for a person: answerable approval list")
        else:
            lines.append(f"unknown: how {one.action} ended: answerable effect unknown")
    if view.is_escalated or view.disposition == "with_people":
        lines.append("escalated: people have this case: answerable desk list")
    elif not view.replies and not lines:
        lines.append(f"{view.disposition}: answerable interaction show {view.interaction}")
    return lines


def _decided(one: DecisionLine) -> str:
    rules = ", ".join(one.rules) or "no rule"
    return f"{one.verdict}: {one.action}, by {rules}; {one.owner_name} answers; ledger {one.index}"


def _as_data(text: str, view: InteractionView) -> dict[str, object]:
    return {
        "message": text, "interaction": view.interaction, "disposition": view.disposition,
        "replies": view.replies, "held": [one.effect for one in _held(view)],
        "is_escalated": view.is_escalated, "decisions": view.decisions,
    }  # fmt: skip


async def converse(chat: Chat, line: Line, lines: AsyncIterator[str], *, watches: bool) -> None:
    """Take messages until there are no more; the worker that was started for it ends with it."""
    watching = asyncio.create_task(_quietly(chat.watch)) if watches else None
    try:
        async for text in lines:
            if text.strip():
                await chat.hear(text)
    finally:
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await line.close()


async def _quietly(watch: Callable[[], Awaitable[None]]) -> None:
    """What cannot be watched any more is said when the next message is."""
    try:
        await watch()
    except AnswerableError:
        return
