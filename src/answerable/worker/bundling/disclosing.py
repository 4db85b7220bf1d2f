"""Which sealed bodies of an answer a person is given, and that it is written down before.

Deny by default: a living person may read what was done in their name, what the agents do for which
they answer now, and the cases that they hold; an auditor may read everything. All else is
withheld, and the answer says so.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from answerable.base.errors import Busy, Unreadable, UsageError
from answerable.cases import rows as cases
from answerable.engine.port import Record
from answerable.ledger.access import read_draft
from answerable.ledger.bundle import EVERYTHING, Asked, Given, Why, Withheld
from answerable.ledger.disclosed import disclose
from answerable.ledger.domain import Entry, decode_entry
from answerable.ledger.draft import Unit
from answerable.ledger.note import encode_base64
from answerable.pipeline.receive import decode_message
from answerable.store.keys import KeyDestroyed
from answerable.views import places
from answerable.views.places import Place
from answerable.worker.bundling.turns import in_turns
from answerable.worker.commands.office import Office

_PAGE = 1_000
BODIES_MAX = 20_000
WITHHELD_MAX = 500_000  # each is named in the answer, a member of 32 MiB


@dataclass(slots=True)
class Bodies:
    """What a person is given of an answer: indexes and positions, and why they are not given
    others. Empty where no bodies were asked for."""

    by: str = ""
    is_whole: bool = False
    given: dict[int, int] = field(default_factory=dict)
    withheld: dict[int, Why] = field(default_factory=dict)
    read: int = -1  # index of the entry that says so
    in_part: set[str] = field(default_factory=set)  # parties of whom not all that was decided is

    def told(self) -> Given | None:
        """As the answer says it."""
        if not self.by:
            return None
        withheld = tuple(Withheld(index=i, why=why) for i, why in sorted(self.withheld.items()))
        return Given(by=self.by, given=tuple(sorted(self.given)), read=self.read, withheld=withheld)


async def choose_bodies(
    office: Office, asked: Asked, found: Mapping[int, int], by: str, *, is_whole: bool
) -> Bodies:
    """Choose, and write down what is going to be given. Raises PersonUnknown, UsageError."""
    person = office.house.hall.people.find(by).id
    positions = found if asked.kind != EVERYTHING else await _all(office)
    bodies = await allowed(office, positions, person, is_whole=is_whole)
    if not is_whole and not office.house.hall.people.directory.is_auditor(person):
        bodies.in_part = await _in_part(office, person, bodies.given)
    bodies.read = await write_down(office, asked, person, len(bodies.given))
    return bodies


async def allowed(
    office: Office, positions: Mapping[int, int], person: str, *, is_whole: bool = False
) -> Bodies:
    """What a person may be given of these, by the rights that they have before and after it was
    looked at. Raises UsageError, Busy."""
    bodies, rights = Bodies(person, is_whole), _rights(office, person)
    async for index, position in in_turns(positions.items()):
        why = await _why_not(office, person, index, position)
        if why is None:
            bodies.given[index] = position
        elif why:
            bodies.withheld[index] = why
        if len(bodies.given) > BODIES_MAX or len(bodies.withheld) > WITHHELD_MAX:
            raise UsageError(
                f"The answer gives more than {BODIES_MAX} bodies, or withholds more than "
                f"{WITHHELD_MAX}.", "Nothing was written.",
                "ask for a shorter period, or for a case",
            )  # fmt: skip
    if _rights(office, person) != rights:
        raise Busy(
            f"What {person} may read changed while it was looked at.",
            "Nothing was given, and nothing written down.",
        )
    return bodies


def _rights(office: Office, person: str) -> tuple[bool, frozenset[str]]:
    """Whether they are an auditor, and for which agents they answer."""
    hall = office.house.hall
    directory, now = hall.people.directory, hall.clock.now()
    owners = ((agent, directory.accountable_for(agent, now)) for agent in directory.owners)
    mine = (agent for agent, one in owners if one and person in (one.person, one.via))
    return directory.is_auditor(person), frozenset(mine)


async def write_down(office: Office, asked: Asked, person: str, bodies: int) -> int:
    """Index of the entry that says who is going to be given how many."""
    hall = office.house.hall
    draft = read_draft(
        hall.ids.new("acc"), by=person, asked=asked.words, bodies=bodies,
        party=asked.of if asked.kind == "party" else None,
    )  # fmt: skip
    return (await hall.committer.commit(Unit(drafts=[draft]))).indexes[0]


async def _all(office: Office) -> dict[int, int]:
    db, found, before = office.index.db, dict[int, int](), 0
    while page := places.newest(db, before=before, limit=_PAGE):
        found |= {place.seq: place.position for place in page}
        await asyncio.sleep(0)
        before = page[-1].seq
        if not before:
            break
    return found


async def _why_not(
    office: Office, person: str, index: int, position: int
) -> Why | Literal[""] | None:
    """Why it is not given; None where it is, empty where there is nothing to give."""
    record = await office.record_at(position)
    entry, place = decode_entry(record.data), office.index.at(index)
    if entry.body is None:
        return ""
    if place is None or not _may_read(office, person, entry, place):
        return "not_allowed"
    if record.body is None:
        return "archived"
    try:
        office.house.hall.keyring.open(entry.body.kid, entry.id, record.body)
    except KeyDestroyed:
        return "erased"
    except Unreadable:
        return "damaged"
    return None


def _may_read(office: Office, person: str, entry: Entry, place: Place) -> bool:
    hall = office.house.hall
    if hall.people.directory.is_auditor(person):
        return True
    if entry.owner is not None and person in (entry.owner.person, entry.owner.via):
        return True
    case = cases.find(hall.db, entry.case) if entry.case else None
    if case is not None and case.lease.holder == person:
        return True
    agent = place.agent or (case.agent if case is not None else "")
    owner = hall.people.directory.accountable_for(agent, hall.clock.now())
    return owner is not None and person in (owner.person, owner.via)


async def _in_part(office: Office, person: str, given: Mapping[int, int]) -> set[str]:
    """Parties of whom something is given, and something else was decided that the person may not
    read: one key commits to all of it, so it would test guesses at what is withheld."""
    parties, db = set[str](), office.index.db
    async for position in in_turns(given.values()):
        parties.add(_party_of(decode_entry((await office.record_at(position)).data)))
    found = {""} & parties
    for party in parties - {""}:
        before = 0
        while page := places.newest_about(db, party, kind="decided", before=before, limit=_PAGE):
            async for place in in_turns(page):
                entry = decode_entry((await office.record_at(place.position)).data)
                if not _may_read(office, person, entry, place):
                    found.add(party)
                    break
            before = page[-1].seq
            if party in found or not before:
                break
    return found


def _party_of(entry: Entry) -> str:
    return entry.subject.pid if entry.subject is not None else ""


def disclosed(office: Office, record: Record, bodies: Bodies) -> tuple[bytes, str] | None:
    """The member for a record's body, and its words for people; None where they went meanwhile."""
    entry = decode_entry(record.data)
    if entry.body is None or record.body is None:
        return None
    keyring = office.house.hall.keyring
    try:
        words = keyring.open(entry.body.kid, entry.id, record.body)
        key = keyring.key(entry.body.kid)
    except Unreadable:
        return None
    member = disclose(
        entry, record.body, key, is_whole=bodies.is_whole,
        shows_commitment=_party_of(entry) not in bodies.in_part,
    )  # fmt: skip
    return member, _text(entry.kind, words)


def _text(kind: str, words: bytes) -> str:
    try:
        if kind == "received":
            message = decode_message(words)
            return f"from {message.sender}: {message.text}"
        return words.decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"(bytes, base64) {encode_base64(words)}"
