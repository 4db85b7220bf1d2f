"""The embedded journal keeps every promise of the kit, with its thread and without."""

import itertools
from pathlib import Path

import pytest

from answerable.testing.conformance import PROMISES, Promise
from answerable.testing.conformance.embedded import EmbeddedPlace


@pytest.mark.parametrize("threaded", [True, False], ids=["threaded", "inline"])
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_the_embedded_journal_promises(promise: Promise, threaded: bool, tmp_path: Path) -> None:  # noqa: FBT001
    homes = itertools.count()
    promise(lambda: EmbeddedPlace(tmp_path / str(next(homes)), threaded=threaded))
