"""What is left of an erased party in the files of a home: bytes in any form, keys that open any."""

import base64
import contextlib
import re
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from answerable.ledger.bodies import expand

CANARY = "kanarienvogel"  # in each thing that only the erased party's bodies may hold
_NONCE = 12


def forms(word: str) -> Iterator[bytes]:
    """A word as it may lie in a file: plain, and as encoders write it wherever it begins."""
    plain = word.encode()
    yield plain
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    yield word.encode("utf-16-le")
    yield word.encode("utf-16-be")
    yield "".join(f"\\u{ord(char):04x}" for char in word).encode()
    for shift in range(3):  # the parts of base64 that do not hang on what stands around it
        encoded = base64.b64encode(bytes(shift) + plain)
        whole = encoded[(4 if shift else 0) : len(encoded) - 4]
        yield whole
        yield whole.translate(bytes.maketrans(b"+/", b"-_"))


def inflated(data: bytes) -> Iterator[bytes]:
    """Whatever in these bytes is a zlib or gzip stream."""
    for magic, bits in ((b"\x78\x01", 15), (b"\x78\x9c", 15), (b"\x78\xda", 15), (b"\x1f\x8b", 31)):
        start = data.find(magic)
        while start >= 0:
            with contextlib.suppress(zlib.error):
                yield zlib.decompressobj(bits).decompress(data[start:], 1 << 20)
            start = data.find(magic, start + 1)


def lies_in(data: bytes) -> bool:
    lowered = data.lower()
    wanted = [form.lower() for form in forms(CANARY)]
    plain = CANARY.encode()
    return any(form in lowered for form in wanted) or any(
        plain in one.lower() for one in inflated(data)
    )


def scanned(home: Path) -> list[str]:
    """The files in which the canary lies in some form; those beside the home, as logs, too."""
    beside = [path for path in home.parent.iterdir() if path.is_file()]
    files = [path for path in [*home.rglob("*"), *beside] if path.is_file()]
    ours = [path for path in files if path.name != "sent.jsonl"]  # that is the outside's
    return [path.name for path in ours if lies_in(path.read_bytes())]


_AFTER_ITS_ID = re.compile(rb"(?<=[A-Za-z0-9_-]{32})(?=(.{40}))", re.DOTALL)
"""Where a wrapped key can lie: a row of the key store, in whichever page of the file or its log."""


def keys_left(home: Path) -> list[bytes]:
    """Every key that anything in the home still gives away, whatever it is called."""
    secret = (home / "home.key").read_bytes()
    found: dict[bytes, None] = {secret: None}
    for path in home.glob("keys.db*"):
        for match in _AFTER_ITS_ID.finditer(path.read_bytes()):
            with contextlib.suppress(InvalidUnwrap):
                found[aes_key_unwrap(secret, match[1])] = None
    return list(found)


def opened(home: Path) -> list[bytes]:
    """Every ciphertext of the home under every key that is left, where one opens it."""
    with closing(sqlite3.connect(f"file:{home}/answerable.db?mode=ro", uri=True)) as database:
        sealed = database.execute("SELECT key, body FROM record WHERE body IS NOT NULL").fetchall()
    found, keys = [], keys_left(home)
    for name, body in sealed:
        for key in keys:
            content = AESGCM(expand(key, b"answerable/body/" + name.encode()))
            with contextlib.suppress(InvalidTag):
                found.append(content.decrypt(body[:_NONCE], body[_NONCE:], name.encode()))
    return found
