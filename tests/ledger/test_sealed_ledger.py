"""What the platform seals, both verifiers accept, and it opens again until its key is destroyed."""

import asyncio
import importlib.util
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from answerable.base.chance import SeededChance
from answerable.engine.port import Record
from answerable.ledger.bodies import new_kid, open_body
from answerable.ledger.domain import AgentRef, Owner, Seal
from answerable.ledger.draft import Body, Draft, Unit
from answerable.ledger.note import note_text, parse_checkpoint
from answerable.ledger.sealing import Sealing, empty_head, head_from, seal
from answerable.ledger.tiles import TileWriter
from answerable.ledger.verify import verify_feed
from answerable.store.keys import KeyDestroyed, KeyStore
from small_ledger import KEYS, SIGNER, feed

KEY = b"k" * 32
KID = new_kid(KEY)
SECOND = Path(__file__).parents[2] / "verify" / "answerable_verify.py"


def unit(number: int) -> Unit:
    """One interaction: what came in, and what was decided about it; 0 is what all stand on."""
    if not number:
        return Unit(
            drafts=[
                Draft(kind="owner.accepted", id="own_1", actor="per_ada",
                      change={"agent": "a", "person": "per_ada"}),
                Draft(kind="release.registered", id="rel_1", actor="per_ada",
                      change={"agent": "a", "release": "rel_1", "policy": "set_1"}),
            ]
        )  # fmt: skip
    arrived = Draft(
        kind="received", id=f"msg_{number}", actor="rail", party="pty_1",
        body=Body(kid=KID, data=f"Where is order {number}?".encode()),
    )  # fmt: skip
    decided = Draft(
        kind="decided", id=f"dec_{number}", party="pty_1", parent=f"msg_{number}",
        owner=Owner(person="per_ada", accepted_at=0), agent=AgentRef(id="a", release="rel_1"),
    )  # fmt: skip
    return Unit(drafts=[arrived, decided])


async def sealed(keys: KeyStore, batches: int) -> list[Record]:
    head, records = empty_head(), list[Record]()
    counters = Counter[str]()  # a counter that is new stands at 0
    for batch in range(batches):
        sealing = Sealing(
            units=[unit(3 * batch + n) for n in range(3)],
            head=head,
            ts=1_767_225_600_000_000 + batch,
            lasts=lambda names: {name: counters[name] for name in names},
            keys=keys,
            nonces=SeededChance(batch).token(12 * 6),
        )
        done = seal(sealing)
        seal_record = await done.signed(SIGNER)
        records += [*done.records, seal_record]
        counters.update(Counter(done.head.counters) - counters)
        head = head_from(seal_record.data)  # as after a restart
    return records


def test_a_sealed_ledger_is_good_for_both_verifiers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = KeyStore.open(tmp_path / "keys.db", bytes(32))
    keys.put_many({KID: KEY})
    records = asyncio.run(sealed(keys, 50))
    verified = asyncio.run(verify_feed(feed(records), KEYS))
    assert (verified.entries, verified.seals, verified.problem) == (300, 50, None)
    entries = [record for record in records if record.kind != "checkpoint"]
    note = msgspec.json.decode(records[-1].data, type=Seal).note
    assert parse_checkpoint(note_text(note)).root.hex() == verified.root
    TileWriter(tmp_path / "log").publish(0, [record.data for record in entries], note)
    spec = importlib.util.spec_from_file_location("answerable_verify", SECOND)
    assert spec is not None
    assert spec.loader is not None
    second = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(second)
    assert second.main([str(tmp_path / "log"), "--vkey", SIGNER.vkey.encode()]) == 0
    assert verified.root in capsys.readouterr().out
    keys.close()


def test_erasing_a_person_leaves_every_proof_valid_and_no_body_readable(tmp_path: Path) -> None:
    keys = KeyStore.open(tmp_path / "keys.db", bytes(32))
    keys.put_many({KID: KEY})
    records = asyncio.run(sealed(keys, 2))
    body = records[2].body
    assert body is not None
    assert open_body(keys.get(KID), KID, "msg_1", body) == b"Where is order 1?"
    before = asyncio.run(verify_feed(feed(records), KEYS))
    keys.destroy([KID])
    assert asyncio.run(verify_feed(feed(records), KEYS)) == before
    assert before.problem is None
    with pytest.raises(KeyDestroyed):
        keys.get(KID)
    keys.close()
