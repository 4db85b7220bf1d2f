"""The same keys, nonces, clock and units are sealed to the same bytes by every version of us."""

import asyncio
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from answerable.adapters.signers.file import FileSigner
from answerable.base.chance import SeededChance
from answerable.engine.port import Record
from answerable.ledger import bodies
from answerable.ledger.domain import (
    Action,
    AgentRef,
    Effect,
    Evidence,
    ModelUse,
    Outcome,
    PolicyUse,
    Trace,
)
from answerable.ledger.draft import Body, Draft, Memo, Unit
from answerable.ledger.sealing import Sealing, empty_head, seal
from answerable.store.keys import KeyStore
from committing import draft

KEYS = (bytes(range(32)), bytes(range(32, 64)))
KIDS = tuple(map(bodies.new_kid, KEYS))

PINNED = {
    "full": "75d17c8206037d2b95a149a8d069222bb94eaf13cb2057eace52356fab17b631",
    "plain": "e6ca656c5b85dbfebaae0048cda4bcdcd87bf7cdd3e63547ef91cecbd19d1d61",
    "owned": "73b25bb8c0f8f2c4d86a4a400d1ecc48109f24c75ffd71b14910247e7f43bacf",
    "step": "e5a9b7aa49db4aaabecc5b49e992957385179ac1078ec397bd8bf0c23dc730b3",
    "ckp_3": "8308f0cbbe67828b4bd747262e372710c45bfb02f83714a77c19c749fc211ba2",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    store = KeyStore.open(tmp_path / "keys.db", b"h" * 32)
    store.put_many(dict(zip(KIDS, KEYS, strict=True)))
    yield store
    store.close()


def full() -> Draft:
    """Every field filled."""
    looked_at = (Evidence(name="order", kind="mail", commit="00ff"),)
    return draft(
        "full",
        kind="decided",
        agent=AgentRef(id="support", release="rel_0"),
        parent="msg_0",
        trace=Trace(interaction="int_0", case="cas_0"),
        inputs=looked_at,
        evidence=looked_at,
        policy=(PolicyUse(set="0" * 64, context="1" * 64, verdict="allow", reasons=("a:1 @b",)),),
        action=Action(kind="tool", name="refund", commit="2", amount_minor=4000, currency="USD"),
        effect=Effect(id="eff_0", key="eff_0", repeat="reconcilable", attempt=2, after="eff_9"),
        outcome=Outcome(status="done", reason='\u2028 "said"', commit="3"),
        change={"zeta": 1, "alpha": "two", "Alpha": "three"},
        model=ModelUse(use="openai:gpt-5-mini", models=("m",), params={"t": 1, "a": "b"}, calls=1),
        body=Body(kid=KIDS[0], data=b"Where is my order? " * 40),
    )


def units() -> list[Unit]:
    step = Memo(key="step", body=Body(kid=KIDS[1], data=b"what was read"))
    sealed = Body(kid=KIDS[0], data=b"ciphertext as it came", is_sealed=True)
    return [
        Unit(arrival="arr_0", drafts=[full()], memos=[step]),
        Unit(drafts=[Draft(kind="outcome", id="plain", actor="system:hallway")]),
        Unit(drafts=[draft("owned", 1, body=sealed)]),
    ]


async def sealed(store: KeyStore, tmp_path: Path) -> list[Record]:
    nonces = SeededChance(3).token(12 * 4)
    counted = {"s/pty_a": 41}
    batch = seal(
        Sealing(
            units=units(), head=empty_head(), ts=1_700_000_000_000_000,
            lasts=lambda names: dict.fromkeys(names, 0) | counted, keys=store, nonces=nonces,
        )
    )  # fmt: skip
    chance = SeededChance(5)
    signer = FileSigner.open(tmp_path / "signer.key", name="test.example/log", chance=chance)
    return [*batch.records, await batch.signed(signer)]


def test_a_batch_is_sealed_to_the_bytes_that_it_always_was(store: KeyStore, tmp_path: Path) -> None:
    records = asyncio.run(sealed(store, tmp_path))
    parts = {r.key: b"\n".join([r.kind.encode(), r.data, r.body or b""]) for r in records}
    assert {key: sha256(part).hexdigest() for key, part in parts.items()} == PINNED
    assert [record.arrival for record in records] == ["arr_0", "arr_0", None, None, None]
