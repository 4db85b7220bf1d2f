"""Wrong variants of how what comes in is kept, named, finished, and gone on with."""

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from answerable.adapters.engines.embedded import rows
from answerable.adapters.engines.embedded.journal import EmbeddedJournal
from answerable.engine.port import Accepted, Arrival, Claim
from answerable.ledger.draft import Committed, Unit
from answerable.ledger.keyring import Keyring
from answerable.ledger.sealing import STEP_KIND
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Journey, Received
from answerable.pipeline.turn import Turn
from planted.planting import Bed, Swap, room

BED = Bed()

pipeline, receive, record = room("pipeline"), room("pipeline.receive"), room("pipeline.record")
desk = room("pipeline.desk")


@BED.breaks(3)
def duplicate_known_while_it_waits(swap: Swap) -> None:
    """A message that comes again after its first delivery was finished is a new one."""
    accept = EmbeddedJournal.accept

    async def forgets(self: EmbeddedJournal, arrivals: Sequence[Arrival]) -> list[Accepted]:
        fresh = []
        for arrival in arrivals:
            kept = rows.find_arrival(self._reader, arrival.id)
            is_over = kept is not None and kept.is_done and arrival.kind == "message"
            fresh.append(structs.replace(arrival, id=f"{arrival.id}2") if is_over else arrival)
        return await accept(self, fresh)

    swap(EmbeddedJournal, "accept", forgets)


@BED.breaks(3)
def duplicate_named_anew(swap: Swap) -> None:
    """Who delivers a message again is told of an interaction that does not exist."""

    async def anew(hall: Hall, _arrival_id: str) -> str:
        return hall.ids.new("int")

    swap(receive, "_first_interaction", anew)


@BED.breaks(3)
def finished_before_its_outcome(swap: Swap) -> None:
    """An arrival is finished first, and what came of it is written after that."""
    commit = record.commit

    async def finishes(hall: Hall, journey: Journey, *, done: bool = False) -> Committed:
        arrival = journey.unit.arrival
        if done and arrival is not None:
            await hall.committer.commit(Unit(arrival=arrival, done=(arrival,)))
        committed: Committed = await commit(hall, journey)
        return committed

    swap(record, "commit", finishes)


@BED.breaks(3)
def steps_run_again(swap: Swap) -> None:
    """The next life of a turn runs its steps again, without what was recorded of them."""
    open_arrival = pipeline.open_arrival

    def opens(hall: Hall, claim: Claim) -> Received:
        received: Received = open_arrival(hall, claim)
        memo = received.journey.memo
        for key in [key for key, known in memo.items() if known.kind == STEP_KIND]:
            del memo[key]
        return received

    swap(pipeline, "open_arrival", opens)


@BED.breaks(3)
def step_known_by_its_name_alone(swap: Swap) -> None:
    """A step is read back by its name, whatever it was asked."""
    remember = Turn.remember

    async def by_name(self: Turn, key: str, compute: Any) -> bytes:
        name = key.split("/")[1]
        for known in list(self._received.journey.memo.values()):
            if known.key.startswith(self._prefix) and known.key.split("/")[2] == name:
                kid = known.data.decode()
                return self._hall.keyring.open(kid, known.key, known.body or b"")
        return await remember(self, key, compute)

    swap(Turn, "remember", by_name)


@BED.breaks(3)
def said_twice_for_one_key(swap: Swap) -> None:
    """A specialist's reply that is sent again under the same key is another reply."""
    say = desk.say

    async def says(hall: Hall, interaction: str, case: str, who: str, *rest: str) -> str:
        reply: str = await say(hall, interaction, case, who, rest[0])
        return reply

    swap(desk, "say", says)


@BED.breaks(9)
def address_in_plain(swap: Swap) -> None:
    """What a sender is called by stands in rows as it is, not as a keyed hash."""
    swap(Keyring, "identifier_hash", lambda _self, kind, identifier: f"{kind}:{identifier}")
