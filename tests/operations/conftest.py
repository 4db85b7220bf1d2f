"""A home in which enough has ended to be put away, and where to."""

import shutil
from pathlib import Path

import pytest

from answerable.testing.world import ALLOW_ALL, Till, World
from archiving import lived
from stories import support


@pytest.fixture
def world(tmp_path: Path) -> World:
    shutil.copytree(lived(), tmp_path / "home")
    return World(home=tmp_path / "home", agent=support(Till()), policy=ALLOW_ALL, seed=2)


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "archives"
