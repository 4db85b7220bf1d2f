"""Journals on a home of the test's own, none left open."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from answerable.adapters.engines.embedded import EmbeddedJournal
from answerable.base.clock import ManualClock


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., EmbeddedJournal]]:
    """Opens journals on `tmp_path/home`; leaves none open."""
    journals: list[EmbeddedJournal] = []

    def opener(**options: object) -> EmbeddedJournal:
        journal = EmbeddedJournal.open(tmp_path / "home", clock=ManualClock(), **options)  # type: ignore[arg-type]
        journals.append(journal)
        return journal

    yield opener
    for journal in journals:
        journal.abandon()
