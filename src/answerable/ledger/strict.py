"""JSON as strangers send it: read in one way only, so that two readers cannot disagree."""

import json
from collections.abc import Sequence


def _no_key_twice(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_such_number(name: str) -> object:
    raise ValueError(f"{name} is no number of JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_no_key_twice, parse_constant=_no_such_number)


def read_from(text: str, start: int) -> tuple[object, int]:
    """The value that begins at `start`, and where it ends. Raises ValueError, RecursionError."""
    value: object
    value, end = _decoder.raw_decode(text, start)
    return value, end


def read_json(data: bytes) -> object:
    """One value, and nothing after it. Raises ValueError, RecursionError."""
    value: object = _decoder.decode(data.decode())
    return value
