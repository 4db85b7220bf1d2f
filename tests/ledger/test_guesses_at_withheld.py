"""What is given of a party tests no guess at what is withheld of them."""

import asyncio
import hmac
import json
from hashlib import sha256
from pathlib import Path

from answerable.effects.intent import decode_intent
from answerable.ledger.note import decode_base64
from answerable.testing.world import OWNER, SPECIALIST
from answerable.worker import verbs
from answerable.worker.commands import call
from answerable.worker.commands.office import Office
from exported import members
from offices import asking, open_for, small_world


async def lived(folder: Path) -> tuple[dict[str, bytes], dict[str, bytes], str, bytes]:
    """What the owner who let go is given of a party, and the one who came after; a decision that
    was taken in the second one's name, and the bytes of its action."""
    world = await small_world(folder / "home")
    async with world.running() as life:
        await life.say("hello", external_id="m1")
        await life.settled()
        await asking(life)(verbs.OwnerSet("support", SPECIALIST, OWNER))
        await asking(life)(verbs.OwnerAccept("support", SPECIALIST))
        await life.say("refund 2500", external_id="m2")
        await life.settled()
        last = (await life.entries("decided"))[-1].id
        party = str(life.db.execute("SELECT id FROM party").fetchone()[0])
    async with open_for(world) as office:
        entry, record = await office.entry(last)
        assert entry.body is not None
        words = office.house.hall.keyring.open(entry.body.kid, entry.id, record.body or b"")
        files = [
            await _given(office, folder / f"{by}.zip", party, by) for by in (OWNER, SPECIALIST)
        ]
        return files[0], files[1], last, bytes(decode_intent(words).action)


async def _given(office: Office, to: Path, party: str, by: str) -> dict[str, bytes]:
    await call(office, verbs.LedgerExport(str(to), "party", party, bodies_by=by))
    return members(to)


def confirmed(held: dict[str, bytes], decision: str, guess: bytes) -> bool:
    """Whether a key in this file says that the guess is what that decision was about."""
    entries = [json.loads(data) for name, data in held.items() if name.startswith("entries/")]
    commit = next(one["action"]["commit"] for one in entries if one["id"] == decision)
    bodies = [json.loads(data) for name, data in held.items() if name.startswith("bodies/")]
    keys = [decode_base64(one["commit_key"]) for one in bodies if "commit_key" in one]
    label = len(b"action").to_bytes(4, "big") + b"action"
    return commit in [hmac.new(key, label + guess, sha256).hexdigest() for key in keys]


def test_who_may_not_read_a_decision_cannot_test_guesses_at_it(tmp_path: Path) -> None:
    first, second, decision, action = asyncio.run(lived(tmp_path))
    told = json.loads(first["answer.json"])["bodies"]
    assert told["given"]
    assert {one["why"] for one in told["withheld"]} == {"not_allowed"}
    assert not confirmed(first, decision, action)
    assert confirmed(second, decision, action), "who reads all of it is shown what it commits to"
