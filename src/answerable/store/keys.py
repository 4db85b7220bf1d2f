"""The key store: the one place from which something can be destroyed for ever.

Its own SQLite file, because the feed is append-only and a key in it could never be forgotten. Keys
lie wrapped by the home's key (AES key wrap, RFC 3394), so that a copied file alone opens nothing.

Why a key leaves no trace: rows are only ever added at the end of the table and are of one size, so
SQLite never moves a wrapped key to another place, and destroying overwrites it where it lies
(`secure_delete` for whatever SQLite frees besides). The write-ahead log, which still has earlier
images of the page, is then emptied; until that has worked, `destroy` has not returned.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Self

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from answerable.base.chance import Chance
from answerable.base.errors import Broken, Busy, Unreadable
from answerable.store.files import SecretLost, read_or_create_private
from answerable.store.keys_wrong import KeyMissing, KeyUnreadable
from answerable.store.sqlite import (
    in_our_words,
    insert_many,
    open_reader,
    open_writer,
    placeholders,
    rollback,
)

KEYS, HOME_KEY = "keys.db", "home.key"  # in the home
KEY_BYTES = 32
CACHED_MAX = 8_000  # of some 300 bytes
_WRAPPED_BYTES = KEY_BYTES + 8
GONE = bytes(_WRAPPED_BYTES)  # what lies in the place of a destroyed key
CHECK = b"answerable: the home's own key  "  # wrapped, it tells a wrong home key at once
_IN_ONE_QUERY = 500
_PAGES_KIB = 2_048  # we cache keys ourselves; pages would fill memory for hours

MIGRATIONS = (
    (
        1,
        f"""
CREATE TABLE home (wrapped BLOB NOT NULL) STRICT;
CREATE TABLE key (
    id INTEGER PRIMARY KEY,
    kid TEXT NOT NULL UNIQUE,
    wrapped BLOB NOT NULL CHECK (length(wrapped) = {_WRAPPED_BYTES})
) STRICT;
CREATE TABLE address (hash TEXT PRIMARY KEY, kid TEXT NOT NULL) STRICT;
""",
    ),
    (
        2,
        """
CREATE TABLE naming (one INTEGER PRIMARY KEY CHECK (one = 1), wrapped BLOB NOT NULL) STRICT;
""",
    ),
)
"""`naming` is the key of all keyed hashes, once the home's key is another than its first one: what
is named by them is in the ledger, and stays what it is."""


class KeyDestroyed(Unreadable):
    """The key was destroyed: what it sealed is unreadable for everybody, for ever."""

    code = "key_destroyed"

    def __init__(self, kid: str) -> None:
        self.kid = kid
        super().__init__(f"Key '{kid}' was destroyed.", "Nothing was read.")


class KeyStore:
    """Wrapped keys by id. May be called from any thread; raises Broken where the file fails."""

    def __init__(
        self,
        path: Path,
        database: sqlite3.Connection,
        home_key: bytes,
        cached_max: int = CACHED_MAX,
    ) -> None:
        self._path = path
        self._database = database
        self._home_key = home_key
        self._cached_max = cached_max
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()
        self._is_log_left = False  # somebody else reads it, and bytes of a key may lie in it

    @classmethod
    def open(
        cls, path: Path, home_key: bytes, *, cached_max: int = CACHED_MAX, may_create: bool = True
    ) -> Self:
        """Open the file, or create it; refuses a home key that is not the one it was made with.

        With `may_create=False`, for a home that has records, raises SecretLost instead.
        """
        if not (may_create or path.exists()):
            raise _lost(path)
        database = open_writer(path, MIGRATIONS)
        try:
            path.chmod(0o600)
            with in_our_words(path):
                database.execute("PRAGMA secure_delete = ON")
                database.execute(f"PRAGMA cache_size = -{_PAGES_KIB}")
                if not is_made_with(database, home_key):
                    if not may_create:
                        raise _lost(path)
                    _make(database, home_key)
                store = cls(path, database, home_key, cached_max)
                store._empty_log()  # a death may have left a key in it
        except BaseException:
            database.close()
            raise
        return store

    def close(self) -> None:
        with self._lock:
            self._cache.clear()
            self._database.close()

    def put_many(self, keys: Mapping[str, bytes]) -> None:
        """Durable on return, all or none. A key that exists stays; a destroyed one stays gone."""
        if any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        rows = [(kid, aes_key_wrap(self._home_key, key)) for kid, key in keys.items()]
        stays = "ON CONFLICT (kid) DO NOTHING"
        with self._lock:
            with in_our_words(self._path), _transaction(self._database):
                new = insert_many(self._database, "key (kid, wrapped)", rows, stays)
            if new == len(keys):  # of those that were there, one may be destroyed
                self._remember(keys)

    def kids_of_addresses(
        self, addresses: Sequence[str], make: Callable[[], tuple[str, bytes]]
    ) -> dict[str, str]:
        """The key id of each address (a keyed hash); one made by `make` where there is none.

        New keys and their addresses are durable on return, in one transaction.
        """
        with self._lock:
            with in_our_words(self._path), _transaction(self._database):
                known: dict[str, str] = {}
                for some in _in_parts(addresses):
                    query = f"SELECT hash, kid FROM address WHERE hash IN ({placeholders(some)})"  # noqa: S608 - only marks
                    known.update(self._database.execute(query, some).fetchall())
                fresh = {address: make() for address in addresses if address not in known}
                keys = [(kid, aes_key_wrap(self._home_key, key)) for kid, key in fresh.values()]
                insert_many(self._database, "key (kid, wrapped)", keys)
                named = [(address, kid) for address, (kid, _) in fresh.items()]
                insert_many(self._database, "address (hash, kid)", named)
            self._remember(dict(fresh.values()))
        return known | {address: kid for address, (kid, _) in fresh.items()}

    def kids_known(self, addresses: Sequence[str]) -> list[str]:
        """The key ids of those of these addresses (keyed hashes) that have one."""
        with self._lock, in_our_words(self._path):
            query = f"SELECT kid FROM address WHERE hash IN ({placeholders(addresses)})"  # noqa: S608 - only marks
            return [str(row[0]) for row in self._database.execute(query, addresses).fetchall()]

    def alive(self, kids: Sequence[str]) -> list[str]:
        """Those of these keys that are not destroyed here."""
        gone: set[str] = set()
        with self._lock, in_our_words(self._path):
            for some in _in_parts(kids):
                query = f"SELECT kid FROM key WHERE wrapped = ? AND kid IN ({placeholders(some)})"  # noqa: S608 - only marks
                gone.update(row[0] for row in self._database.execute(query, (GONE, *some)))
        return [kid for kid in kids if kid not in gone]

    def get(self, kid: str) -> bytes:
        """The key. Raises KeyDestroyed, KeyMissing, KeyUnreadable."""
        with self._lock:
            cached = self._cache.get(kid)
            if cached is not None:
                self._cache.move_to_end(kid)
                return cached
            with in_our_words(self._path):
                row = self._database.execute(
                    "SELECT wrapped FROM key WHERE kid = ?", (kid,)
                ).fetchone()
            if row is None:
                raise KeyMissing(kid)
            if row[0] == GONE:
                raise KeyDestroyed(kid)
            key = unwrap(self._home_key, row[0])
            if key is None:
                raise KeyUnreadable(kid)
            self._remember({kid: key})
            return key

    def _remember(self, keys: Mapping[str, bytes]) -> None:
        self._cache.update(keys)
        while len(self._cache) > self._cached_max:
            self._cache.popitem(last=False)

    def naming_key(self) -> bytes:
        """The key of keyed hashes: the home's first key, whichever it has now. Raises Broken."""
        with self._lock, in_our_words(self._path):
            row = self._database.execute("SELECT wrapped FROM naming").fetchone()
        if row is None:
            return self._home_key
        key = unwrap(self._home_key, row[0])
        if key is None:
            raise Broken("The key store is damaged: the key of names does not open.")
        return key

    def rewrap(self, home_key: bytes) -> int:
        """Wrap every key under another home key, all or none; returns how many it could not open.

        Those stay as they are, and so does what was destroyed. Durable on return. Raises Broken;
        Busy where another reader keeps old bytes in the log.
        """
        naming = self.naming_key()
        unread = 0
        with self._lock, in_our_words(self._path):
            with _transaction(self._database):
                unread = self._rewrap_keys(home_key)
                check = (aes_key_wrap(home_key, CHECK),)
                self._database.execute("UPDATE home SET wrapped = ?", check)
                into = "INSERT OR REPLACE INTO naming (one, wrapped) VALUES (1, ?)"
                self._database.execute(into, (aes_key_wrap(home_key, naming),))
            self._home_key = home_key
            self._cache.clear()
            is_busy = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if is_busy:
            raise Busy(
                "The key store's log is held open by another reader.",
                "Keys under the old home key may still lie in the file.",
            )
        return unread

    def _rewrap_keys(self, home_key: bytes) -> int:
        last, unread = 0, 0
        page = "SELECT id, wrapped FROM key WHERE id > ? ORDER BY id LIMIT ?"
        while rows := self._database.execute(page, (last, _IN_ONE_QUERY)).fetchall():
            last = rows[-1][0]
            kept = [(id_, unwrap(self._home_key, wrapped)) for id_, wrapped in rows
                    if wrapped != GONE]  # fmt: skip
            unread += sum(key is None for _, key in kept)
            again = [(aes_key_wrap(home_key, key), id_) for id_, key in kept if key is not None]
            self._database.executemany("UPDATE key SET wrapped = ? WHERE id = ?", again)
        return unread

    def destroy(self, kids: Iterable[str], addresses: Sequence[str] | None = None) -> None:
        """Make these keys unreadable for ever, here and in every file, and unbind their addresses:
        those that are named, or whichever a look at all of them finds.

        One that is not here yet, because its unit is on its way, cannot come in any more.

        Raises Busy where another connection holds the log of the file open: the keys are then
        gone from the store, but bytes of them may remain until `destroy` is called again.
        """
        wanted = sorted(set(kids))
        with self._lock, in_our_words(self._path):
            for kid in wanted:
                self._cache.pop(kid, None)
            # the checkpoint syncs the log before it writes the file: once is enough
            self._database.execute("PRAGMA synchronous = NORMAL")
            try:
                self._overwrite(wanted, addresses)
                self._empty_log()
            finally:
                self._database.execute("PRAGMA synchronous = FULL")
        if self._is_log_left:
            raise Busy(
                "The key store's log is held open by another reader.",
                "The keys no longer open anything; their bytes may still lie in that log until "
                "the worker can empty it.",
            )

    def is_log_empty(self) -> bool:
        """Whether nothing of a destroyed key is left in the log; where a reader kept an erasure or
        an earlier life from emptying it, that is tried again."""
        with self._lock, in_our_words(self._path):
            if self._is_log_left:
                self._empty_log()
            return not self._is_log_left

    def _empty_log(self) -> None:
        """At once or not at all: whoever wants a key meanwhile would wait as long."""
        (patience_ms,) = self._database.execute("PRAGMA busy_timeout").fetchone()
        self._database.execute("PRAGMA busy_timeout = 0")
        try:
            is_busy = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            self._database.execute(f"PRAGMA busy_timeout = {patience_ms}")
        self._is_log_left = bool(is_busy)

    def _overwrite(self, kids: Sequence[str], addresses: Sequence[str] | None) -> None:
        with _transaction(self._database):
            gone = [(kid, GONE) for kid in kids]
            over = "ON CONFLICT (kid) DO UPDATE SET wrapped = excluded.wrapped"
            insert_many(self._database, "key (kid, wrapped)", gone, over)
            by, names = ("kid", kids) if addresses is None else ("hash", addresses)
            for some in _in_parts(names):
                sql = f"DELETE FROM address WHERE {by} IN ({placeholders(some)})"  # noqa: S608 - only marks
                self._database.execute(sql, some)

    def __repr__(self) -> str:
        return f"KeyStore({len(self._cache)} keys cached)"


def home_key(folder: Path, chance: Chance, *, may_create: bool = True) -> bytes:
    """The key that wraps all others: `home.key`, 32 bytes, made on first use. Raises Broken.

    Losing it loses every body; a copy of it together with keys.db opens every body. With
    `may_create=False`, for a home that has records, raises SecretLost where there is none.
    """
    path = folder / HOME_KEY

    def make() -> bytes:
        if not may_create:
            raise SecretLost(path, "no name, address or message in this home can be read")
        return chance.token(KEY_BYTES)

    key = read_or_create_private(path, make)
    if len(key) != KEY_BYTES:
        raise Broken(
            f"'{path}' has {len(key)} bytes; the home's key has {KEY_BYTES}.",
            "No key was opened.",
            "put back the home.key that belongs to this home",
        )
    return key


def is_opened_by(path: Path, home_key: bytes) -> bool:
    """Whether this key store is wrapped under this home key. Raises Broken."""
    with in_our_words(path), closing(open_reader(path)) as database:
        row = database.execute("SELECT wrapped FROM home").fetchone()
    return row is not None and unwrap(home_key, row[0]) == CHECK


def is_made_with(database: sqlite3.Connection, home_key: bytes) -> bool:
    """Whether the store was made with this key; False where it was not made yet."""
    row = database.execute("SELECT wrapped FROM home").fetchone()
    if row is None:
        return False
    check = unwrap(home_key, row[0])
    if check is None:
        raise Broken(
            "The home's key does not open the key store.",
            "Nothing was read.",
            "put back the home.key that belongs to this home",
        )
    if check != CHECK:
        raise Broken("The key store is damaged: its own check does not read as written.")
    return True


def _make(database: sqlite3.Connection, home_key: bytes) -> None:
    wrapped = aes_key_wrap(home_key, CHECK)
    with _transaction(database):
        database.execute("INSERT INTO home (wrapped) VALUES (?)", (wrapped,))


def _lost(path: Path) -> SecretLost:
    return SecretLost(path, "no message or name that was sealed so far can be read")


def unwrap(home_key: bytes, wrapped: bytes) -> bytes | None:
    """The key that lies there; None where these bytes are not one that `home_key` wrapped."""
    try:
        return aes_key_unwrap(home_key, wrapped)
    except (InvalidUnwrap, ValueError):
        return None


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        rollback(database)
        raise
    database.execute("COMMIT")


def _in_parts(kids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(kids), _IN_ONE_QUERY):
        yield kids[start : start + _IN_ONE_QUERY]
