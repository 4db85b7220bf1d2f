from collections.abc import Iterator
from pathlib import Path

import pytest

from homes import SmallHome
from serving import Serving, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One for a file of tests; each names its own messages."""
    home = SmallHome(tmp_path_factory.mktemp("served") / "home").found()
    with serving(home) as found:
        yield found


@pytest.fixture
def small(tmp_path: Path) -> SmallHome:
    return SmallHome(tmp_path / "home").found()
