"""Wrong variants of who answers, who speaks, who may say yes, and what is stopped."""

import asyncio
from collections.abc import Sequence

from msgspec import structs

from answerable.agents.domain import Registry
from answerable.agents.service import Agents
from answerable.agents.stops import Mode, Stops
from answerable.cases.domain import Lease
from answerable.cases.leases import Leases
from answerable.cases.recent import Recent
from answerable.desk.service import SENDS_END_S, Desk, Taken
from answerable.effects.domain import EffectState, Status
from answerable.ledger.domain import Owner
from answerable.people.domain import Delegation, Directory, Ownership, Person
from answerable.people.errors import PersonUnknown
from answerable.people.service import People
from answerable.pipeline.hall import Hall
from answerable.pipeline.judge import Judged
from answerable.pipeline.passage import Answer, Due, Proposed, Received
from answerable.store.stopfile import StopFile
from answerable.testing.simulator.loop import PROCESS
from answerable.worker import verbs
from answerable.worker.commands.office import Office
from planted.planting import Bed, Swap, room

BED = Bed()

act, decide, resume, vacancy, pipeline = map(room, (
    "pipeline.act", "pipeline.decide", "pipeline.resume", "pipeline.vacancy", "pipeline",
))  # fmt: skip
answers, leaving, dispatch = map(room, (
    "worker.commands.answers", "worker.commands.leaving", "worker.dispatch",
))  # fmt: skip
agent_rows, case_rows = room("agents.rows"), room("cases.rows")


# who answers


@BED.breaks(1)
def owner_looked_up_once_a_life(swap: Swap) -> None:
    """Who answers for an agent is looked up when it first acts, and never again in that life."""
    look = Directory.accountable_for
    known: dict[tuple[int, str], Owner | None] = {}

    def once(self: Directory, agent: str, at: int) -> Owner | None:
        return known.setdefault((PROCESS.get(), agent), look(self, agent, at))

    swap(Directory, "accountable_for", once)


@BED.breaks(1)
def owner_of_the_decision_for_ever(swap: Swap) -> None:
    """An effect that starts late starts under who answered when it was decided."""
    swap(resume, "owner_now", lambda _hall, state: state.owner)
    swap(act, "owner_now", lambda _hall, state: state.owner)


@BED.breaks(1)
def delegation_never_ends(swap: Swap) -> None:
    """Who stands in for an owner stands in for ever."""
    of = Directory.delegation_of

    def for_ever(self: Directory, agent: str, _at: int) -> Delegation | None:
        return of(self, agent, 0)

    swap(Directory, "delegation_of", for_ever)


@BED.breaks(1)
def who_left_still_answers(swap: Swap) -> None:
    """An owner who left goes on being accountable."""

    def owned(self: Directory, agent: str) -> Ownership | None:
        return self.owners.get(agent)

    swap(Directory, "owned", owned)


@BED.breaks(1)
def cases_left_with_nobody(swap: Swap) -> None:
    """When an owner leaves, what is open waits for the next message instead of going to people."""

    async def nothing(_hall: Hall) -> int:
        return 0

    for place in (leaving, dispatch, pipeline):
        swap(place, "fill_vacancies", nothing)


@BED.breaks(1)
def holder_who_left_still_holds(swap: Swap) -> None:
    """A case stays with the specialist who took it, though they have left."""
    swap(vacancy.desk, "list_taken_by", lambda _db, _person: [])


# who may say yes


@BED.breaks(5)
def expiry_ignored(swap: Swap) -> None:
    """A yes is taken however late it comes, and nothing ends what nobody answers."""
    answered, answer = resume._answered, answers.approval_answer

    async def never(_hall: Hall, _proposed: Proposed, _due: Due) -> None: ...

    async def late(hall: Hall, proposed: Proposed, said: Answer) -> frozenset[str]:
        held = resume._held

        def for_ever(hall: Hall, cause: Answer | Due) -> EffectState | None:
            state = held(hall, cause)
            return structs.replace(state, expires_at=2**60) if state is not None else None

        resume._held = for_ever
        try:
            fresh: frozenset[str] = await answered(hall, proposed, said)
        finally:
            resume._held = held
        return fresh

    async def any_time(office: Office, verb: verbs.ApprovalAnswer) -> object:
        state = answers._find(office, verb.effect)
        if state.status is Status.HELD:
            return await answers._answer(office, state, verb.by, verb.says, verb.wait_s)
        return await answer(office, verb)

    swap(resume, "_expired", never)
    swap(resume, "_answered", late)
    swap(answers, "approval_answer", any_time)
    swap(answers, "HANDLERS", {**answers.HANDLERS, verbs.ApprovalAnswer: any_time})


@BED.breaks(5)
def silence_is_a_yes(swap: Swap) -> None:
    """A hold that nobody answers in time is granted."""

    async def grants(hall: Hall, proposed: Proposed, due: Due) -> None:
        state = resume._held(hall, due)
        if state is not None and hall.clock.now() >= state.expires_at:
            journey = proposed.routed.resolved.received.journey
            actor = "system:silence"
            journey.unit.drafts.append(
                resume._approval(state, Status.GRANTED, "granted_by_silence", actor=actor)
            )
            journey.unit.drafts.append(resume.started(hall, state, attempt=1))
            await resume.commit(hall, journey)

    swap(resume, "_expired", grants)


@BED.breaks(5)
def hold_without_a_timer(swap: Swap) -> None:
    """No timer is set that would turn silence into a no."""

    async def nothing(_hall: Hall, _received: Received, _judged: list[Judged]) -> None: ...

    swap(decide, "_hold_timers", nothing)


@BED.breaks(5)
def anybody_may_say_yes(swap: Swap) -> None:
    """A yes counts whoever says it: who left, and who never was here."""
    find = People.find

    def anybody(self: People, who: str) -> Person:
        try:
            return find(self, who)
        except PersonUnknown:
            return Person(who, "", "")

    async def answered(hall: Hall, proposed: Proposed, answer: Answer) -> frozenset[str]:
        state = resume._held(hall, answer)
        if state is None or answer.says != "grant" or resume.in_the_way(hall, state):
            return frozenset()
        journey = proposed.routed.resolved.received.journey
        journey.unit.drafts.append(
            resume._approval(state, Status.GRANTED, "granted_by_person", actor=answer.by)
        )
        journey.unit.drafts.append(resume.started(hall, state, attempt=1))
        await resume.commit(hall, journey)
        return frozenset({state.id})

    swap(People, "find", anybody)
    swap(resume, "_answered", answered)


# who speaks


@BED.breaks(6)
def lease_not_looked_at(swap: Swap) -> None:
    """An effect begins whoever holds its case by then."""
    swap(Leases, "may_send", lambda _self, _case, _lease: True)


@BED.breaks(6)
def lease_compared_by_its_holder(swap: Swap) -> None:
    """What an agent decided before a person had the case is said after it was handed back."""

    def may_send(self: Leases, case: str, lease: Lease) -> bool:
        now = self._recent.find(case)
        return not self._marked[case] and now is not None and now.lease.holder == lease.holder

    swap(Leases, "may_send", may_send)


@BED.breaks(6)
def lease_read_from_a_lagging_view(swap: Swap) -> None:
    """The last look at who holds a case is at rows that may be half a minute old."""
    seen: dict[tuple[int, str], tuple[float, Lease]] = {}

    def may_send(self: Leases, case: str, lease: Lease) -> bool:
        now_s, key = asyncio.get_running_loop().time(), (PROCESS.get(), case)
        at_s, known = seen.get(key, (now_s, None))
        found = self._recent.find(case)
        if found is not None and (known is None or now_s > at_s + 30):
            seen[key] = (now_s, found.lease)
            known = found.lease
        return not self._marked[case] and known == lease

    swap(Leases, "may_send", may_send)


@BED.breaks(6)
def lease_remembered_and_not_followed(swap: Swap) -> None:
    """What is remembered of a case is not told when somebody takes it."""
    follow = Recent._follow

    def forgets(self: Recent, case: str, party: str, change: dict[str, str | int], at: int) -> None:
        if change["epoch"] == 1:
            follow(self, case, party, change, at)

    swap(Recent, "_follow", forgets)


@BED.breaks(6)
def takeover_waits_for_nobody(swap: Swap) -> None:
    """A takeover is answered while a message of the agent's is still on its way."""

    async def at_once(_self: Leases, _case: str, _timeout_s: float) -> bool:
        return True

    swap(Leases, "sends_ended", at_once)


@BED.breaks(6)
def takeover_waits_before_it_takes(swap: Swap) -> None:
    """A takeover waits for sends under way, and only then takes the case: without a mark."""

    async def take(
        self: Desk, case_id: str, who: str, *, sends_end_s: float = SENDS_END_S
    ) -> Taken:
        person = self.people.find(who)
        self.get(case_id)
        await self.leases.sends_ended(case_id, sends_end_s)
        return await self._give_to(case_id, person.id)

    swap(Desk, "take", take)


@BED.breaks(6)
def late_send_hidden(swap: Swap) -> None:
    """A takeover does not say that a send outlived its deadline and still runs."""

    async def ended(self: Leases, case: str, _timeout_s: float) -> bool:
        while self._in_flight[case]:
            await self._ended.wait()
        return True

    swap(Leases, "sends_ended", ended)


@BED.breaks(3)
def looked_up_while_it_still_runs(swap: Swap) -> None:
    """What became of a call is looked up, and done again, while the call itself still runs."""
    swap(Leases, "is_left_behind", lambda _self, _effect: False)


# what is stopped


@BED.breaks(10)
def stop_read_once_at_start(swap: Swap) -> None:
    """The stops of the moment at which the worker first looked are its stops for its life."""
    known: dict[int, Stops] = {}

    def is_stopped(
        self: Agents, mode: Mode, *, agent: str, tool: str = "", party: str = ""
    ) -> bool:
        stops = known.setdefault(PROCESS.get(), self.registry.stops)
        return stops.is_on(mode, agent=agent, tool=tool, party=party)

    swap(Agents, "is_stopped", is_stopped)
    swap(Agents, "is_everything_paused", lambda self: self.is_stopped(Mode.PAUSE, agent=""))


@BED.breaks(10)
def stop_file_read_once_at_start(swap: Swap) -> None:
    """Whether the stop file is there is looked at once in a life."""
    look = StopFile.is_pressed
    known: dict[int, bool] = {}

    def once(self: StopFile) -> bool:
        return known.setdefault(PROCESS.get(), look(self))

    swap(StopFile, "is_pressed", once)


@BED.breaks(10)
def stops_forgotten_by_a_restart(swap: Swap) -> None:
    """A worker that begins takes nothing for stopped, until somebody changes something."""
    load = agent_rows.load
    begun: set[int] = set()

    def forgets(db: object) -> Registry:
        registry: Registry = load(db)
        if PROCESS.get() not in begun:
            begun.add(PROCESS.get())
            return Registry(registry.releases, registry.known, Stops())
        return registry

    swap(agent_rows, "load", forgets)


def _ignored(swap: Swap, modes: Sequence[Mode]) -> None:
    is_stopped = Agents.is_stopped

    def without(self: Agents, mode: Mode, *, agent: str, tool: str = "", party: str = "") -> bool:
        return mode not in modes and is_stopped(self, mode, agent=agent, tool=tool, party=party)

    swap(Agents, "is_stopped", without)


@BED.breaks(10)
def read_only_ignored(swap: Swap) -> None:
    """Tools that change the world are performed under a read-only stop."""
    _ignored(swap, [Mode.READ_ONLY])


@BED.breaks(10)
def ask_first_ignored(swap: Swap) -> None:
    """What policy allows happens without a person, though a stop says that one is asked first."""
    _ignored(swap, [Mode.ASK])
