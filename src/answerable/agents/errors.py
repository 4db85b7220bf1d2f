"""What can be wrong with an agent, a release or a stop."""

from answerable.base.errors import NotFound, Refused


class AgentUnknown(NotFound):
    code = "agent_unknown"

    def __init__(self, agent: str, known: list[str]) -> None:
        names = ", ".join(known) or "none"
        super().__init__(
            f"No agent '{agent}' is registered in this home (registered: {names}).",
            "Nothing was changed.",
            "answerable agent list",
        )


class NotStopped(Refused):
    code = "not_stopped"
    http_status = 409

    def __init__(self, scope: str, mode: str, modes: list[str]) -> None:
        others = f" (in force on it: {', '.join(modes)})" if modes else ""
        super().__init__(
            f"No stop of '{scope}' as {mode} is in force{others}.",
            "Nothing was changed.",
            "answerable stop list",
        )


class ScopeUnknown(NotFound):
    code = "scope_unknown"

    def __init__(self, scope: str, known: str) -> None:
        super().__init__(
            f"Nothing is called '{scope}': {known}.",
            "Nothing was stopped.",
            "answerable agent list",
        )
