"""The command that answers an access request: everything that is held about one party."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from answerable.base.clock import iso
from answerable.base.errors import Broken, Busy
from answerable.effects import rows as effects
from answerable.effects.domain import Interaction
from answerable.ledger.bundle import Asked, BundleWriter
from answerable.ledger.domain import decode_entry
from answerable.ledger.rows import CounterRows
from answerable.parties import rows
from answerable.parties.domain import Party
from answerable.pipeline.receive import find_waiting, named_in
from answerable.store.threads import beside_the_loop
from answerable.worker import verbs
from answerable.worker.bundling.access_file import FORMAT, About, HeldMessage, Identifier, NotGiven
from answerable.worker.bundling.access_page import about_page
from answerable.worker.bundling.disclosing import Bodies, allowed, write_down
from answerable.worker.bundling.gathering import gather
from answerable.worker.bundling.turns import in_turns
from answerable.worker.commands import held
from answerable.worker.commands.bundles import outside
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.commands.parties import kind_of, states_of
from answerable.worker.commands.steps import steps_of
from answerable.worker.verbs.access import AccessView
from answerable.worker.verbs.base import ARCHIVED

_HOLDS = ("party.held", "party.released")
_HELP = "answerable party export --help"


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is going to be told to whom; nothing of it has been read yet."""

    party: Party
    by: str
    found: dict[int, int]  # index to position
    bodies: Bodies
    told: frozenset[str]  # interactions
    rows: tuple[Interaction, ...]
    waiting: dict[str, bool]  # interactions that nobody has taken up, and whether `by` may read
    count: int
    last: int  # of the party's own counter


async def party_export(office: Office, verb: verbs.PartyExport) -> AccessView:
    """Raises PersonUnknown, PartyUnknown, PartyErased, UsageError, Busy, Broken."""
    hall = office.house.hall
    by = hall.people.find(verb.by).id
    to = outside(office, verb.to, _HELP)
    async with hall.quiet.alone:  # nobody is erased meanwhile
        chosen = await _choose(office, hall.erasures.get(verb.party), by)
        asked = Asked(kind="party", of=chosen.party.id)
        read = await write_down(office, asked, by, chosen.count)
        about = await _about(office, chosen, read)
        await _write(to, about)
    not_given = [one.why for one in about.withheld]
    return AccessView(
        str(to), about.party, read, len(about.messages), len(about.entries), chosen.count,
        not_given.count("not_allowed") + sum(one.is_withheld for one in about.waiting),
        not_given.count("archived"), to.stat().st_size,
    )  # fmt: skip


async def _choose(office: Office, party: Party, by: str) -> _Chosen:
    hall = office.house.hall
    last = CounterRows(hall.db).last(f"s/{party.id}")
    await office.index.follow(hall.engine)
    found = await gather(office, Asked(kind="party", of=party.id), hall.committer.size)
    bodies = await allowed(office, found, by)
    _keep_back(office, bodies)
    await _give_addresses(office, found, bodies)
    mine = held.interactions_of(office, held.cases_of(office, party.id))
    told = frozenset(
        [one.id async for one in in_turns(mine) if held.may_tell(office, one.id, bodies)]
    )
    waiting = await _waiting(office, party, by)
    steps = sum([len(await steps_of(office, one)) async for one in in_turns(sorted(told))])
    count = len(bodies.given) + steps + sum(waiting.values())
    return _Chosen(party, by, found, bodies, told, tuple(mine), waiting, count, last)


def _keep_back(office: Office, bodies: Bodies) -> None:
    """Why there is a legal hold is not for the party, whoever may read it."""
    for index in list(bodies.given):
        place = office.index.at(index)
        if place is not None and place.kind in _HOLDS:
            del bodies.given[index]
            bodies.withheld[index] = "not_allowed"


async def _give_addresses(office: Office, found: dict[int, int], bodies: Bodies) -> None:
    """The address under which a party was first known goes with the message that had it: who may
    read the one may read the other."""
    kept_back = [one for one, why in bodies.withheld.items() if why == "not_allowed"]
    async for index in in_turns(kept_back):
        record = await office.record_at(found[index])
        entry = decode_entry(record.data)
        if entry.kind != "identified":
            continue
        came = [
            one.seq
            for one in office.index.of_interaction(entry.interaction)
            if one.kind == "received"
        ]
        if not came or any(bodies.withheld.get(seq) == "not_allowed" for seq in came):
            continue
        if record.body is None:
            bodies.withheld[index] = "archived"
        else:
            del bodies.withheld[index]
            bodies.given[index] = found[index]


async def _waiting(office: Office, party: Party, by: str) -> dict[str, bool]:
    hall = office.house.hall
    inboxes = rows.identifiers_of(hall.db, party.id)
    arrivals = [one for one in await hall.engine.waiting_in(inboxes) if one.kind == "message"]
    found: dict[str, bool] = {}
    for interaction in sorted(filter(None, map(named_in, arrivals))):
        if effects.interaction_of(hall.db, interaction) is not None:
            continue
        waiting = await find_waiting(hall, interaction)
        line = hall.lines.get(waiting.rail) if waiting else None
        owner = (
            hall.people.directory.accountable_for(line.agent, hall.clock.now()) if line else None
        )
        is_theirs = owner is not None and by in (owner.person, owner.via)
        found[interaction] = is_theirs or hall.people.directory.is_auditor(by)
    return found


async def _about(office: Office, chosen: _Chosen, read: int) -> About:
    """Raises Busy where something was said or done for the party while it was told."""
    hall, party = office.house.hall, chosen.party.id
    of = held.cases_of(office, party)
    messages: list[HeldMessage] = []
    for row in chosen.rows:
        told = row.id in chosen.told
        messages.append(await held.held_message(office, row, told=told))
        await asyncio.sleep(0)
    entries = [
        await held.held_entry(office, index, position, chosen.bodies)
        async for index, position in in_turns(chosen.found.items())
    ]
    waiting = [
        await held.held_waiting(office, one, may_read=may_read)
        for one, may_read in chosen.waiting.items()
    ]
    about = About(
        format=FORMAT, party=party, origin=office.house.vkey.name,
        made_at=iso(hall.clock.now()), by=chosen.by, read=read,
        states=states_of(office, chosen.party),
        identifiers=await _identifiers(office, chosen, messages),
        cases=tuple(held.held_case(office, case) for case in of), messages=tuple(messages),
        waiting=tuple(one for one in waiting if one is not None), entries=tuple(entries),
        withheld=await _withheld(office, chosen.bodies),
    )  # fmt: skip
    is_same = CounterRows(hall.db).last(f"s/{party}") == chosen.last + 1  # the entry of `read`
    if not is_same or None in waiting:
        raise Busy(
            f"Something was done for party '{party}' while the file was made.",
            "No file was written; the ledger says that it was asked for.",
        )
    return about


async def _identifiers(
    office: Office, chosen: _Chosen, messages: Sequence[HeldMessage]
) -> tuple[Identifier, ...]:
    """Each form in which they have named themselves."""
    found = {
        (kind_of(office, row.rail), said.sender)
        for row, said in zip(chosen.rows, messages, strict=True)
        if not said.is_withheld and said.sender != ARCHIVED
    }
    rails = {row.id: row.rail for row in chosen.rows}
    async for index, position in in_turns(chosen.bodies.given.items()):
        entry = decode_entry((await office.record_at(position)).data)
        if entry.kind == "identified" and entry.interaction in rails:
            display = (await held.held_entry(office, index, position, chosen.bodies)).content
            found.add((kind_of(office, rails[entry.interaction]), str(display)))
    return tuple(Identifier(kind, display) for kind, display in sorted(found))


async def _withheld(office: Office, bodies: Bodies) -> tuple[NotGiven, ...]:
    return tuple(
        [
            NotGiven(index, why, await office.words_put_away(index) if why == "archived" else "")
            for index, why in sorted(bodies.withheld.items())
        ]
    )


async def _write(to: Path, about: About) -> None:
    def write() -> None:
        with BundleWriter(to) as writer:
            writer.add("about.json", msgspec.json.format(msgspec.json.encode(about), indent=2))
            writer.add("index.html", about_page(about).encode())
            writer.publish()

    try:
        await beside_the_loop(write)
    except OSError as error:
        raise Broken(
            f"'{to}' could not be written: {error.strerror}.",
            "No file is there; the ledger says that it was asked for.", f"df -h {to.parent}",
        ) from error  # fmt: skip


HANDLERS: Handlers = {verbs.PartyExport: party_export}
