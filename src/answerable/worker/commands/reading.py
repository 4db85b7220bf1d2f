"""The command that lets a person read what a decision was made on, and writes that down first."""

from answerable.base.errors import NotFound, Refused
from answerable.ledger.bundle import Asked
from answerable.worker.bundling.disclosing import allowed, write_down
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.commands.steps import steps_of
from answerable.worker.verbs.reading import DecisionRead, ReadView

_READ = ("received", "decided")


class MayNotRead(Refused):
    code = "may_not_read"

    def __init__(self, person: str, decision: str) -> None:
        super().__init__(
            f"{person} may not read what {decision} was made on: that is for who answers for its "
            "agent or did so then, for who holds its case, and for an auditor.",
            "Nothing was read, and nothing written down.",
            f"answerable person grant {person} auditor --by OWNER",
        )


async def decision_read(office: Office, verb: DecisionRead) -> ReadView:
    """Raises PersonUnknown, NotFound, MayNotRead."""
    person = office.house.hall.people.find(verb.by).id
    entry, _ = await office.entry(verb.decision)
    if entry.kind != "decided":
        raise NotFound(
            f"No decision '{verb.decision}' is in this ledger.", "Nothing was read.",
            "answerable decision list",
        )  # fmt: skip
    places = [one for one in office.index.of_interaction(entry.interaction) if one.kind in _READ]
    positions = {one.seq: one.position for one in places}
    if not positions and (place := office.index.at(entry.seq)) is not None:
        positions = {place.seq: place.position}
    bodies = await allowed(office, positions, person)
    if "not_allowed" in bodies.withheld.values():
        raise MayNotRead(person, entry.id)
    count = len(positions) + len(await steps_of(office, entry.interaction))
    read = await write_down(office, Asked(kind="decision", of=entry.id), person, count)
    return ReadView(entry.id, person, read, count)


HANDLERS: Handlers = {DecisionRead: decision_read}
"""What may be read, and by whom, is written down before it is."""
