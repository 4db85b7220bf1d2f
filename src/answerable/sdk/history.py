"""What was said on a case before, as its agent is given it: bounded, and never made up."""

from collections.abc import Sequence
from typing import Literal

import msgspec

ITEMS = 20
ITEMS_MAX = 100
BYTES_MAX = 64 * 1024
TEXT_BYTES_MAX = 8 * 1024


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was said on the case before this message.

    `who` is the party, an agent of any release, or a person of the company. `at` is when it came in
    or was sent, microseconds UTC. `is_erased`: what it said is forgotten, and `text` is empty.
    `is_unknown`: nobody can say whether it arrived. `is_cut`: `text` is only its beginning.
    """

    who: Literal["party", "agent", "person"]
    text: str
    at: int
    is_erased: bool = False
    is_unknown: bool = False
    is_cut: bool = False


def newest_of(said: Sequence[Said], bytes_max: int) -> tuple[Said, ...]:
    """The newest of what was said, oldest first still: of so many bytes as JSON.

    A long text is cut, so that it does not push out all others.
    """
    kept: list[Said] = []
    size = 0
    for one in map(_cut, reversed(said)):
        size += len(msgspec.json.encode(one))
        if size > bytes_max:
            break
        kept.append(one)
    return tuple(reversed(kept))


def _cut(one: Said) -> Said:
    whole = one.text.encode()
    if len(whole) <= TEXT_BYTES_MAX:
        return one
    text = whole[:TEXT_BYTES_MAX].decode(errors="ignore")
    return msgspec.structs.replace(one, text=text, is_cut=True)
