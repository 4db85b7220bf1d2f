"""`decision replay` and `ledger replay` as they are typed: what they print, and how they end."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from answerable.testing.world import Till, World
from stories import support


def typed(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "answerable.cli", *words, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_replays_end_with_1_where_something_is_different_and_name_it(tmp_path: Path) -> None:
    async def lived() -> str:
        world = World(home=tmp_path / "home", agent=support(Till()))
        await world.found()
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.settled()
            [entry] = await life.entries("decided")
            return entry.id

    decision, home = asyncio.run(lived()), tmp_path / "home"
    whole = typed(home, "ledger", "replay", "--owner", "owner@acme.example", "--json")
    assert whole.returncode == 0, whole.stderr
    assert json.loads(whole.stdout)["same"] == 1
    none = typed(home, "ledger", "replay", "--until", "2001-01-01", "--json")
    assert json.loads(none.stdout)["decisions"] == 0
    one = typed(home, "decision", "replay", decision)
    assert one.returncode == 0, one.stderr
    assert "The verdict from its stored inputs: the same." in one.stdout
    assert "release not loaded: There is no 'answerable.toml'" in one.stdout

    with closing(sqlite3.connect(home / "answerable.db")) as db:
        db.execute("UPDATE record SET body = x'00' WHERE key = ?", (decision,))
        db.commit()
    for words in (("ledger", "replay"), ("decision", "replay", decision)):
        broken = typed(home, *words)
        assert broken.returncode == 1
        assert "DIFFERENT at verdict, `body.sha256`" in broken.stdout
    assert typed(home, "decision", "replay", "dec_no").returncode == 3
