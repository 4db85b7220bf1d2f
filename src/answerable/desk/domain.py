"""A queue item is a case that waits for a person, with why."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueItem:
    case: str
    queue: str
    code: str  # why, as a word: asked, agent_failed, stalled, no_owner, stopped, ...
    interaction: str
    since: int  # microseconds, UTC
    taken_by: str  # a person's id, or empty
