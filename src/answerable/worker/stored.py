"""What is kept and cannot be read is a damage of this home: no wrong call, no defect of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from answerable.base.errors import Broken


class RecordDamaged(Broken):
    code = "record_damaged"


@contextmanager
def stored() -> Iterator[None]:
    """Raises RecordDamaged. What the record says stays out of it."""
    try:
        yield
    except msgspec.DecodeError as error:
        raise RecordDamaged(
            "A record of this home cannot be read: it is damaged.", "The command was not finished.",
            "answerable ledger verify --deep",
        ) from error  # fmt: skip
