"""Wrong variants of erasing a party."""

from collections.abc import Iterable, Sequence

from answerable.engine.port import Arrival
from answerable.ledger.draft import Unit
from answerable.ledger.keyring import Keyring
from answerable.parties.service import Parties
from answerable.pipeline import quiet
from answerable.store.keys import KeyStore
from planted.planting import Bed, Swap, room

BED = Bed()


@BED.breaks(9)
def destroyed_key_kept_in_memory(swap: Swap) -> None:
    """A key is destroyed where it lies, and goes on opening bodies out of memory."""

    def forgets_nothing(self: Keyring, kids: Iterable[str]) -> None:
        del self, kids

    swap(Keyring, "forget", forgets_nothing)


@BED.breaks(9)
def address_key_left_behind(swap: Swap) -> None:
    """The party's own key is destroyed, and that of its address is not."""

    def none(self: KeyStore, addresses: Sequence[str]) -> list[str]:
        del self, addresses
        return []

    swap(KeyStore, "kids_known", none)


@BED.breaks(9)
def timer_left(swap: Swap) -> None:
    """Holds end with their party, and their timers do not."""
    opened = room("pipeline.erase")._Open
    unit = opened.unit

    def without_timers(self: object, arrivals: list[Arrival]) -> Unit:
        made: Unit = unit(self, arrivals)
        made.done = tuple(one.id for one in arrivals if one.kind != "timer")
        return made

    swap(opened, "unit", without_timers)


@BED.breaks(9)
def erased_party_still_found(swap: Swap) -> None:
    """Who was erased is remembered by their address: the next message is theirs."""

    def forgets_nothing(self: Parties, party: str) -> None:
        del self, party

    swap(Parties, "_forget", forgets_nothing)


@BED.breaks(3)
def erased_while_something_is_done(swap: Swap) -> None:
    """An erasure does not wait for what is being done for its party."""

    async def at_once(self: quiet.Quiet, inboxes: object, timeout_s: float) -> bool:
        del self, inboxes, timeout_s
        return True

    swap(quiet.Quiet, "until_empty", at_once)
