"""Wrong variants of what is judged, begun, tried again and looked up."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import structs

from answerable.agents.domain import Tool
from answerable.effects.domain import EffectState, Status
from answerable.effects.errors import NotDone
from answerable.effects.intent import Action, ReplyAction, ToolAction, typed_arguments
from answerable.pipeline.hall import Hall
from answerable.pipeline.judge import Judged
from answerable.pipeline.passage import Answer, Intended, Received, Resolved
from answerable.pipeline.tally import Tally, Try
from answerable.policy.domain import Counters, Judgement, Request, Verdict
from answerable.policy.limits import Ask, Limits, Reservation, Used
from answerable.policy.load import PolicySet
from answerable.sdk.call import ToolCall
from answerable.sdk.context import Context
from answerable.sdk.words import Proposal
from planted.planting import Bed, Swap, room

BED = Bed()

act, decide, judge, resume = map(room, (
    "pipeline.act", "pipeline.decide", "pipeline.judge", "pipeline.resume",
))  # fmt: skip
Call = Callable[[], Awaitable[object]]
effects, pipeline = room("effects.rows"), room("pipeline")


def _doing(it: Try, action: Action | None) -> Try:
    return structs.replace(it, one=structs.replace(it.one, action=action))


@BED.breaks(2)
def effect_before_its_record(swap: Swap) -> None:
    """A tool is called while its decision is still on its way to the disk."""
    timers, world = decide._hold_timers, act._world
    early: dict[str, asyncio.Future[object]] = {}

    async def begins(hall: Hall, received: Received, judged: list[Judged]) -> None:
        await timers(hall, received, judged)
        for one in judged:
            if one.verdict is Verdict.ALLOW and isinstance(one.action, ToolAction):
                agent = one.draft.agent.id if one.draft.agent else ""
                tool = hall.releases[agent].blueprint.tools[one.action.tool]
                arguments = typed_arguments(tool, bytes(one.action.arguments))
                called = tool.perform(ToolCall(one.effect, 1), **arguments)
                early[one.effect] = asyncio.ensure_future(called)

    def awaits(tally: Tally, it: Try) -> Call:
        begun = early.pop(it.state.id, None)
        return world(tally, it) if begun is None else lambda: begun

    swap(decide, "_hold_timers", begins)
    swap(act, "_world", awaits)


@BED.breaks(6)
def reply_before_its_last_look(swap: Swap) -> None:
    """A reply is said first; who holds the case and what is stopped is not looked at again."""
    perform = act._perform

    async def speaks(tally: Tally, it: Try) -> None:
        if it.state.kind == "reply":
            await act._touch(tally, it, act._door(tally.hall, it.state))
        else:
            await perform(tally, it)

    swap(act, "_perform", speaks)


@BED.breaks(3)
def unknown_tried_again_blindly(swap: Swap) -> None:
    """What may have happened is not looked up: it is done again."""

    async def again(tally: Tally, it: Try) -> None:
        await act._perform(tally, Try(it.one, it.attempt + 1, it.look))

    swap(act, "_look_up", again)


@BED.breaks(3)
def at_most_once_tried_again(swap: Swap) -> None:
    """What may be done at most once is done again after an attempt of which nobody knows."""
    settle = act._settle

    async def again(tally: Tally, one: Intended, *, look: int) -> None:
        if one.state.repeat == "at_most_once" and one.action is not None:
            await act._perform(tally, Try(one, one.state.attempt + 1, look))
        else:
            await settle(tally, one, look=look)

    swap(act, "_settle", again)


@BED.breaks(3)
def crash_forgotten(swap: Swap) -> None:
    """The next life takes what an earlier one had begun for something that never began."""

    def fresh(state: EffectState, action: Action | None, *, is_fresh: bool) -> Intended:
        return Intended(state, action, is_fresh=True)

    swap(resume, "Intended", fresh)


@BED.breaks(3)
def not_found_counts_at_once(swap: Swap) -> None:
    """Not found is taken for not done, while the request may still be on its way."""
    swap(act, "may_begin_until", lambda _hall, _states, _state: 0)


@BED.breaks(3)
def no_answer_is_a_no(swap: Swap) -> None:
    """A call that was given up after its deadline is said not to have happened."""
    within = act.within

    async def waits(*args: object, **kwargs: object) -> object:
        try:
            return await within(*args, **kwargs)
        except TimeoutError:
            raise NotDone("no answer") from None

    swap(act, "within", waits)


@BED.breaks(3)
def late_no_believed(swap: Swap) -> None:
    """A no to the second attempt is taken for a no to the first one, of which nobody knows."""
    not_done = Tally.not_done

    def ends(self: Tally, it: Try, answer: NotDone, code: str = "not_done") -> None:
        not_done(self, structs.replace(it, may_have_begun=False), answer, code)

    swap(Tally, "not_done", ends)


@BED.breaks(3)
def retried_without_end(swap: Swap) -> None:
    """A sure no is followed by another attempt, however many there were."""
    not_done = Tally.not_done

    def later(self: Tally, it: Try, answer: NotDone, code: str = "not_done") -> None:
        if answer.is_final or it.may_have_begun:
            not_done(self, it, answer, code)
        else:
            self._try_later(it, code, answer.reason)

    swap(Tally, "not_done", later)


@BED.breaks(3)
def word_on_an_older_attempt(swap: Swap) -> None:
    """A person's word on how one attempt ended is taken for a later one's, too."""
    said = Tally.said

    def hears(self: Tally, state: EffectState) -> Answer | None:
        cause = self.decided.proposed.routed.resolved.received.cause
        if isinstance(cause, Answer) and cause.effect == state.id:
            state = structs.replace(state, attempt=cause.attempt)
        return said(self, state)

    swap(Tally, "said", hears)


@BED.breaks(3)
def hope_told_as_done(swap: Swap) -> None:
    """A reply says that its effect was done, whatever became of that."""
    world = act._world

    def hopes(tally: Tally, it: Try) -> Call:
        action = it.one.action
        if isinstance(action, ReplyAction) and action.otherwise:
            action = ReplyAction(
                rail=action.rail, to=action.to, in_reply_to=action.in_reply_to, text=action.text,
                otherwise=action.text, subject=action.subject,
            )  # fmt: skip
        call: Call = world(tally, _doing(it, action))
        return call

    swap(act, "_world", hopes)


@BED.breaks(5)
def verdict_remembered(swap: Swap) -> None:
    """A verdict is remembered by what was asked, and outlives the rules that gave it."""
    right = judge.weigh
    known: dict[tuple[object, ...], Judgement] = {}

    def remembers(policies: PolicySet, request: Request) -> Judgement:
        what = (request.agent, request.action, request.name, request.amount)
        return known.setdefault(what, right(policies, request))

    swap(judge, "weigh", remembers)


@BED.breaks(8)
def inputs_not_as_they_were(swap: Swap) -> None:
    """What is recorded of a decision's inputs is not what it was decided on."""
    right = judge.encode_request

    def forgets(request: Request) -> bytes:
        written: bytes = right(structs.replace(request, counters=Counters()))
        return written

    swap(judge, "encode_request", forgets)


@BED.breaks(5)
def grant_used_again(swap: Swap) -> None:
    """One yes stands for every later action of the same tool for the same amount."""
    approval, right = resume._approval, judge.weigh
    granted: set[tuple[object, ...]] = set()

    def remembers(state: EffectState, status: Status, *args: object, **kwargs: object) -> object:
        if status is Status.GRANTED:
            granted.add((state.agent, state.name, state.amount_minor))
        return approval(state, status, *args, **kwargs)

    def judges(policies: PolicySet, request: Request) -> Judgement:
        found: Judgement = right(policies, request)
        amount = request.amount.amount_minor if request.amount else 0
        is_granted = (request.agent, request.name, amount) in granted
        if found.verdict is Verdict.HOLD and is_granted:
            return Judgement(Verdict.ALLOW, found.reasons)
        return found

    swap(resume, "_approval", remembers)
    swap(judge, "weigh", judges)


@BED.breaks(5)
def grant_not_bound_to_its_bytes(swap: Swap) -> None:
    """What is done after a yes is the newest action of that tool, not the one that was shown."""
    action = resume._action

    async def newest(hall: Hall, state: EffectState) -> Action | None:
        sql = "SELECT max(position) FROM effect WHERE party = ? AND name = ? AND release = ?"
        row = hall.db.execute(sql, (state.party, state.name, state.release)).fetchone()
        found: Action | None = await action(hall, structs.replace(state, position=row[0]))
        return found

    swap(resume, "_action", newest)


@BED.breaks(5)
def limit_raced(swap: Swap) -> None:
    """Room is checked when an effect is judged, and reserved when its decision is durable."""
    reserve, remember = Limits.reserve, decide.remember

    def holds_nothing(self: Limits, ask: Ask, day: str) -> Reservation:
        room = reserve(self, ask, day)
        self._add(ask, -1)
        return room

    def reserves(hall: Hall, effect: str, reservation: Reservation) -> None:
        hall.limits._add(reservation.ask, 1)
        remember(hall, effect, reservation)

    swap(Limits, "reserve", holds_nothing)
    swap(decide, "remember", reserves)


@BED.breaks(5)
def room_given_back_for_what_may_have_happened(swap: Swap) -> None:
    """An effect of which nobody knows gives its room under the limits back."""
    end = Tally._end

    def gives(self: Tally, it: Try, status: Status, *args: object, **kwargs: object) -> None:
        end(self, it, status, *args, **kwargs)  # type: ignore[arg-type]
        if status in (Status.UNKNOWN, Status.ASKED):
            reservation = self.hall.reservations.pop(it.state.id, None)
            if reservation is not None:
                self.hall.limits.release(reservation)

    swap(Tally, "_end", gives)


@BED.breaks(5)
def limits_forget_with_the_process(swap: Swap) -> None:
    """What was used before this life began is not looked up."""
    swap(effects, "used", lambda _db, _key, _day: Used())


@BED.breaks(7)
def reply_to_the_newest_address(swap: Swap) -> None:
    """A reply goes to the address that its party used last, not to its message's."""
    resolve, world = pipeline.resolve, act._world
    newest: dict[str, str] = {}

    def notes(hall: Hall, received: Received, *, is_first: bool) -> Resolved:
        resolved: Resolved = resolve(hall, received, is_first=is_first)
        address = getattr(received.cause, "address", "")
        if address:
            newest[resolved.party.id] = address
        return resolved

    def sends(tally: Tally, it: Try) -> Call:
        action = it.one.action
        if isinstance(action, ReplyAction):
            action = ReplyAction(
                rail=action.rail, to=newest.get(it.state.party, action.to), text=action.text,
                in_reply_to=action.in_reply_to, otherwise=action.otherwise, subject=action.subject,
            )  # fmt: skip
        call: Call = world(tally, _doing(it, action))
        return call

    swap(pipeline, "resolve", notes)
    swap(act, "_world", sends)


@BED.breaks(4)
def proposed_once_decided_twice(swap: Swap) -> None:
    """What an agent proposes once is decided, and done, twice."""
    propose = Context.propose

    def twice(self: Context, tool: Tool, **arguments: object) -> Proposal:
        propose(self, tool, **arguments)
        return propose(self, tool, **arguments)

    swap(Context, "propose", twice)
