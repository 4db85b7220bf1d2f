"""Commands that answer with proof: who was accountable, where the log stands."""

from pathlib import Path

from answerable.base.clock import iso
from answerable.base.errors import NotFound
from answerable.engine.port import Record
from answerable.ledger.domain import Entry, decode_entry
from answerable.ledger.note import note_text, parse_checkpoint
from answerable.ledger.proof import prove
from answerable.ledger.telling import tell_action
from answerable.ledger.tiles import TileMissing, TileReader, read_checkpoint
from answerable.worker import verbs
from answerable.worker.commands.decisions import find_decided
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.publisher import TILES
from answerable.worker.verbs.proofs import Who


async def decision_who(office: Office, verb: verbs.DecisionWho) -> Who:
    """When this agent made this decision, who was accountable, and which record captured it?"""
    index = office.index
    await index.follow(office.house.hall.engine)
    if verb.decision:
        entry, record = await find_decided(office, verb.decision)
    else:
        count = index.count("decided")
        place = index.nth("decided", int(verb.draw * count)) if count else None
        if place is None:
            raise NotFound(
                "No decision is in this ledger yet.", "Nothing was looked up.", "answerable worker"
            )
        record = await office.record_at(place.position)
        entry = decode_entry(record.data)
    return await _told(office, entry, record)


async def _told(office: Office, entry: Entry, record: Record) -> Who:
    owner, action, policy = entry.owner, entry.action, entry.policy[-1]
    if owner is None or action is None:
        raise NotFound(
            f"'{entry.id}' names no owner or no action.", "Nothing can be said of it.",
            f"answerable ledger prove {entry.seq}",
        )  # fmt: skip
    name = await office.name_of(owner.person)
    agent = entry.agent.id if entry.agent else ""
    via_name = await office.name_of(owner.via) if owner.via else ""
    stands_in = f", standing in for {via_name} ({owner.via})" if owner.via else ""
    what = tell_action(action)
    sentence = (
        f"When {f'agent {agent!r}' if agent else 'a person'} decided {entry.id} "
        f"({policy.verdict} {what}) at {iso(entry.ts)}, {name} ({owner.person}) was accountable"
        f"{stands_in}, and ledger entry {entry.seq} captures it."
    )
    return Who(
        sentence=sentence, decision=entry.id, index=entry.seq, at=iso(entry.ts),
        owner=owner.person, owner_name=name, accepted_at=owner.accepted_at, agent=agent,
        release=entry.agent.release if entry.agent else "", verdict=policy.verdict,
        reasons=policy.reasons, action=what, entry=record.data.decode(),
        proof=(await proof_of(office, entry.seq)), via=owner.via or "", via_name=via_name,
    )  # fmt: skip


async def proof_of(office: Office, index: int) -> str:
    """From the published files, so that it is what an outsider would get."""
    engine = office.house.hall.engine
    await office.publisher.follow(engine)
    size = office.house.hall.committer.size
    if index >= size:
        raise NotFound(
            f"The ledger has {size} entries; there is no entry {index}.", "Nothing was proven.",
            "answerable ledger checkpoint",
        )  # fmt: skip
    try:
        return _proven(office.house.home / TILES, index)
    except TileMissing:  # a file was taken away: all of them can be written again
        await office.publisher.rebuild(engine)
        return _proven(office.house.home / TILES, index)


def _proven(folder: Path, index: int) -> str:
    checkpoint = read_checkpoint(folder)
    reader = TileReader(folder, parse_checkpoint(note_text(checkpoint)).size)
    return prove(index, checkpoint, reader).encode()


async def checkpoint(office: Office, _: verbs.LedgerCheckpoint) -> str:
    await office.publisher.follow(office.house.hall.engine)
    if not office.house.hall.committer.size:
        raise NotFound(
            "The ledger is empty: nothing is signed yet.", "Nothing was written.",
            "answerable person add EMAIL --name NAME",
        )  # fmt: skip
    return read_checkpoint(office.house.home / TILES)


async def ledger_prove(office: Office, verb: verbs.LedgerProve) -> str:
    return await proof_of(office, verb.index)


HANDLERS: Handlers = {
    verbs.DecisionWho: decision_who,
    verbs.LedgerCheckpoint: checkpoint,
    verbs.LedgerProve: ledger_prove,
}
