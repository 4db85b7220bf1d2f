"""A committer on a real journal, with what is needed to look behind it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from answerable.adapters.engines.embedded.journal import EmbeddedJournal
from answerable.adapters.signers.file import FileSigner
from answerable.base.chance import SeededChance
from answerable.base.clock import ManualClock
from answerable.compose import state
from answerable.engine.port import Arrival, Engine, Fence, Fenced, Record
from answerable.ledger import rows as ledger_rows
from answerable.ledger.committer import Committer, Tools, inline
from answerable.ledger.domain import KINDS, Entry, Owner, decode_entry
from answerable.ledger.draft import Draft
from answerable.ledger.sealing import empty_head, head_from
from answerable.store.keys import KeyStore, home_key
from answerable.store.sqlite import DiskFull
from answerable.testing.conformance.dying import Died

PERSONS = ("per_a", "per_b")
PARTIES = ("pty_a", "pty_b", "pty_c")
Trouble = Literal["", "full", "fenced", "dies before", "dies after"]


class Desk:
    """A committer on a real journal, and what is needed to look behind it."""

    def __init__(
        self, home: Path, *, wrap: Callable[[EmbeddedJournal], Engine] | None = None
    ) -> None:
        clock, chance = ManualClock(), SeededChance(7)
        self.journal = EmbeddedJournal.open(home, clock=clock, state=state.STATE, threaded=False)
        self.keys = KeyStore.open(home / "keys.db", home_key(home, chance))
        self.signer = FileSigner.open(home / "signer.key", name="test.example/log", chance=chance)
        self.engine: Engine = wrap(self.journal) if wrap else self.journal
        db = self.journal.reader()
        seal = ledger_rows.last_seal(db)
        self.committer = Committer(
            Tools(
                engine=self.engine,
                signer=self.signer,
                keys=self.keys,
                clock=clock,
                chance=chance,
                counters=ledger_rows.CounterRows(db),
            ),
            head_from(seal) if seal else empty_head(),
            inline,
        )

    async def fence(self) -> Fence:
        await self.journal.accept([Arrival(f"f{self.journal.commits}", "f", "start", b"")])
        claims = self.journal.claim("test", 1)
        fence = (await anext(claims)).fence
        await claims.aclose()  # type: ignore[attr-defined]
        return fence

    async def records(self) -> list[Record]:
        return [record async for record in self.journal.read(0)]

    async def entries(self) -> list[Entry]:
        return [decode_entry(r.data) for r in await self.records() if r.kind in KINDS]


def draft(name: str, number: int = 0, **more: object) -> Draft:
    fields: dict[str, object] = {
        "kind": "approval",
        "id": name,
        "owner": Owner(person=PERSONS[number % 2], accepted_at=0),
        "party": PARTIES[number % 3],
        "actor": "test",
    }
    return Draft(**(fields | more))  # type: ignore[arg-type]


class Troubled:
    """An engine that has one trouble at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.accept, self.claim, self.renew = engine.accept, engine.claim, engine.renew
        self.read, self.find, self.waiting = engine.read, engine.find, engine.waiting
        self.waiting_in = engine.waiting_in
        self.drop = engine.drop
        self.trouble: Trouble = ""

    async def append(
        self, fence: Fence, records: Sequence[Record], done: Sequence[str] = ()
    ) -> list[int]:
        match self.trouble:
            case "full":
                raise DiskFull("No space is left.", "Nothing was written.")
            case "fenced":
                raise Fenced(fence, fence.epoch + 1)
            case "dies before":
                raise Died
        positions = await self._engine.append(fence, records, done)
        if self.trouble == "dies after":
            raise Died
        return positions
