"""What all verbs share: bounds of what may be asked, and the answer of a changing command."""

from dataclasses import dataclass
from typing import Annotated

import msgspec

ROWS_MAX = 1_000
ARCHIVED = "(archived)"  # stands where a name was whose message lies in an archive
ERASED = "(erased)"  # stands where words were whose key was destroyed
_TIME_MAX = 2**53 - 1

Limit = Annotated[int, msgspec.Meta(ge=1, le=ROWS_MAX)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=60)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Index = Annotated[int, msgspec.Meta(ge=0, le=_TIME_MAX)]
Word = Annotated[str, msgspec.Meta(max_length=200)]
"""An id, a name or an address: what is longer was never given by us."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a changing command answers: what it made or changed, and its ledger index."""

    id: str
    index: int
