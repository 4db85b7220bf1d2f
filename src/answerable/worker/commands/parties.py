"""Commands that show parties: who writes to us, by pseudonym, and what is known of one."""

from answerable.agents.stops import EVERYTHING, PARTY, Mode
from answerable.base.clock import iso
from answerable.base.errors import NotFound
from answerable.cases import rows as cases
from answerable.effects import rows as effects
from answerable.ledger.rows import CounterRows
from answerable.parties import rows
from answerable.parties.domain import Party
from answerable.pipeline.guard import is_stopped
from answerable.views import interactions
from answerable.worker import verbs
from answerable.worker.commands.cases import case_rows
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.commands.said import heard_in
from answerable.worker.verbs.base import ARCHIVED
from answerable.worker.verbs.cases import PartyRow, PartyView

_CASES_SHOWN = 100
_MESSAGES_LOOKED_THROUGH = 20  # for the newest form of each identifier


async def party_list(office: Office, verb: verbs.PartyList) -> list[PartyRow]:
    """Newest first."""
    hall = office.house.hall
    await office.index.follow(hall.engine)
    found = rows.list_newest(hall.db, before=verb.before, limit=verb.limit)
    counts = interactions.tallies(office.index.db, [party.id for party in found])
    return [
        PartyRow(
            party.id, cases.count_of_party(hall.db, party.id), counts[party.id],
            is_stopped=is_stopped(hall, Mode.PAUSE, agent="", party=party.id),
        )
        for party in found
    ]  # fmt: skip


async def party_show(office: Office, verb: verbs.PartyShow) -> PartyView:
    hall = office.house.hall
    party = rows.find(hall.db, verb.party)
    if party is None:
        raise NotFound(
            f"No party '{verb.party}' is in this home.", "Nothing was looked up.",
            "answerable party list",
        )  # fmt: skip
    of_party = cases.list_newest(hall.db, party=party.id, limit=_CASES_SHOWN)
    return PartyView(
        party=party.id,
        identifiers=await _identifiers(office, party, [case.id for case in of_party]),
        states=states_of(office, party),
        cases=tuple(await case_rows(office, of_party)),
        entries=CounterRows(hall.db).last(f"s/{party.id}"),
    )


def states_of(office: Office, party: Party) -> tuple[str, ...]:
    """What bears on whatever is done for this party, and whether it may be erased."""
    scopes = {EVERYTHING: "everything", f"{PARTY}{party.id}": "this party"}
    hall = office.house.hall
    hold = rows.hold_of(hall.db, party.id)
    asked = rows.asked_of(hall.db, party.id, hall.clock.now())
    by_file = ["stop file: pause"] if hall.stop_file.is_pressed() else []
    orders = hall.agents.registry.stops.orders.values()
    stops = [f"{scopes[one.scope]}: {one.mode}" for one in orders if one.scope in scopes]
    held = [f"legal hold by {hold.by}, since index {hold.since}"] if hold else []
    asked_for = [f"erasure asked for by {asked.by}, until {iso(asked.expires_at)}"] if asked else []
    erased = rows.erased_at(hall.db, party.id)
    gone = [] if erased is None else [f"erased at index {erased}"]
    return (*by_file, *stops, *held, *asked_for, *gone)


async def _identifiers(office: Office, party: Party, case_ids: list[str]) -> tuple[str, ...]:
    """Each as the party's newest messages display it, or as it came first."""
    db = office.house.hall.db
    found: dict[str, str] = {}
    for case in case_ids:
        for row in effects.list_of_case(db, case, _MESSAGES_LOOKED_THROUGH):
            if row.inbox not in found:
                sender = (await heard_in(office, row)).sender
                if sender != ARCHIVED:
                    found[row.inbox] = f"{kind_of(office, row.rail)} {sender}"
    for hash_ in rows.identifiers_of(db, party.id):
        if hash_ not in found:
            found[hash_] = await _as_it_came_first(office, hash_)
    return tuple(sorted(found.values()))


async def _as_it_came_first(office: Office, hash_: str) -> str:
    before = rows.lives_of(office.house.hall.db, hash_) - 1
    entry, _ = await office.entry(rows.identified_id(hash_, before))
    first = effects.interaction_of(office.house.hall.db, entry.interaction)
    kind = kind_of(office, first.rail) if first else "identifier"
    return f"{kind} {await office.text_of(entry.id)}"


def kind_of(office: Office, rail: str) -> str:
    """What a rail calls its senders by; the rail's name where it is not configured here."""
    line = office.house.hall.lines.get(rail)
    return line.rail.identifier_kind if line else rail


HANDLERS: Handlers = {
    verbs.PartyList: party_list,
    verbs.PartyShow: party_show,
}
