"""What a turn can end in: a reply, or a person."""

from dataclasses import dataclass

from answerable.agents.domain import Tool


@dataclass(frozen=True, slots=True)
class Proposal:
    """A tool call that the agent asks for. Nothing has happened; it is decided after the turn.

    `arguments` are the bytes of a JSON object, as they were when it was proposed: what is judged,
    what a person grants and what is performed.
    """

    tool: Tool
    arguments: bytes
    ordinal: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say, where the message asked. One reply a message.

    With `after`, the reply waits until that proposal has ended: `text` is sent if it got done,
    `otherwise` if it was denied, refused or failed.
    """

    text: str
    after: Proposal | None = None
    otherwise: str = ""

    def __post_init__(self) -> None:
        if self.after is not None and not isinstance(self.after, Proposal):
            raise TypeError(
                "`after` is one proposal, as `ctx.propose` returned it, not a "
                f"{type(self.after).__name__}: a reply waits for one effect and no more"
            )
        if self.after is not None and not self.otherwise:
            raise ValueError(
                "a reply that waits for a proposal needs `otherwise`: what to say if it is "
                "denied, refused or fails"
            )


@dataclass(frozen=True, slots=True)
class Escalation:
    """Hand the case to people. `reason` is for them; `queue` is the agent's desk by default."""

    reason: str
    queue: str = ""


Outcome = Reply | Escalation | None
"""What a handler may return; None says nothing and closes the interaction."""
