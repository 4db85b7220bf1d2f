"""A home looked at deeply: the proof, then files, keys, bodies, arrivals, state and views."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec

from answerable.adapters.engines.embedded.journal import DATABASE, read_feed
from answerable.base.chance import SystemChance
from answerable.engine.port import Cursor, Record
from answerable.ledger.bodies import new_kid
from answerable.ledger.keyring import Keyring
from answerable.store.forgotten import forgotten_again
from answerable.store.keys import HOME_KEY, KEYS, KeyStore, home_key
from answerable.store.keys_examined import destroyed_rows, wrong_rows
from answerable.store.lock import HomeHeld, HomeLock
from answerable.store.restored import restored
from answerable.store.sqlite import open_reader
from answerable.views.index import VIEWS
from answerable.worker.deep.arrivals import Arrivals
from answerable.worker.deep.bodies import Bodies, Gone
from answerable.worker.deep.database import check_file, check_pages, may_be_opened
from answerable.worker.deep.found import DeepProblem, Found
from answerable.worker.deep.projected import check_state, check_views
from answerable.worker.deep.published import Published
from answerable.worker.verification import check_has_ledger, verify_home


class DeepVerified(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, how much of it, and every problem."""

    verified: bool
    seconds: float
    entries: int = 0
    published: int = 0
    root: str = ""
    bodies: int = 0
    erased: int = 0
    arrivals: int = 0
    state_rows: int = 0
    view_rows: int = 0
    unsaid: int = 0  # keys that were destroyed by a restore, and no entry says so yet
    problems: tuple[DeepProblem, ...] = ()

    @property
    def sentence(self) -> str:
        if self.verified:
            unsaid = ""
            if self.unsaid:
                unsaid = (
                    f" {self.unsaid} keys were destroyed when it was restored; the first entries "
                    "of its worker will say so."
                )
            return (
                f"Verified: {self.entries} entries, {self.published} of them published; "
                f"{self.bodies} bodies opened, {self.erased} erased; {self.arrivals} arrivals; "
                f"{self.state_rows} rows of state and {self.view_rows} of views are as the ledger "
                f"makes them; in {self.seconds} s.{unsaid} Root {self.root}."
            )
        return "\n".join(f"NOT VERIFIED: {each.sentence}" for each in self.problems)


def verify_deep(home: Path, earlier: Sequence[Path] = (), vkey: str = "") -> DeepVerified:
    """Look at everything, a problem here or there notwithstanding. Beside a worker at work it is
    one instant of its database, whose log grows until the look is over.

    Raises NotFound where there is nothing to verify; NoteError as `verify_home` does.
    """
    check_has_ledger(home)
    look = _Look(home)
    began = time.monotonic()
    if may_be_opened(look.found, home / DATABASE):
        look.prove(earlier, vkey)
        with look.found.looking("database", DATABASE):  # which may not even open
            asyncio.run(look.compare())
    problems = look.found.problems
    return DeepVerified(
        verified=not problems,
        seconds=round(time.monotonic() - began, 2),
        root=look.root,
        problems=problems,
        **look.counts,
    )


class _Look:
    """One look at one home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.found = Found(home)
        self.counts: dict[str, int] = {}
        self.root = ""
        self._gone = Gone((), frozenset())

    def prove(self, earlier: Sequence[Path], vkey: str) -> None:
        with self.found.looking("ledger", DATABASE):
            proof = verify_home(self._home, earlier, vkey)
            self.counts |= {"entries": proof.entries, "published": proof.published}
            self.root = proof.root
            if proof.problem:
                what = "files" if proof.is_of_files else "ledger"
                self.found.add(what, f"entry {proof.index}", proof.problem.rstrip("."))

    async def compare(self) -> None:
        with ExitStack() as opened:
            database = opened.enter_context(closing(open_reader(self._home / DATABASE)))
            check_file(self.found, database, DATABASE)
            views: list[sqlite3.Connection] = []
            with self.found.looking("views", VIEWS):  # before the feed: they may lag, and not lead
                views += self._views(opened)
            feed = _Instant(database, self._home / DATABASE)
            with self.found.looking("keys", KEYS):
                await self._with_keys(database, feed, self._keys(opened))
            held = self._is_held()
            await Published(self.found, self._home, may_be_ahead=held).check(feed)
            with self.found.looking("state", "the feed that makes it"):
                self.counts["state_rows"] = await check_state(self.found, database, feed)
            with self.found.looking("views", VIEWS):
                for each in views:
                    self.counts["view_rows"] = await check_views(self.found, each, feed)

    async def _with_keys(
        self, database: sqlite3.Connection, feed: "_Instant", keys: KeyStore
    ) -> None:
        bodies = Bodies(self.found, keys, self._gone)
        with self.found.looking("bodies", DATABASE):
            await bodies.check(feed)
        self.counts |= {
            "bodies": bodies.readable, "erased": bodies.erased, "unsaid": bodies.unsaid,
        }  # fmt: skip
        keyring = Keyring(keys.naming_key(), keys, SystemChance())
        arrivals = Arrivals(self.found, database, keyring)
        arrivals.check()
        self.counts["arrivals"] = arrivals.seen

    def _keys(self, opened: ExitStack) -> KeyStore:
        path = self._home / KEYS
        if not may_be_opened(self.found, path):
            raise FileNotFoundError(path)
        secret = home_key(self._home, SystemChance(), may_create=False)
        database = opened.enter_context(closing(open_reader(path)))
        check_file(self.found, database, KEYS)
        for where, problem in wrong_rows(database, secret, new_kid):
            named = where if where == HOME_KEY else f"{KEYS}, {where}"
            self.found.add("keys", named, problem)
        by_restore = forgotten_again(self._home) if restored(self._home)[1] else []
        self._gone = Gone(destroyed_rows(database), frozenset(by_restore))
        return KeyStore(path, database, secret)

    def _views(self, opened: ExitStack) -> list[sqlite3.Connection]:
        """As they are at this instant, where there are any."""
        path = self._home / VIEWS
        if not path.exists():
            return []
        views = opened.enter_context(closing(open_reader(path)))
        views.execute("BEGIN")
        check_pages(self.found, views, VIEWS, "views")
        return [views]

    def _is_held(self) -> bool:
        try:
            HomeLock.check_free(self._home)
        except HomeHeld:
            return True
        return False


class _Instant:
    """The feed as it is at one instant, whatever is appended meanwhile."""

    def __init__(self, reader: sqlite3.Connection, path: Path) -> None:
        self._reader, self._path = reader, path
        reader.execute("BEGIN")

    def read(self, after: Cursor, kinds: Collection[str] | None = None) -> AsyncIterator[Record]:
        return read_feed(self._reader, self._path, after, kinds)
