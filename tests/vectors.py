"""Where the outside test vectors are: beside the repository, never inside it."""

from pathlib import Path

import pytest

_DATA = Path(__file__).parents[1].parent / "shared" / "data"


def vectors(*parts: str) -> Path:
    """The path of a vector file or folder; the test is skipped where the vectors are absent."""
    path = _DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"outside test vectors are absent: {'/'.join(parts)}")
    return path
