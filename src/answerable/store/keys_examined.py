"""Is every row of a key store as it was written? Asked of a file that nobody writes."""

import sqlite3
from collections.abc import Callable, Iterator

from answerable.store.keys import CHECK, GONE, HOME_KEY, KEYS, unwrap


def destroyed_rows(database: sqlite3.Connection) -> list[str]:
    """The ids of keys that were destroyed in it."""
    rows = database.execute("SELECT kid FROM key WHERE wrapped = ? ORDER BY id", (GONE,))
    return [str(row[0]) for row in rows.fetchall()]


def wrong_rows(
    database: sqlite3.Connection, home_key: bytes, kid_of: Callable[[bytes], str]
) -> Iterator[tuple[str, str]]:
    """(where, what is wrong) of each row that is not as it was written; a key names itself."""
    homes = database.execute("SELECT wrapped FROM home").fetchall()
    rows = database.execute("SELECT kid, wrapped FROM key ORDER BY id").fetchall()
    if [unwrap(home_key, row[0]) for row in homes] != [CHECK]:
        if not any(unwrap(home_key, wrapped) for _, wrapped in rows):
            yield HOME_KEY, f"it opens nothing in {KEYS}"
            return
        yield "table home", "the home's key does not open it"
    for (wrapped,) in database.execute("SELECT wrapped FROM naming"):
        if unwrap(home_key, wrapped) is None:
            yield "table naming", "the home's key does not open it"
    alive = set()
    for kid, wrapped in rows:
        key = None if wrapped == GONE else unwrap(home_key, wrapped)
        if key is not None and kid_of(key) == kid:
            alive.add(kid)
        elif wrapped != GONE:
            yield f"table key, kid {kid!r}", "it is damaged: it does not open as the key it names"
    for hash_, kid in database.execute("SELECT hash, kid FROM address ORDER BY hash"):
        if kid not in alive:
            yield f"table address, hash {hash_!r}", "its key is not there"
