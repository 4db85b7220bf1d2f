"""What has become of the effects of one pass: kept while `act` goes through them."""

from dataclasses import dataclass, field

from msgspec import Struct, structs

from answerable.effects.domain import (
    RECONCILE_MAX,
    EffectState,
    Status,
    reconcile_after_us,
    retry_after_us,
)
from answerable.effects.errors import NotDone
from answerable.ledger.domain import Owner
from answerable.pipeline.bounded import RECEIPT_CHARS_MAX, plain
from answerable.pipeline.guard import FOR_PEOPLE, tool_of
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Acted, Answer, Decided, Due, End, Intended, Later

REPLY_ATTEMPTS_MAX = 6
_SETTLED = {"done": Status.DONE, "not_done": Status.FAILED}


class Try(Struct, frozen=True):
    """One attempt at an effect."""

    one: Intended
    attempt: int
    look: int = 0  # how often it was looked up before, without an answer
    may_have_begun: bool = False  # an earlier attempt may have reached the other side

    @property
    def state(self) -> EffectState:
        return self.one.state

    def under(self, owner: Owner) -> "Try":
        """The same attempt, as this person's."""
        state = structs.replace(self.state, owner=owner)
        return structs.replace(self, one=structs.replace(self.one, state=state))


@dataclass(slots=True)
class Tally:
    """The ends, the timers and the statuses so far."""

    hall: Hall
    decided: Decided
    ends: list[End] = field(default_factory=list)
    later: list[Later] = field(default_factory=list)
    statuses: dict[str, Status] = field(default_factory=dict)

    @property
    def acted(self) -> Acted:
        return Acted(self.decided, tuple(self.ends), tuple(self.later), self.statuses)

    @property
    def states(self) -> tuple[EffectState, ...]:
        return tuple(one.state for one in self.decided.effects)

    @property
    def is_cut_short(self) -> bool:
        """Whether an earlier life of this message got past decide: anything may have begun."""
        return self.decided.proposed.routed.is_decided

    def may_have_spoken(self, one: Intended) -> bool:
        """Whether a reply that waits may have been said by an earlier life of this message, to
        which the effect that it waits for had ended: of that, nothing was recorded."""
        before = next(it.state for it in self.decided.effects if it.state.id == one.state.after)
        had_begun = before.status is Status.READY and before.id not in self.hall.stalled
        return one.state.status is Status.BLOCKED and self.is_cut_short and had_begun

    def interrupted(self, one: Intended) -> None:
        """It is not known whether it was said; looked up when what it waits for has ended."""
        self._end(Try(one, one.state.attempt), Status.UNKNOWN, "interrupted")

    def has_just_ended(self, effect: str | None) -> bool:
        """Whether it ended in this pass."""
        before = next((it.state for it in self.decided.effects if it.state.id == effect), None)
        return before is not None and not before.status.is_end and self.statuses[before.id].is_end

    def due(self, state: EffectState, what: str) -> Due | None:
        """The timer that this pass is, if it is that effect's, as it stands now."""
        cause = self.decided.proposed.routed.resolved.received.cause
        if not isinstance(cause, Due) or (cause.effect, cause.what) != (state.id, what):
            return None
        return cause if cause.attempt == state.attempt else None

    def said(self, state: EffectState) -> Answer | None:
        """A person's word on how this attempt ended, if this pass is that."""
        cause = self.decided.proposed.routed.resolved.received.cause
        if not isinstance(cause, Answer) or cause.says not in _SETTLED:
            return None
        if (cause.effect, cause.attempt) != (state.id, state.attempt):
            return None
        return cause if self.hall.people.directory.living(cause.by) is not None else None

    def settled(self, state: EffectState, answer: Answer) -> None:
        """A person found out how it ended, and answers for saying so."""
        status = _SETTLED[answer.says]
        self.statuses[state.id] = status
        self.ends.append(End(state, status, "said_by_person", "", state.attempt, answer.by))

    def done(self, it: Try, receipt: object, reason: str = "") -> None:
        self._end(it, Status.DONE, reason, words=receipt)

    def refused(self, it: Try, why: str) -> None:
        """It may not start, now or ever; but what may have begun is not said to be undone."""
        if it.may_have_begun:
            self.unknown(it, why, may_look=False)
        else:
            self._end(it, Status.REFUSED, why, desk=why if why in FOR_PEOPLE else "")

    def not_done(self, it: Try, answer: NotDone, code: str = "not_done") -> None:
        """Surely nothing happened: try again, or give up.

        That is said of this call. Of an earlier one, which may have reached the other side, only a
        no that stays one speaks: it is the answer under the same key.
        """
        state = it.state
        if it.may_have_begun and not answer.is_final:
            self.unknown(it, code, answer.reason)
            return
        is_reply = state.kind == "reply"
        most = REPLY_ATTEMPTS_MAX if is_reply else tool_of(self.hall, state).patience.attempts_max
        if not answer.is_final and it.attempt < most:
            self._try_later(it, code, answer.reason)
            return
        desk = ""
        if is_reply:
            desk = "reply_failed"
        elif not answer.is_final:
            desk = "effect_failed"
        self._end(it, Status.FAILED, code, words=answer.reason, desk=desk)

    def door_closed(self, it: Try) -> None:
        """The door is left alone for a while; that is an attempt, so that it ends some day."""
        self.not_done(it, NotDone(""), "door_closed")

    def door_full(self, it: Try) -> None:
        """So many wait at it that more would leave no room for who needs another. It comes again
        as often as it takes: unlike a door that fails, one that is slow gets its work done."""
        if it.may_have_begun:
            self.unknown(it, "door_full")
        else:
            self._try_later(it, "door_full", "")

    def stalled(self, it: Try) -> None:
        """Its call kept the last worker's loop until that was killed: it is not called again."""
        self._end(it, Status.ASKED, "stalled", desk="stalled")

    def unknown(
        self, it: Try, reason: str, words: object = "", *, may_look: bool = True,
        again_at: int | None = None,
    ) -> None:  # fmt: skip
        """Nobody can say: look it up later, and in the end ask a person. Never blindly again."""
        state = it.state
        if not may_look or it.look >= RECONCILE_MAX or state.repeat == "at_most_once":
            self._end(it, Status.ASKED, reason, words=words, desk="effect_unknown")
            return
        self._end(it, Status.UNKNOWN, reason, words=words)
        look = it.look + 1
        due = Due(
            interaction=state.interaction, effect=state.id, what="reconcile", attempt=it.attempt,
            look=look,
        )  # fmt: skip
        at = again_at or self.hall.clock.now() + reconcile_after_us(look)
        self.later.append(Later(f"reconcile/{state.id}/{it.attempt}/{look}", due, at))

    def _try_later(self, it: Try, reason: str, words: object) -> None:
        state = it.state
        self._end(it, Status.RETRY, reason, words=words)
        due = Due(interaction=state.interaction, effect=state.id, what="retry", attempt=it.attempt)
        at = self.hall.clock.now() + retry_after_us(it.attempt)
        self.later.append(Later(f"retry/{state.id}/{it.attempt}", due, at))

    def _end(
        self, it: Try, status: Status, reason: str, *, words: object = "", desk: str = ""
    ) -> None:
        """`reason` is a code of ours; words of others are sealed into the entry's body."""
        self.statuses[it.state.id] = status
        text = plain(words, RECEIPT_CHARS_MAX)
        self.ends.append(End(it.state, status, reason, text, it.attempt, desk=desk))
