"""What a tool is told when it is performed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`key` is the idempotency key: hand it to the other side, it never changes for an effect."""

    key: str
    attempt: int
