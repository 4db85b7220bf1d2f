"""Makes the helpers in this folder importable from every room's tests; each sees its own agent."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _own_agents(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home's agent is imported in this process by some tests: none finds another test's."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("small_agent", None)
    yield
    sys.modules.pop("small_agent", None)
