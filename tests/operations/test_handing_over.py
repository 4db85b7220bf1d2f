"""The log gets another key: who knew the old one follows; its thief is not believed."""

import asyncio
import importlib.util
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from answerable.adapters.engines.embedded.journal import FeedFile
from answerable.adapters.signers.file import FileSigner
from answerable.adapters.signers.handing import SIGNER_KEY_NEXT
from answerable.base.chance import SeededChance
from answerable.compose.house import open_house
from answerable.engine.port import Record
from answerable.ledger.domain import SEAL_KIND, Seal
from answerable.ledger.draft import Draft, Unit
from answerable.ledger.note import VerifierKey, sign_note, verify_checkpoint
from answerable.ledger.verify import verify_feed
from answerable.testing.world import Life, Till
from answerable.worker.publisher import Publisher
from answerable.worker.rotation import rotate_signer
from answerable.worker.verification import chain_in, verify_home
from deaths import Dead, dying_at
from homes import OWNER, SmallHome, working
from stories import inline_world, support

SCRIPT = Path(__file__).parents[2] / "verify" / "answerable_verify.py"


@pytest.fixture
def home(tmp_path: Path) -> SmallHome:
    made = SmallHome(tmp_path / "home").found()
    made.cli("person", "list").check()
    return made


@pytest.fixture(scope="module")
def stranger() -> ModuleType:
    spec = importlib.util.spec_from_file_location("answerable_verify", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def vkey_of(home: SmallHome) -> str:
    return (home.path / "ledger.vkey").read_text().strip()


def rotate(home: SmallHome) -> str:
    said = home.cli("key", "rotate-signer", "--by", OWNER, "--yes").check()
    return said.out.strip()


def believes(stranger: ModuleType, home: SmallHome, vkey: str, *more: str) -> bool:
    return bool(stranger.main([str(home.path / "ledger"), "--vkey", vkey, *more]) == 0)


def test_every_key_that_the_log_has_had_verifies_it(home: SmallHome, stranger: ModuleType) -> None:
    keys = [vkey_of(home)]
    early = home.path.with_name("early")
    early.write_text(home.cli("ledger", "checkpoint").check().out)
    for number in range(2):
        keys.append(rotate(home))
        assert vkey_of(home) == keys[-1]
        assert all(believes(stranger, home, key) for key in keys), "at the handing-over itself"
        home.cli("person", "add", f"n{number}@acme.example", "--name", "N").check()
    assert len(set(keys)) == 3
    for key in keys:
        assert verify_home(home.path, [early], key).verified, key
        assert believes(stranger, home, key, "--earlier", str(early)) == (key == keys[0])
    newest = VerifierKey.parse(keys[-1])
    assert verify_checkpoint((home.path / "ledger" / "checkpoint").read_text(), [newest])
    other = FileSigner("acme.example/small", b"o" * 32).vkey.encode()
    assert not believes(stranger, home, other)
    assert not verify_home(home.path, [], other).verified


def test_published_files_that_are_made_again_lead_there_too(
    home: SmallHome, stranger: ModuleType
) -> None:
    old = vkey_of(home)
    rotate(home)
    shutil.rmtree(home.path / "ledger")
    home.cli("person", "add", "n@acme.example", "--name", "N").check()
    assert believes(stranger, home, old)
    shutil.rmtree(home.path / "ledger" / "rotations")
    assert not believes(stranger, home, old), "nothing leads from the old key to the new one"


def test_what_the_old_key_signs_after_it_handed_over_is_not_believed(
    home: SmallHome, stranger: ModuleType
) -> None:
    old_vkey = vkey_of(home)
    thief = FileSigner.open(
        home.path / "signer.key", name="acme.example/small", chance=SeededChance(1)
    )
    rotate(home)
    home.cli("person", "add", "n@acme.example", "--name", "N").check()
    checkpoint = home.path / "ledger" / "checkpoint"
    text = checkpoint.read_text().rpartition("\n\n")[0] + "\n"
    checkpoint.write_text(asyncio.run(sign_note(text, thief)))
    assert not believes(stranger, home, old_vkey)
    assert not verify_home(home.path, [], old_vkey).verified


@pytest.mark.parametrize("left", [0, 1], ids=["the old key's", "the new key's"])
def test_a_handing_over_that_only_one_of_the_keys_signed_leads_nowhere(
    home: SmallHome, stranger: ModuleType, left: int
) -> None:
    old = vkey_of(home)
    rotate(home)
    assert believes(stranger, home, old)
    [note] = (home.path / "ledger" / "rotations").iterdir()
    note.write_text(with_one_line(note.read_text(), left))
    home.cli("person", "add", "n@acme.example", "--name", "N").check()
    assert not believes(stranger, home, old)


def with_one_line(note: str, left: int) -> str:
    text, _, block = note.rpartition("\n\n")
    return f"{text}\n\n" + block.split("\n")[left] + "\n"


@pytest.mark.parametrize("left", [None, 0, 1], ids=["both", "the old key's", "the new key's"])
def test_our_verifier_asks_for_both_signatures_where_a_key_is_handed_over(
    home: SmallHome, left: int | None
) -> None:
    """Whichever of the keys its reader knows."""
    keys = [vkey_of(home)]
    keys.append(rotate(home))
    home.cli("person", "add", "n@acme.example", "--name", "N").check()
    for key in keys:
        chain = chain_in(home.path, [VerifierKey.parse(key)])
        problem = asyncio.run(verify_feed(altered(home, left), chain)).problem
        assert (problem is None) == (left is None)
        assert problem is None or "its seal is not signed" in problem.problem


async def altered(home: SmallHome, left: int | None) -> AsyncIterator[Record]:
    """The feed, with one signature left of the two that hand the log over."""
    feed = FeedFile(home.path)
    try:
        async for record in feed.read(0):
            found = record
            if record.kind == SEAL_KIND and left is not None:
                seal = msgspec.json.decode(record.data, type=Seal)
                if seal.note.count("\n\u2014 ") == 2:
                    seal = msgspec.structs.replace(seal, note=with_one_line(seal.note, left))
                    found = msgspec.structs.replace(record, data=msgspec.json.encode(seal))
            yield found
    finally:
        feed.close()


@pytest.mark.parametrize("is_first", [True, False], ids=["given away", "taken up"])
def test_nobody_writes_themselves_into_a_chain_of_keys(
    tmp_path: Path, stranger: ModuleType, *, is_first: bool
) -> None:
    """Who forges a log may write that the key which its verifier knows handed it to theirs, or
    theirs to it: the one thing that they do not have is a signature of that key."""
    world = inline_world(tmp_path / "home", support(Till()))
    known = FileSigner(world.plan().origin, b"k" * 32).vkey.encode()

    async def forge() -> None:
        life = Life(open_house(world.plan(with_agent=False)))
        await life.dispatcher.start()
        mine = life.house.vkey.encode()
        old, new = (known, mine) if is_first else (mine, known)
        change: dict[str, str | int] = {"key": "signer", "old": old, "new": new}
        handing = Draft(kind="key.rotated", id="rot_1", actor="per_1", change=change)
        forged = Draft(kind="gap.declared", id="gap_1", actor="per_1", change={"why": "forged"})
        drafts = [handing, forged] if is_first else [forged, handing]
        await life.house.commit_control(Unit(drafts=drafts))
        await Publisher(world.home).follow(life.house.hall.engine)
        await life.close()

    asyncio.run(forge())
    assert not verify_home(world.home, [], known).verified
    assert stranger.main([str(world.home / "ledger"), "--vkey", known]) != 0


@pytest.mark.parametrize("point", ["rotation.after_next_signer", "rotation.after_handing_over"])
def test_a_death_leaves_the_key_that_the_ledger_names(
    home: SmallHome, stranger: ModuleType, point: str
) -> None:
    old = vkey_of(home)

    with dying_at(point), pytest.raises(Dead):
        asyncio.run(rotate_signer(home.path, OWNER))
    home.cli("person", "add", "n@acme.example", "--name", "N").check()
    assert not (home.path / SIGNER_KEY_NEXT).exists()
    assert (vkey_of(home) == old) == (point == "rotation.after_next_signer")
    assert verify_home(home.path).verified
    assert believes(stranger, home, old)
    assert rotate(home) != old
    assert believes(stranger, home, old)


def test_work_and_backups_go_on_under_the_new_key(home: SmallHome, tmp_path: Path) -> None:
    home.cli("key", "rotate-signer", "--by", OWNER).fails(2, "--yes", "Nothing was changed")
    old = vkey_of(home)
    with working(home):
        home.cli("key", "rotate-signer", "--by", OWNER, "--yes").fails(1, "home_held")
    rotate(home)
    with working(home):
        home.say("hello", external_id="m1")
        home.settled()
        home.cli("backup", str(tmp_path / "b")).check()
    latest = tmp_path / "latest"
    latest.write_text(home.cli("ledger", "checkpoint").check().out)
    who = json.loads(home.cli("decision", "who", "--random", "--json").check().out)
    assert who["owner_name"] == "Olga Owner"
    shutil.move(home.path, tmp_path / "lost")
    keys = str(tmp_path / "lost" / "backup-keys")
    home.cli("restore", str(tmp_path / "b"), "--backup-keys", keys).check()
    assert verify_home(home.path, [], old).verified
