"""Two persons forget a party, at any moment; and what an oracle knows of it afterwards."""

import contextlib
import random
from collections.abc import Iterator

from answerable.ledger.domain import Entry
from answerable.parties import rows as parties
from answerable.store.keys import KeyDestroyed
from answerable.testing.simulator.moments import Moment
from answerable.testing.simulator.world import PEOPLE, World
from answerable.worker import verbs
from answerable.worker.verbs.forget import ErasedView

_DONE = "erasure.done"
_ACTS = frozenset(
    {"received", "identified", "decided", "approval", "effect.started", "effect.done"}
)


async def erase(world: World, moment: Moment | None, chance: random.Random) -> None:
    """One asks, another one agrees; a legal hold may stand in between."""
    known = sorted({e.subject.pid for e in world.books.received.values() if e.subject})
    living = [
        world.persons[name] for name in PEOPLE if world.persons[name] not in world.witness.gone
    ]
    if not known or len(living) < 2:
        return
    pid = (
        moment.party if moment and moment.party and chance.random() < 0.5 else chance.choice(known)
    )
    first, second = chance.sample(living, 2)
    if chance.random() < 0.2:
        await world.surely(verbs.PartyHold(pid, first, "canarybird: a court"))
        await world.surely(verbs.PartyReleaseHold(pid, second, "canarybird: it is over"))
    await world.surely(verbs.PartyErase(pid, first, "canarybird: asked by letter"))
    view = await world.surely(verbs.PartyErase(pid, second))
    if isinstance(view, ErasedView) and view.is_erased:
        world.happened["parties erased"] += 1
        await _nothing_waits(world, pid)


async def _nothing_waits(world: World, pid: str) -> None:
    """No key of the party opens anything, and no timer and no answer of it is left to come."""
    process = world.process
    if process is None or process.office is None or process.is_dead:
        return
    hall = process.office.house.hall
    if parties.erased_at(hall.db, pid) is None:
        return
    learn(world)
    for kid in sorted(world.destroyed):
        with contextlib.suppress(KeyDestroyed):
            hall.keyring.key(kid)
            world.witness.broken(9, f"key {kid} opens bodies after it was destroyed")
    sql = "SELECT inbox FROM interaction WHERE party = ?"
    inboxes = {str(row[0]) for row in hall.db.execute(sql, (pid,)).fetchall()}
    theirs = {
        str(row[0])
        for row in hall.db.execute("SELECT id FROM interaction WHERE party = ?", (pid,)).fetchall()
    }
    left = hall.db.execute("SELECT id, inbox, kind, data FROM arrival WHERE done = 0").fetchall()
    for name, inbox, kind, data in left:
        if inbox in inboxes and any(one.encode() in data for one in theirs):
            world.witness.broken(9, f"{kind} {name} waits for {pid}, which was erased")


def learn(world: World) -> None:
    """What the ledger says was erased: whatever sealed a word of such a party, and not only what
    the entry of its erasure names."""
    gone = {e.changed("party"): e.seq for e in world.books.entries if e.kind == _DONE}
    world.erased.update(gone)
    for entry in world.books.entries:
        pid = entry.subject.pid if entry.subject else ""
        if entry.body is not None and entry.seq < gone.get(pid, -1):
            world.destroyed.add(entry.body.kid)


def acted_afterwards(entries: list[Entry]) -> Iterator[str]:
    """Nothing is decided, done or said for a party after it was erased."""
    gone: dict[str, int] = {}
    for entry in entries:
        if entry.kind == _DONE:
            gone[entry.changed("party")] = entry.seq
        elif entry.subject is not None and entry.kind in _ACTS and entry.subject.pid in gone:
            yield f"{entry.id} ({entry.kind}) is of {entry.subject.pid}, erased before it"
