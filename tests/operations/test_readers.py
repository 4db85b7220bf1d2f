"""The strangers who read a home under torture do see what must not be."""

import asyncio
import importlib.util
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from answerable.testing.lived import live_in

CHECKS = Path(__file__).parents[2] / "checks"


@pytest.fixture(scope="module")
def readers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("readers", CHECKS / "readers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["readers"] = module  # where its dataclasses look for their types
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return asyncio.run(live_in(tmp_path / "home", rounds=1)).left


def test_what_holds_is_no_violation(readers: ModuleType, home: Path) -> None:
    for reader in (readers.FileReader, readers.DatabaseReader):
        seen = readers.Seen()
        reader(home, seen).look()
        assert seen.violations == []
        assert seen.entries > 10
        assert seen.checkpoints


def test_a_published_file_that_changed_is_one(readers: ModuleType, home: Path) -> None:
    path = next((home / "ledger" / "tile" / "entries").rglob("*.p/*"))
    path.write_bytes(path.read_bytes().replace(b'"ts":', b'"tz":', 1))
    seen = readers.Seen()
    readers.FileReader(home, seen).look()
    assert len(seen.violations) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM record WHERE position = (SELECT max(position) FROM record)",
        "DELETE FROM interaction",
        "UPDATE log_head SET seal = x''",
    ],
)
def test_a_database_that_went_back_or_apart_is_one(
    readers: ModuleType, home: Path, damage: str
) -> None:
    seen = readers.Seen()
    reader = readers.DatabaseReader(home, seen)
    reader.look()
    assert seen.violations == []
    with closing(sqlite3.connect(home / "answerable.db")) as database:
        database.executescript(damage)
    reader.look()
    assert len(seen.violations) == 1
