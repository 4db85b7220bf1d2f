"""Forgetting a party: legal holds, who asked, what would end, and the erasing itself."""

from dataclasses import dataclass

import msgspec

from answerable.worker.verbs.base import Limit, Word

Reason = Word


class PartyHold(msgspec.Struct, frozen=True, tag="party.hold"):
    """From now on it may not be erased. The reason is sealed under the party's key."""

    party: Word
    by: Word
    reason: Reason


class PartyReleaseHold(msgspec.Struct, frozen=True, tag="party.release-hold"):
    party: Word
    by: Word
    reason: Reason


class PartyErasing(msgspec.Struct, frozen=True, tag="party.erasing"):
    """What would change if `by` said now that the party is to be erased; nothing does by asking."""

    party: Word
    by: Word


@dataclass(frozen=True, slots=True)
class ErasingView:
    party: str
    entries: int  # that stay, and each of whose bodies becomes unreadable
    is_last_word: bool  # False: another person must agree first
    asked_by: str  # whose request `by` would agree to
    holds: int  # that become a no
    effects: int  # that have not begun, and never will
    unsure: tuple[str, ...]  # effects that may have happened: to be settled first
    timers: int
    messages: int  # that wait and are not answered
    cases: int


class PartyErase(msgspec.Struct, frozen=True, tag="party.erase"):
    """Ask that it be erased, or agree to what another person asked: then it is.

    Raises PartyUnknown, PartyErased, UnderLegalHold, AnotherMustAgree, EffectsOpen, StillAtWork.
    """

    party: Word
    by: Word
    reason: Reason = ""


@dataclass(frozen=True, slots=True)
class ErasedView:
    """`is_erased` is False where another person must agree until `expires_at`."""

    party: str
    id: str
    index: int
    is_erased: bool
    expires_at: str = ""
    holds: int = 0
    effects: int = 0
    timers: int = 0
    messages: int = 0
    cases: int = 0
    keys: int = 0  # that were destroyed


class ErasureList(msgspec.Struct, frozen=True, tag="party.erasures"):
    """What is asked for and not agreed to yet, oldest first; then what was erased, newest first."""

    limit: Limit = 50


@dataclass(frozen=True, slots=True)
class ErasureRow:
    party: str
    state: str  # asked | erased
    index: int
    by: str  # who asked; empty of what was erased: its entry says
    expires_at: str
