"""What a tool is told when it is performed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolCall:
    """Handed to a tool's `perform` as its first argument.

    `key` is the idempotency key: hand it to the other side, it never changes for an effect and no
    other effect has it. `attempt` counts from 1: how often this effect has been started, a start
    whose end is not known included.
    """

    key: str
    attempt: int
