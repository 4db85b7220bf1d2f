"""A key store as it lies in a backup: every row of it, sealed under the key of the backup's epoch.

Rows go from the store into the sealed file and from there into a new store, and nowhere else: no
file of a backup ever held them in plain, and a key that was erased since never reaches the disk of
the home that is restored.

The form: a line that says what it is and of which epoch, 16 bytes of chance, then parts of up to
4,096 rows: four bytes that say how long, and the rows in MessagePack under AES-256-GCM. The key is
the epoch's through HKDF-SHA-256 (RFC 5869) with that chance as salt, the nonce counts the parts and
marks the last one (STREAM, Hoang et al. 2015), and the line is the associated data: no part can be
left out, moved or taken from another backup.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from answerable.base.chance import Chance
from answerable.base.errors import Broken
from answerable.store.keys import GONE, MIGRATIONS, KeyStore, is_made_with
from answerable.store.sqlite import in_our_words, insert_many, open_reader, open_writer

KEYS_SEALED = "keys.sealed"  # in a backup, beside its home
_LINE = "answerable-keys/v1 {}\n"
_SALT_BYTES, _KEY_BYTES, _COUNT_BYTES, _LENGTH_BYTES = 16, 32, 11, 4
_ROWS = 4_096
_PART_BYTES_MAX = 1 << 24
_TABLES = {
    "home": "wrapped", "naming": "one, wrapped", "key": "id, kid, wrapped", "address": "hash, kid",
}  # fmt: skip
_ORDER = {"key": "id", "address": "hash"}

_Row = tuple[object, ...]
_Part = tuple[str, list[_Row]]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, list[tuple[object, ...]]]).decode


class SealedKeysDamaged(Broken):
    """What a backup holds of the key store is not what was sealed, or not of this epoch."""

    code = "sealed_keys_damaged"


@dataclass(frozen=True, slots=True)
class Seal:
    """An epoch and its key."""

    epoch: str
    key: bytes


def seal_keys(source: Path, target: Path, seal: Seal, chance: Chance) -> None:
    """Write every row of the key store `source`, as of one instant, into the new file `target`;
    durable on return. Whoever writes keys meanwhile waits for nothing. Raises Broken."""
    salt = chance.token(_SALT_BYTES)
    line = _LINE.format(seal.epoch).encode()
    cipher = _cipher(seal.key, salt)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with (
        os.fdopen(descriptor, "wb") as file, in_our_words(source),
        closing(open_reader(source)) as reader,
    ):  # fmt: skip
        file.write(line + salt)
        reader.execute("BEGIN")
        count = 0
        for count, part in enumerate(_parts_of(reader), 1):
            _write(file, cipher.encrypt(_nonce(count - 1), _encode(part), line))
        _write(file, cipher.encrypt(_nonce(count, is_last=True), b"", line))
        file.flush()
        os.fsync(file.fileno())


def sealed_rows(path: Path, seal: Seal) -> Iterator[_Part]:
    """Each part in order: a table, and rows of it. Raises SealedKeysDamaged."""
    line = _LINE.format(seal.epoch).encode()
    with path.open("rb") as file:
        if file.read(len(line)) != line:
            raise _damaged(path, f"it is not of epoch {seal.epoch}")
        cipher = _cipher(seal.key, file.read(_SALT_BYTES))
        count = 0
        while True:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "big")
            data = file.read(min(length, _PART_BYTES_MAX))
            try:
                part = cipher.decrypt(_nonce(count), data, line)
            except (InvalidTag, ValueError):
                break
            yield _checked(path, part)
            count += 1
        try:
            cipher.decrypt(_nonce(count, is_last=True), data, line)
        except (InvalidTag, ValueError):
            raise _damaged(path, f"part {count} of it does not open") from None
        if file.read(1):
            raise _damaged(path, "something stands behind its end")


def build_keys(parts: Iterable[_Part], path: Path, erased: frozenset[str] = frozenset()) -> None:
    """Make the key store `path` of these rows; a key that was erased is destroyed in it from the
    beginning, and its address is nobody's. Durable on return. Raises Broken."""
    with in_our_words(path), closing(open_writer(path, MIGRATIONS)) as database:
        path.chmod(0o600)
        database.execute("BEGIN IMMEDIATE")
        _fill(database, parts, erased)
        database.execute("COMMIT")


def keys_in_memory(path: Path, seal: Seal, home_key: bytes) -> KeyStore:
    """The keys of a sealed file, without addresses: to open what they sealed. Some 150 bytes of
    memory each. Raises SealedKeysDamaged; Broken where `home_key` is not theirs."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    for _, sql in MIGRATIONS:
        database.executescript(sql)
    parts = (part for part in sealed_rows(path, seal) if part[0] != "address")
    _fill(database, parts, frozenset())
    if not is_made_with(database, home_key):
        raise _damaged(path, "it holds no keys")
    return KeyStore(path, database, home_key)


def _fill(database: sqlite3.Connection, parts: Iterable[_Part], erased: frozenset[str]) -> None:
    for table, rows in parts:
        kept = rows
        if table == "key":
            kept = [(row[0], row[1], GONE if row[1] in erased else row[2]) for row in rows]
        elif table == "address":
            kept = [row for row in rows if row[1] not in erased]
        insert_many(database, f"{table} ({_TABLES[table]})", kept)


def _parts_of(reader: sqlite3.Connection) -> Iterator[_Part]:
    return chain.from_iterable(_table(reader, name) for name in _TABLES)


def _table(reader: sqlite3.Connection, name: str) -> Iterator[_Part]:
    order = f" ORDER BY {_ORDER[name]}" if name in _ORDER else ""
    cursor = reader.execute(f"SELECT {_TABLES[name]} FROM {name}{order}")  # noqa: S608 - our own names
    while rows := cursor.fetchmany(_ROWS):
        yield name, rows


def _checked(path: Path, part: bytes) -> _Part:
    try:
        table, rows = _decode(part)
    except msgspec.DecodeError as error:
        raise _damaged(path, "it holds no rows") from error
    width = _TABLES.get(table, "").count(",") + 1
    if table not in _TABLES or any(len(row) != width for row in rows):
        raise _damaged(path, "its rows are of no key store")
    return table, rows


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    derived = HKDF(SHA256(), _KEY_BYTES, salt, b"answerable/backup/keys").derive(key)
    return AESGCM(derived)


def _nonce(count: int, *, is_last: bool = False) -> bytes:
    return count.to_bytes(_COUNT_BYTES, "big") + bytes([is_last])


def _write(file: BinaryIO, data: bytes) -> None:
    file.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)


def _damaged(path: Path, what: str) -> SealedKeysDamaged:
    return SealedKeysDamaged(
        f"'{path.name}' of the backup is damaged: {what}.", "Nothing was restored.",
        "take another copy of this backup, or an earlier one",
    )  # fmt: skip
