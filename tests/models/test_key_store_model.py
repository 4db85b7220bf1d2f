"""The key store against a dictionary: what was acknowledged is there, what was destroyed is gone,
and no file ever has a key in the clear. It may die between any two of its statements."""

import shutil
import sqlite3
from collections.abc import Callable

from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from answerable.base import faults
from answerable.base.chance import SeededChance
from answerable.base.errors import Busy
from answerable.ledger import bodies
from answerable.store.keys import (
    HOME_KEY,
    KEY_BYTES,
    KEYS,
    KeyDestroyed,
    KeyStore,
    home_key,
)
from answerable.store.keys_wrong import KeyMissing
from answerable.store.rotation import rotate_home_key, settle_home_key
from answerable.store.sqlite import open_reader
from machines import SETTINGS, Machine

GONE = b""
SOME = st.lists(st.integers(0, 30), max_size=3)
DEATH = st.sampled_from((0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12))


class Keys(Machine):
    def __init__(self) -> None:
        super().__init__()
        self.chance = SeededChance(11)
        self.lives = 0
        self.home = self.folder / "home-0"
        self.home.mkdir()
        self.kept: dict[str, bytes] = {}  # kid -> its key, or GONE
        self.ever: dict[str, bytes] = {}  # every key that there was, put or not
        self.addresses: dict[str, str] = {}
        self.wiped: set[str] = set()  # whose destruction was acknowledged
        self.retired: set[bytes] = set()  # home keys whose replacement was acknowledged
        self.home_keys: list[bytes] = []
        self.reader: sqlite3.Connection | None = None
        self.open()
        self.name = self.store.naming_key()

    def open(self) -> None:
        settle_home_key(self.home)
        secret = home_key(self.home, self.chance, may_create=not self.lives)
        self.store = KeyStore.open(
            self.home / KEYS, secret, cached_max=3, may_create=not self.lives
        )
        self.store._database.execute("PRAGMA busy_timeout = 0")  # nobody waits for a reader here
        if secret not in self.home_keys:
            self.home_keys.append(secret)
        self.lives += 1

    def lives_through(self, work: Callable[[], object], death: int) -> bool:
        """Do it, and say whether it was acknowledged: at the `death`-th statement the power goes,
        and what lay in the files at that moment is all that there is."""
        after = self.folder / f"home-{self.lives}"
        steps = 0

        def step(_what: str) -> None:
            nonlocal steps
            steps += 1
            if steps == death:
                shutil.copytree(self.home, after)

        async def fault(name: str) -> None:
            step(name)

        self.store._database.set_trace_callback(step)
        faults.install(fault)
        is_busy = False
        try:
            work()
        except Busy:
            assert self.reader is not None, "nobody reads"
            is_busy = True
        finally:
            faults.install(None)
            self.store._database.set_trace_callback(None)
        if not after.exists():
            return not is_busy
        self.gone()
        shutil.rmtree(self.home)
        self.home = after
        self.open()
        return False

    def made(self) -> tuple[str, bytes]:
        key = self.chance.token(KEY_BYTES)
        kid = bodies.new_kid(key)
        self.ever[kid] = key
        return kid, key

    def found(self, kid: str) -> bytes | None:
        try:
            return self.store.get(kid)
        except KeyDestroyed:
            return GONE
        except KeyMissing:
            return None

    def old(self, numbers: list[int]) -> list[str]:
        kids = list(self.ever)
        return [kids[number % len(kids)] for number in numbers if kids]

    @rule(new=st.integers(0, 3), again=SOME, death=DEATH)
    def put(self, new: int, again: list[int], death: int) -> None:
        """New ones, and some that were there before, as other bytes: those stay what they are."""
        wanted = {kid: bytes(KEY_BYTES) for kid in self.old(again) if kid in self.kept}
        fresh = dict(self.made() for _ in range(new))
        if self.lives_through(lambda: self.store.put_many(wanted | fresh), death):
            self.kept |= fresh
            return
        there = {kid for kid in fresh if self.found(kid) is not None}
        assert there in (set(), set(fresh)), "all or none"
        self.kept |= {kid: fresh[kid] for kid in there}

    @rule(names=st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True), death=DEATH)
    def write_to_addresses(self, names: list[int], death: int) -> None:
        asked = [f"address-{name}" for name in names]
        made: dict[str, bytes] = {}
        said: dict[str, str] = {}

        def make() -> tuple[str, bytes]:
            kid, key = self.made()
            made[kid] = key
            return kid, key

        def ask() -> None:
            said.update(self.store.kids_of_addresses(asked, make))

        is_known = self.lives_through(ask, death)
        assert set(said) == set(asked)
        for address in asked:
            expected = self.addresses.get(address)
            assert said[address] == expected if expected else said[address] in made
        if is_known or any(self.found(kid) is not None for kid in made):
            assert all(self.found(kid) == key for kid, key in made.items()), "all or none"
            self.kept |= made
            self.addresses |= said

    @rule(numbers=SOME, death=DEATH)
    def destroy(self, numbers: list[int], death: int) -> None:
        """Some of those that are there, are gone already, or have not come in yet."""
        kids = set(self.old(numbers))
        is_wiped = self.lives_through(lambda: self.store.destroy(kids), death)
        if is_wiped:
            self.wiped |= kids
        new = {kid for kid in kids if self.kept.get(kid) != GONE}
        gone = {kid for kid in new if self.found(kid) == GONE}
        assert gone in (set(), new), "all or none"
        assert gone == new or not is_wiped
        self.kept |= dict.fromkeys(gone, GONE)
        self.addresses = {
            address: kid for address, kid in self.addresses.items() if kid not in gone
        }

    @rule(death=DEATH)
    def rotate(self, death: int) -> None:
        def rotate() -> None:
            self.do(rotate_home_key(self.home, self.store, self.chance))

        is_done = self.lives_through(rotate, death)
        before = set(self.home_keys)
        self.another_life()
        if is_done:
            assert self.home_keys[-1] not in before, "it has another key"
            self.retired |= set(self.home_keys[:-1])

    @rule()
    def another_life(self) -> None:
        self.store.close()
        self.open()

    @rule()
    def a_reader_comes(self) -> None:
        if self.reader is None:
            self.reader = open_reader(self.home / KEYS)
            self.reader.execute("BEGIN")
            self.reader.execute("SELECT count(*) FROM key").fetchall()

    @rule()
    def the_reader_goes(self) -> None:
        if self.reader is not None:
            self.reader.close()
            self.reader = None

    @invariant()
    def it_has_what_the_dictionary_has(self) -> None:
        for kid in self.ever:
            assert self.found(kid) == self.kept.get(kid), kid
        assert self.store.naming_key() == self.name, "names stay what they are"
        assert (self.home / HOME_KEY).read_bytes() == self.home_keys[-1]

    @invariant()
    def no_file_tells_a_key(self) -> None:
        files = [path for path in self.home.iterdir() if path.name.startswith(KEYS)]
        every = b"".join(path.read_bytes() for path in files)
        for kid, key in self.ever.items():
            assert key not in every, f"{kid} lies there in the clear"
            for secret in self.home_keys:
                is_past = kid in self.wiped or secret in self.retired
                assert not is_past or aes_key_wrap(secret, key) not in every, kid

    def gone(self) -> None:
        if self.reader is not None:
            self.reader.close()
            self.reader = None
        self.store.close()


TestKeys = Keys.TestCase
TestKeys.settings = SETTINGS
