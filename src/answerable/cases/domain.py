"""A case is one matter with one party; its lease says who controls it now."""

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance that came in, whole and as it came. Times are microseconds, UTC."""

    external_id: str
    rail: str
    sender: str  # display form, as the rail gave it; for people to read
    address: str  # the one address in it: the reply goes there and nowhere else
    text: str
    sent_at: int
    subject: str = ""


class Lease(msgspec.Struct, frozen=True):
    """Who controls a case now. The epoch grows with every change of hands."""

    holder: str  # `agent:support`, `per_...`, `queue:orders`
    epoch: int

    def is_held_by_agent(self, agent: str) -> bool:
        return self.holder == f"agent:{agent}"


class Case(msgspec.Struct, frozen=True):
    id: str
    party: str
    agent: str
    lease: Lease
    since: int = 0  # ledger index of the entry that gave the lease; never the first of a log

    @property
    def is_new(self) -> bool:
        """It is durable with the next barrier: nobody else can know of it."""
        return not self.since
