"""What every command works with: the open house and what follows it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from answerable.base.errors import NotFound, Unreadable
from answerable.compose.house import House
from answerable.engine.port import Record
from answerable.ledger.domain import Entry, decode_entry
from answerable.ledger.draft import Unit
from answerable.parties import rows as parties
from answerable.people.service import card_name
from answerable.store.keys import KeyDestroyed
from answerable.views.index import EntryIndex
from answerable.worker.commands import put_away
from answerable.worker.dispatch import Dispatcher
from answerable.worker.publisher import Publisher
from answerable.worker.thoughts import Thoughts
from answerable.worker.verbs.base import ERASED, Done

T = TypeVar("T")
_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Office:
    """One per house."""

    house: House
    dispatcher: Dispatcher
    index: EntryIndex
    publisher: Publisher
    thoughts: Thoughts = field(default_factory=Thoughts)

    async def record_at(self, position: int) -> Record:
        async for record in self.house.hall.engine.read(position - 1):
            return record
        raise NotFound(
            f"The feed has no record at {position}.", "Nothing was read.",
            "answerable ledger verify",
        )  # fmt: skip

    async def entry(self, entry_id: str) -> tuple[Entry, Record]:
        """An entry by its id. Raises NotFound."""
        await self.index.follow(self.house.hall.engine)
        place = self.index.find(entry_id)
        if place is None and entry_id.startswith("eff_"):  # a decision has its effect's id
            place = self.index.find(f"dec_{entry_id.removeprefix('eff_')}")
        if place is None:
            raise NotFound(
                f"No entry '{entry_id}' is in this ledger.", "Nothing was looked up.",
                "answerable decision list",
            )  # fmt: skip
        record = await self.record_at(place.position)
        return decode_entry(record.data), record

    async def name_of(self, person: str) -> str:
        """A person's name, out of the body of the entry that added them.

        What is no person's id stays as it is, and so does an id whose name was erased.
        """
        card = await self.text_of(person) if person.startswith("per_") else ""
        return person if card in ("", ERASED) else card_name(card)

    async def text_of(self, entry_id: str) -> str:
        """What the body of an entry says, as people may read it; empty where it has none."""
        entry, record = await self.entry(entry_id)
        if entry.body is None:
            return ""
        if record.body is None:
            return await self.words_put_away(entry.seq)
        keyring = self.house.hall.keyring
        try:
            return keyring.open(entry.body.kid, record.key, record.body).decode()
        except Unreadable as error:
            return self.words_erased(error)

    def words_erased(self, error: Exception) -> str:
        """What stands in the place of words that cannot be read: with the ledger index at which
        their party was erased, where it was."""
        at = None
        if isinstance(error, KeyDestroyed):
            at = parties.destroyed_at(self.house.hall.db, error.kid)
        return ERASED if at is None else f"(erased at index {at})"

    async def words_put_away(self, seq: int) -> str:
        """What stands in the place of words that were archived."""
        return await put_away.words_of(self.index, self.house.hall.engine, seq)

    async def until(self, is_over: Callable[[T], bool], look: Callable[[], T], wait_s: float) -> T:
        """What is seen as soon as it is over, or when the wait is; at once where nobody works."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + (wait_s if self.dispatcher.works else 0)
        seen = look()
        while not is_over(seen) and loop.time() < give_up:
            await asyncio.sleep(_LOOK_S)
            seen = look()
        return seen

    async def keep_measured(self) -> None:
        """What was measured since the last time, where it can be looked up. Raises Broken."""
        measured = self.dispatcher.stages.passages.take()
        self.house.traces.offer(measured)
        self.index.keep(measured, kept=self.house.plan.passages_kept)

    def actor(self, by: str) -> str:
        """Who an entry says did it: a living person, where one was named. Raises PersonUnknown."""
        return self.house.hall.people.find(by).id if by else "system:command"

    async def change(self, checked: Callable[[], Unit]) -> Done:
        """Write a change of power; no other comes between its check and its entry."""
        committed = await self.house.change_power(checked)
        return Done(committed.records[0].key, committed.indexes[0])


Handlers = dict[type, Callable[[Office, Any], Awaitable[object]]]
"""What a room of commands can do: a verb's type, and the function that runs it."""
