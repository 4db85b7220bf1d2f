"""Is everything all right? Counts of today, what waits, and each trouble with what to do."""

from collections.abc import Iterator, Sequence

from answerable.base.clock import DAY_US, HOUR_US, iso
from answerable.desk import rows as desk
from answerable.effects import rows as effects
from answerable.effects.domain import Status
from answerable.store.disk import MB, Forecast
from answerable.store.threads import beside_the_loop
from answerable.views import hours
from answerable.worker import verbs
from answerable.worker.commands.agents import agent_list, waiting
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.commands.stop import stop_list
from answerable.worker.verbs.control import AgentRow, OverviewView, Trouble

DESK_HOURS_MAX = 4  # a case that nobody took for longer is a trouble
HOLD_HOURS_LEFT = 1
DISK_DAYS_LEFT = 7.0
BEHIND_MAX = 5_000  # records: a second of work at the most that a home can do
_HOURS = 24


async def overview(office: Office, _: verbs.Overview) -> OverviewView:
    house, now = office.house, office.house.hall.clock.now()
    behind = house.journal.end - office.index.cursor
    if behind <= BEHIND_MAX:
        await office.index.follow(house.hall.engine)
        behind = 0
    disk = await beside_the_loop(lambda: house.disk.glance(now))
    agents = await agent_list(office, verbs.AgentList())
    troubles = [
        *_of_worker(office), *_of_agents(office, agents), *_of_people(office, now),
        *_of_disk(office, disk), *_of_index(behind),
    ]  # fmt: skip
    return OverviewView(
        origin=house.plan.origin, entries=house.hall.committer.size,
        today=hours.since(office.index.db, now - now % DAY_US),
        waiting={"messages": house.journal.backlog, **waiting(office)},
        agents=tuple(agents), stops=tuple(await stop_list(office, verbs.StopList())),
        troubles=tuple(troubles), per_hour=_per_hour(office, now), bytes_used=disk.bytes_used,
        bytes_free=disk.bytes_free, days_until_full=disk.days_until_full,
        last_day=hours.since(office.index.db, now - (_HOURS - 1) * HOUR_US),
    )  # fmt: skip


def _of_worker(office: Office) -> Iterator[Trouble]:
    """Where a command had to hold the home for itself, nobody works in it."""
    if not office.dispatcher.works:
        waits = office.house.journal.backlog
        said = "No worker runs: nothing that comes in is answered, and no yes or no acted on"
        yield Trouble(
            f"{said}; {_many(waits, 'message')} waiting." if waits else f"{said}.",
            "answerable worker", "/",
        )  # fmt: skip


def _of_agents(office: Office, agents: Sequence[AgentRow]) -> Iterator[Trouble]:
    loaded = office.house.hall.releases
    for row in agents:
        path = f"/agents/{row.id}"
        if not row.owner:
            said = f"Nobody answers for agent '{row.id}': it does nothing."
            yield Trouble(said, f"answerable owner accept {row.id} --person PERSON", path)
        if row.states:
            said = f"Agent '{row.id}' is stopped: {'; '.join(row.states)}."
            yield Trouble(said, "answerable stop list", path)
        if office.dispatcher.works and not row.is_loaded:
            other = loaded.get(row.id)
            here = f"{other.id} is loaded" if other else "no release of it is loaded"
            said = f"Agent '{row.id}' is registered as {row.release}, and {here}."
            yield Trouble(said, f"answerable release list --agent {row.id}", path)


def _of_people(office: Office, now: int) -> Iterator[Trouble]:
    """What waits for somebody, and soon or already too long."""
    db = office.house.hall.db
    expiring = effects.count_expiring(db, now + HOLD_HOURS_LEFT * HOUR_US)
    if expiring:
        said = f"{_many(expiring, 'hold')} will be a no within the hour: nobody has answered."
        yield Trouble(said, "answerable approval list", "/approvals")
    unknown = effects.count_by_status(db).get(Status.ASKED, 0)
    if unknown:
        said = f"Of {_many(unknown, 'effect')} only a person can say how it ended."
        yield Trouble(said, "answerable effect unknown", "/desk")
    old = desk.count_older(db, now - DESK_HOURS_MAX * HOUR_US)
    if old:
        said = f"{_many(old, 'case')} waited at the desk for more than {DESK_HOURS_MAX} hours."
        yield Trouble(said, "answerable desk list", "/desk")


def _of_disk(office: Office, disk: Forecast) -> Iterator[Trouble]:
    reserve = office.house.disk.reserve_bytes
    next_command = f"df -h {office.house.home}"
    free = f"{disk.bytes_free // MB} MB are free"
    if reserve and disk.bytes_free < reserve:
        said = f"{free}, less than the reserve of {reserve // MB} MB: nothing new is accepted."
        yield Trouble(said, next_command, "/")
    elif 0 <= disk.days_until_full < DISK_DAYS_LEFT:
        said = f"{free}: as the home grows now, nothing new is accepted in "
        yield Trouble(f"{said}{disk.days_until_full} days.", next_command, "/")


def _of_index(behind: int) -> Iterator[Trouble]:
    if behind:
        said = f"What is shown is behind by {behind} records: the index is being built."
        yield Trouble(said, "answerable status", "/")


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _per_hour(office: Office, now: int) -> tuple[tuple[str, int, int], ...]:
    """The last 24 hours, oldest first, this one included; quiet ones too."""
    this = now // HOUR_US
    counts = hours.by_hour(office.index.db, (this - _HOURS + 1) * HOUR_US)
    return tuple(
        (
            iso(hour * HOUR_US)[:13],
            counts.get((hour, "interactions"), 0),
            counts.get((hour, "escalated"), 0),
        )
        for hour in range(this - _HOURS + 1, this + 1)
    )


HANDLERS: Handlers = {verbs.Overview: overview}
