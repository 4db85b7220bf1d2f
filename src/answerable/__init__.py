"""Answerable: infrastructure that agents are born inside, so that somebody can answer for them."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from answerable.agents.domain import Patience
    from answerable.base.money import Money
    from answerable.cases.domain import Message
    from answerable.effects.errors import NotDone, OutcomeUnknown
    from answerable.policy.budget import Budget
    from answerable.policy.limits import Limit
    from answerable.sdk.agent import Agent
    from answerable.sdk.call import ToolCall
    from answerable.sdk.context import Context
    from answerable.sdk.history import Said
    from answerable.sdk.port import ModelAway
    from answerable.sdk.words import Escalation, Proposal, Reply

__version__ = "0.1.0"

_HOME_OF = {
    "Agent": "answerable.sdk.agent",
    "Budget": "answerable.policy.budget",
    "Context": "answerable.sdk.context",
    "Escalation": "answerable.sdk.words",
    "Limit": "answerable.policy.limits",
    "Message": "answerable.cases.domain",
    "ModelAway": "answerable.sdk.port",
    "Money": "answerable.base.money",
    "NotDone": "answerable.effects.errors",
    "OutcomeUnknown": "answerable.effects.errors",
    "Patience": "answerable.agents.domain",
    "Proposal": "answerable.sdk.words",
    "Reply": "answerable.sdk.words",
    "Said": "answerable.sdk.history",
    "ToolCall": "answerable.sdk.call",
}

__all__ = [
    "Agent",
    "Budget",
    "Context",
    "Escalation",
    "Limit",
    "Message",
    "ModelAway",
    "Money",
    "NotDone",
    "OutcomeUnknown",
    "Patience",
    "Proposal",
    "Reply",
    "Said",
    "ToolCall",
]


def __getattr__(name: str) -> object:
    """Import a word when it is first used: `import answerable` itself stays instant."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'answerable' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
