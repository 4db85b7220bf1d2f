"""A home's agent is imported in this process by some of these tests: each sees its own."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _own_agents(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("small_agent", None)
    yield
    sys.modules.pop("small_agent", None)
