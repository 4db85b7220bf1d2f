"""What a run of entries does to the rows of effects, interactions and usage."""

import sqlite3
from dataclasses import dataclass

from answerable.base.clock import day_of
from answerable.cases.domain import Lease
from answerable.effects.domain import LATE, OPEN, EffectState, Status, counted_as
from answerable.effects.rows import COLUMNS, find
from answerable.ledger.domain import Entry
from answerable.store.sqlite import insert_many, update_many

KINDS = (
    "received", "outcome", "escalated", "decided", "approval",
    "effect.started", "effect.done", "effect.failed", "effect.unknown",
)  # fmt: skip

_EFFECT = f"effect ({COLUMNS})"
_INTERACTION = 'interaction (id, inbox, rail, party, "case", position)'
_USAGE = "usage (agent, tool, party, currency, day, effects, amount_minor)"
_ADD_USAGE = (
    "ON CONFLICT (agent, tool, party, currency, day) DO UPDATE"
    " SET effects = effects + excluded.effects, amount_minor = amount_minor + excluded.amount_minor"
)
_STATUS_OF_VERDICT = {"allow": Status.READY, "hold": Status.HELD, "deny": Status.DENIED}
_STATUS_OF_KIND = {"effect.started": Status.READY, "effect.done": Status.DONE}
_STARTED = ("id", "owner", "accepted_at", "via", "started_at")
_Row = tuple[object, ...]


class _Pending:
    """What is gathered and not written."""

    __slots__ = ("decided", "ended", "escalated", "moved", "received", "started", "used")

    def __init__(self) -> None:
        self.received: list[_Row] = []
        self.ended: dict[str, _Row] = {}
        self.escalated: dict[str, _Row] = {}
        self.decided: dict[str, EffectState] = {}
        self.started: dict[str, _Row] = {}
        self.moved: dict[str, _Row] = {}
        self.used: dict[_Row, tuple[int, int]] = {}


class Changes:
    """Gathers what entries say, in their order, and writes it with a few statements.

    An effect is decided once and moves only afterwards, and so is an interaction received and
    ended: new rows go in first, then the last thing that was said of each.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._now = _Pending()

    def take(self, entry: Entry, position: int) -> None:
        match entry.kind:
            case "received":
                self._receive(entry, position)
            case "outcome":
                self._end(entry)
            case "escalated" if entry.interaction:
                self._now.escalated[entry.interaction] = (entry.interaction, 1)
            case "decided":
                self._decide(entry, position)
            case _:
                self._move(entry)

    def write(self) -> None:
        db, now, self._now = self._db, self._now, _Pending()
        insert_many(db, _INTERACTION, now.received)
        update_many(db, "interaction", ("id", "disposition"), list(now.ended.values()))
        update_many(db, "interaction", ("id", "is_escalated"), list(now.escalated.values()))
        insert_many(db, _EFFECT, [_row(state) for state in now.decided.values()])
        update_many(db, "effect", _STARTED, list(now.started.values()))
        update_many(db, "effect", ("id", "status", "attempt"), list(now.moved.values()))
        used = [(*row, *added) for row, added in now.used.items()]
        insert_many(db, _USAGE, used, _ADD_USAGE)

    def _receive(self, entry: Entry, position: int) -> None:
        change, subject = entry.change or {}, entry.subject
        if subject is not None and entry.interaction:
            about = (change["inbox"], change["rail"], subject.pid, entry.case)
            self._now.received.append((entry.interaction, *about, position))

    def _end(self, entry: Entry) -> None:
        end = end_of_interaction(entry)
        if end is None:
            return
        if end.is_own:
            self._now.ended[end.interaction] = (end.interaction, end.disposition)
            return
        self.write()
        self._db.execute(
            f"UPDATE interaction SET disposition = ? WHERE id = ? AND disposition != '{OPEN}'",  # noqa: S608
            (end.disposition, end.interaction),
        )

    def _decide(self, entry: Entry, position: int) -> None:
        state = begun(entry, position)
        if state is None:
            return
        self._now.decided[state.id] = state
        if state.status is not Status.DENIED:
            self._count(state, 1)

    def _move(self, entry: Entry) -> None:
        effect, said = entry.effect, entry.outcome.status if entry.outcome else ""
        if effect is None or said == LATE:
            return
        status, owner = Status(_STATUS_OF_KIND.get(entry.kind) or said), entry.owner
        if entry.kind == "effect.started" and owner is not None:
            started = (owner.person, owner.accepted_at, owner.via, entry.ts)
            self._now.started[effect.id] = (effect.id, *started)
        self._now.moved[effect.id] = (effect.id, status, effect.attempt)
        if status in (Status.FAILED, Status.REFUSED):
            state = self._now.decided.get(effect.id) or find(self._db, effect.id)
            if state is not None:
                self._count(state, -1)

    def _count(self, state: EffectState, sign: int) -> None:
        """Count an effect for its party and for all; take it back when it ended as not done.

        The row without a currency counts effects of any, the row of a currency sums its amounts.
        """
        what, amount = counted_as(state.kind, state.name), sign * state.amount_minor
        for counted in (state.party, ""):
            self._use((state.agent, what, counted, "", state.day), sign, 0)
            if state.currency:
                self._use((state.agent, what, counted, state.currency, state.day), sign, amount)

    def _use(self, row: _Row, effects: int, amount_minor: int) -> None:
        before = self._now.used.get(row, (0, 0))
        self._now.used[row] = (before[0] + effects, before[1] + amount_minor)


@dataclass(frozen=True, slots=True)
class InteractionEnd:
    """How an interaction ended, as an outcome says; one that is not its own leaves open ones be."""

    interaction: str
    disposition: str
    is_own: bool


def end_of_interaction(entry: Entry) -> InteractionEnd | None:
    """An interaction's own outcome ends it. A person's reply has one as well: it says who answered
    what had ended without, and leaves alone what is open."""
    if entry.kind != "outcome" or entry.outcome is None or entry.trace is None:
        return None
    status, interaction = entry.outcome.status, entry.interaction
    is_own = entry.id.partition("_")[2].partition(".")[0] == interaction.partition("_")[2]
    if not is_own and status != "answered_by_person":
        return None
    return InteractionEnd(interaction, status, is_own)


def begun(entry: Entry, position: int) -> EffectState | None:
    """The effect that a `decided` entry begins, as it stands after its decision."""
    effect, action, subject, owner = entry.effect, entry.action, entry.subject, entry.owner
    if effect is None or action is None or subject is None or owner is None:
        return None
    change = entry.change or {}
    status = _STATUS_OF_VERDICT[entry.policy[-1].verdict]
    if status is Status.READY and effect.after is not None:
        status = Status.BLOCKED
    return EffectState(
        id=effect.id, decision=entry.id, position=position, interaction=entry.interaction,
        case=entry.case, party=subject.pid, agent=entry.agent.id if entry.agent else "",
        release=entry.agent.release if entry.agent else "", kind=action.kind, name=action.name,
        repeat=effect.repeat, status=status, attempt=1, after=effect.after,
        lease=Lease(str(change["holder"]), int(change["epoch"])),
        expires_at=int(change.get("expires_at", 0)), day=str(change.get("day") or day_of(entry.ts)),
        amount_minor=action.amount_minor or 0, currency=action.currency or "", owner=owner,
        started_at=entry.ts,
    )  # fmt: skip


def _row(state: EffectState) -> _Row:
    """In the order of COLUMNS."""
    owner = state.owner
    return (
        state.id, state.decision, state.position, state.interaction, state.case, state.party,
        state.agent, state.release, state.kind, state.name, state.repeat, state.status,
        state.attempt, state.after, state.lease.holder, state.lease.epoch, state.expires_at,
        state.day, state.amount_minor, state.currency, owner.person, owner.accepted_at, owner.via,
        state.started_at,
    )  # fmt: skip
