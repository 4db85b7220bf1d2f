"""Attacks on what is sealed: two faces, others' words, guesses, words that should be gone."""

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from answerable.ledger.bodies import BodyUnreadable, commit, expand, new_kid, open_body, seal
from answerable.ledger.keyed import hmac_sha256
from answerable.worker.deep import verify_deep
from attacked.attack import Caught, attack, refused
from erasing import erase, found, says
from forgotten import CANARY, opened, scanned
from stories import run

ONE, TWO = b"1" * 32, b"2" * 32  # the keys of two parties
NONCE = bytes(12)
ID = "dec_1"
_BLOCK = 16
_REDUCTION = 0xE1 << 120  # x^128 + x^7 + x^2 + x + 1, bits reflected (NIST SP 800-38D section 6.3)


def times(one: int, other: int) -> int:
    """The product in GF(2^128) as GCM has it."""
    product = 0
    for bit in range(127, -1, -1):
        if one >> bit & 1:
            product ^= other
        other = other >> 1 ^ (_REDUCTION if other & 1 else 0)
    return product


def inverse(one: int) -> int:
    """One ** (2**128 - 2)."""
    result, power = 1 << 127, one
    for _ in range(127):
        power = times(power, power)
        result = times(result, power)
    return result


def encrypted(key: bytes, block: bytes) -> int:
    cipher = Cipher(AES(key), ECB()).encryptor()
    return int.from_bytes(cipher.update(block), "big")


def two_faced(one: bytes, two: bytes, id_: bytes) -> bytes:
    """A ciphertext with its tag that AES-GCM opens under both keys, to two texts.

    Its last block is what makes both tags one: a linear equation (Grubbs, Lu, Ristenpart, CRYPTO
    2017, section 4). The associated data is one block.
    """
    first = b"\x00" * _BLOCK
    lengths = (8 * len(id_)) << 64 | 8 * 2 * _BLOCK
    known, squares = [], []
    for key in (one, two):
        h = encrypted(key, bytes(_BLOCK))
        mask = encrypted(key, NONCE + b"\x00\x00\x00\x01")
        total = 0
        for block in (id_.ljust(_BLOCK, b"\0"), first):
            total = times(total ^ int.from_bytes(block, "big"), h)
        square = times(h, h)
        known.append(times(total, square) ^ times(lengths, h) ^ mask)
        squares.append(square)
    last = times(known[0] ^ known[1], inverse(squares[0] ^ squares[1]))
    tag = known[0] ^ times(last, squares[0])
    return first + last.to_bytes(_BLOCK, "big") + tag.to_bytes(_BLOCK, "big")


@attack("give a ciphertext two faces", holds="the company", seen=r"The key is not")
def two_faces(_: Path) -> Caught | None:
    content = [expand(key, b"answerable/body/" + ID.encode()) for key in (ONE, TWO)]
    forged = two_faced(content[0], content[1], ID.encode())
    faces = {AESGCM(key).decrypt(NONCE, forged, ID.encode()) for key in content}
    assert len(faces) == 2, "AES-GCM alone does not see it"
    body, kid = NONCE + forged, new_kid(ONE)
    assert open_body(ONE, kid, ID, body) in faces  # the entry names this key, and no other
    return refused("the key's id", BodyUnreadable, lambda: open_body(TWO, kid, ID, body))


@attack("move a ciphertext to another party", holds="the disk", seen=r"not as it was sealed")
def moved(_: Path) -> Caught | None:
    body = seal(ONE, ID, b"refund 4000", NONCE)
    return refused("the seal", BodyUnreadable, lambda: open_body(TWO, new_kid(TWO), ID, body))


@attack("move a ciphertext to another entry", holds="the disk", seen=r"not as it was sealed")
def moved_within(_: Path) -> Caught | None:
    body = seal(ONE, ID, b"refund 4000", NONCE)
    return refused("the seal", BodyUnreadable, lambda: open_body(ONE, new_kid(ONE), "dec_2", body))


@attack("guess the words behind a commitment", holds="the disk", seen=r"none of \d+ guesses")
def guess(_: Path) -> Caught | None:
    words = [f"refund {amount}".encode() for amount in range(10_000)]
    secret = words[4_000]
    assert sha256(secret).hexdigest() in {sha256(each).hexdigest() for each in words}, "it is easy"
    known = commit(ONE, "request", secret)
    tried = {sha256(each).hexdigest() for each in words}
    tried |= {hmac_sha256(bytes(32), each).hex() for each in words}
    tried |= {commit(bytes(32), "request", each) for each in words}
    if known in tried:
        return None
    return Caught("the key of the commitment", f"none of {len(tried)} guesses is {known[:12]}...")


class Erased(NamedTuple):
    """A home that has erased its party, the party's key as it was, and all that opened before."""

    home: Path
    kid: str
    key: bytes
    opened: list[bytes]


def home_of_one_erased(to: Path) -> Erased:
    kept: list[Erased] = []

    async def scenario() -> None:
        world = await found(to)
        async with world.running() as life:
            kim = await says(life, f"my {CANARY} is ill")
            kid = life.house.hall.parties.get(kim).kid
            key = life.house.keys.get(kid)
            kept.append(Erased(to / "home", kid, key, opened(to / "home")))
            await erase(life, kim)

    run(scenario)
    return kept[0]


def said(texts: list[bytes]) -> bool:
    return any(CANARY.encode() in text for text in texts)


@attack("record an erasure, and keep the key", holds="the company", seen=r"that it destroyed is")
def fake_erasure(to: Path) -> Caught | None:
    home, kid, key, _ = home_of_one_erased(to)
    assert not [one for one in verify_deep(home).problems if one.what == "keys"]
    put_back(home, kid, key)
    problems = [one for one in verify_deep(home).problems if one.what == "keys"]
    return Caught("verify --deep", problems[0].problem) if problems else None


def put_back(home: Path, kid: str, key: bytes) -> None:
    with closing(sqlite3.connect(home / "keys.db")) as database, database:
        wrapped = aes_key_wrap((home / "home.key").read_bytes(), key)
        database.execute("UPDATE key SET wrapped = ? WHERE kid = ?", (wrapped, kid))


@attack("read the words of an erased party", holds="the disk", seen=r"\d+ bodies opened before")
def erased_alive(to: Path) -> Caught | None:
    """Every key that is left is tried on every body, as it was before the erasure."""
    home, _, _, before = home_of_one_erased(to)
    assert said(before), "while its keys were there the words could be read"
    if said(opened(home)) or scanned(home):
        return None
    return Caught("the destroyed keys", f"{len(before)} bodies opened before, none of its now")
