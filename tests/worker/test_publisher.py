"""The published files heal by themselves, and notice when an older database was put back."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from answerable.ledger.note import VerifierKey
from answerable.ledger.proof import verify_proof
from answerable.ledger.tiles import TilesAhead
from answerable.worker import verbs
from answerable.worker.commands import call
from answerable.worker.commands.office import Office
from answerable.worker.verification import verify_home
from homes import SmallHome, cli, working
from offices import open_for, small_world

VERIFIER = Path(__file__).parents[2] / "verify" / "answerable_verify.py"


async def add(office: Office, count: int, name: str = "p") -> None:
    await asyncio.gather(
        *(call(office, verbs.PersonAdd(f"{name}{n}@a.example", "P")) for n in range(count))
    )


def files(home: Path) -> dict[str, bytes]:
    folder = home / "ledger"
    every = [path for path in folder.rglob("*") if path.is_file() and path.name != "published"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in every}


def _one(home: Path, pattern: str) -> Path:
    return min((home / "ledger").glob(pattern))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no cursor": lambda home: (home / "ledger" / "published").unlink(),
    "a wrong cursor": lambda home: (home / "ledger" / "published").write_text("99999\n"),
    "no checkpoint": lambda home: (home / "ledger" / "checkpoint").unlink(),
    "half a checkpoint": lambda home: (home / "ledger" / "checkpoint").write_text("acme"),
    "no full tile": lambda home: _one(home, "tile/0/000").unlink(),
    "half a full tile": lambda home: _one(home, "tile/0/000").write_bytes(b"x" * 100),
    "no full bundle": lambda home: _one(home, "tile/entries/000").unlink(),
    "no partial tile": lambda home: _one(home, "tile/0/001.p/*").unlink(),
    "half a partial tile": lambda home: _one(home, "tile/0/001.p/*").write_bytes(b"x" * 33),
    "half a partial bundle": lambda home: _one(home, "tile/entries/001.p/*").write_bytes(b"\x01"),
    "nothing": lambda home: shutil.rmtree(home / "ledger"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_what_a_crash_took_is_written_again(tmp_path: Path, what: str) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world) as office:
            await add(office, 300)
        DAMAGES[what](world.home)
        async with open_for(world):
            pass
        healed = files(world.home)
        shutil.rmtree(world.home / "ledger")
        async with open_for(world):
            pass
        anew = files(world.home)
        assert anew.keys() <= healed.keys()
        assert all(healed[name] == anew[name] for name in anew if name.startswith("tile"))

    asyncio.run(scenario())
    found = verify_home(tmp_path / "home")
    assert found.verified, found.sentence
    assert found.published == found.entries > 300


def test_a_tile_that_is_taken_away_while_we_work_is_written_again_for_a_proof(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world) as office:
            await add(office, 300)
            assert await call(office, verbs.LedgerProve(5))
            _one(world.home, "tile/0/000").unlink()
            assert await call(office, verbs.LedgerProve(5))

    asyncio.run(scenario())
    assert verify_home(tmp_path / "home").verified


def test_commands_and_the_round_of_the_worker_may_publish_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world) as office:
            engine = office.house.hall.engine
            for number in range(20):
                await asyncio.gather(
                    add(office, 20, f"x{number}-"),
                    *(office.publisher.follow(engine) for _ in range(4)),
                    *(office.index.follow(engine) for _ in range(4)),
                )

    asyncio.run(scenario())
    assert verify_home(tmp_path / "home").verified


def test_a_worker_does_not_go_on_from_a_database_older_than_what_was_published(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world) as office:
            await add(office, 10)
        shutil.copy(world.home / "answerable.db", tmp_path / "earlier.db")
        async with open_for(world) as office:
            await add(office, 20, "later")
        before = files(world.home)
        for suffix in ("-wal", "-shm"):
            (world.home / f"answerable.db{suffix}").unlink(missing_ok=True)
        shutil.copy(tmp_path / "earlier.db", world.home / "answerable.db")
        with pytest.raises(TilesAhead, match="an older database was put back") as ahead:
            async with open_for(world):
                pass
        assert "ledger verify" in ahead.value.next_command
        assert files(world.home) == before
        assert not (await asyncio.to_thread(verify_home, world.home)).verified

    asyncio.run(scenario())


def test_a_real_worker_over_a_rolled_back_home_ends_and_is_not_started_again(
    tmp_path: Path,
) -> None:
    home = SmallHome(tmp_path / "home").found()
    earlier = tmp_path / "earlier.db"
    shutil.copy(home.path / "answerable.db", earlier)
    with working(home) as worker:
        home.say("hello", external_id="m1")
        home.settled()
        checkpoint = tmp_path / "kept"
        checkpoint.write_text(home.cli("ledger", "checkpoint").check().out)
        worker.stop()
    home.cli("ledger", "verify", "--earlier", str(checkpoint)).check()
    for suffix in ("-wal", "-shm"):
        (home.path / f"answerable.db{suffix}").unlink(missing_ok=True)
    shutil.copy(earlier, home.path / "answerable.db")
    home.cli("worker").fails(1, "tiles_ahead", "an older database was put back")


def _flip(path: Path, wanted: bytes) -> None:
    data = bytearray(path.read_bytes())
    at = data.rindex(wanted)
    data[at + len(wanted) // 2] ^= 1
    path.write_bytes(data)


def test_a_decision_is_found_and_proven_from_the_published_files_alone(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    with working(home):
        for number in range(3):
            home.say("hello", external_id=f"m{number}")
        home.settled()
        drawn = json.loads(home.cli("decision", "who", "--random", "--json").check().out)
        told = home.cli("decision", "who", drawn["decision"], "--json").check().out
        assert home.cli("ledger", "verify").check().out.startswith("Verified: ")
    who = json.loads(told)
    assert who["owner_name"] == "Olga Owner"
    assert f"ledger entry {who['index']} captures it" in who["sentence"]
    vkey = (home.path / "ledger.vkey").read_text().strip()
    head = verify_proof(who["proof"], who["entry"].encode(), [VerifierKey.parse(vkey)])
    assert head.size > who["index"]
    published = tmp_path / "published"
    shutil.copytree(home.path / "ledger", published)
    (tmp_path / "proof").write_text(who["proof"])
    (tmp_path / "entry").write_text(who["entry"])
    command = [sys.executable, str(VERIFIER), str(published), "--vkey", vkey,
               "--proof", str(tmp_path / "proof")]  # fmt: skip
    done = subprocess.run([*command, "--json"], capture_output=True, check=False)
    assert json.loads(done.stdout)["proven_index"] == who["index"]
    alone = [*command[:2], "--vkey", vkey, "--proof", str(tmp_path / "proof"), "--entry",
             str(tmp_path / "entry")]  # fmt: skip
    assert subprocess.run(alone, capture_output=True, check=False).returncode == 0
    (tmp_path / "entry").write_text(who["entry"].replace("allow", "deny0"))
    assert subprocess.run(alone, capture_output=True, check=False).returncode == 1


def test_a_flipped_byte_is_found_and_its_index_named(tmp_path: Path) -> None:
    async def scenario() -> str:
        world = await small_world(tmp_path / "home")
        async with open_for(world) as office:
            await add(office, 20)
            await office.index.follow(office.house.hall.engine)
            place = office.index.at(7)
            assert place is not None
            return place.id

    entry_id = asyncio.run(scenario())
    home = tmp_path / "home"
    copy = tmp_path / "files"
    shutil.copytree(home, copy)
    _flip(copy / "answerable.db", f'"id":"{entry_id}"'.encode())
    said = cli("ledger", "verify", "--home", str(copy), "--json")
    assert (said.code, json.loads(said.out)["index"]) == (1, 7)
    _flip(_one(home, "tile/entries/000.p/*"), f'"id":"{entry_id}"'.encode())
    said = cli("ledger", "verify", "--home", str(home))
    assert said.code == 1
    assert "entry 7 is the first bad one" in said.out


def test_a_key_or_an_earlier_checkpoint_that_is_none_is_refused(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    home.cli("ledger", "verify", "--vkey", "nonsense").fails(3, "cannot be read")
    home.cli("ledger", "verify", "--earlier", str(tmp_path / "no")).fails(3, "cannot be read")
    (tmp_path / "forged").write_text("acme.example/small\n1\nAAAA\n")
    home.cli("ledger", "verify", "--earlier", str(tmp_path / "forged")).fails(3, "no checkpoint")
    (home.path / "ledger.vkey").unlink()
    home.cli("ledger", "verify").fails(3, "ledger.vkey")
