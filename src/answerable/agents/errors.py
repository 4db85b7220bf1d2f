"""What can be wrong with an agent or a release."""

from answerable.base.errors import NotFound


class AgentUnknown(NotFound):
    code = "agent_unknown"

    def __init__(self, agent: str, known: list[str]) -> None:
        names = ", ".join(known) or "none"
        super().__init__(
            f"No agent '{agent}' is registered in this home (registered: {names}).",
            "Nothing was changed.",
            "answerable agent list",
        )
