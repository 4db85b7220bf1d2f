"""What can be wrong with a person or an ownership."""

from answerable.base.errors import NotFound, Refused


class PersonUnknown(NotFound):
    code = "person_unknown"

    def __init__(self, who: str) -> None:
        super().__init__(
            f"No living person '{who}' is in the directory.",
            "Nothing was changed.",
            "answerable person add EMAIL --name NAME",
        )


class PersonExists(Refused):
    code = "person_exists"
    http_status = 409

    def __init__(self, person_id: str) -> None:
        super().__init__(f"This address belongs to {person_id} already.", "Nobody was added.")


class KeyUnknown(NotFound):
    code = "key_unknown"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"No key '{key}' was ever made.", "Nothing was revoked.", "answerable key list"
        )


class KeyRevoked(Refused):
    code = "key_revoked"
    http_status = 409

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Key '{key}' was revoked before.", "Nothing was changed.", "answerable key list"
        )


class KeyInvalid(Refused):
    """Deliberately one error for all reasons: who shows a wrong key learns nothing from it."""

    code = "key_invalid"
    http_status = 401

    def __init__(self) -> None:
        super().__init__(
            "This key is not valid: it is unknown, was revoked, has expired, or its person left.",
            "Nothing was done.",
            "answerable key add --person PERSON --scope SCOPE",
        )


class AgentHasNoOwner(Refused):
    code = "agent_has_no_owner"

    def __init__(self, agent: str) -> None:
        super().__init__(
            f"Nobody answers for agent '{agent}': it has no living owner who accepted.",
            "The agent was not registered and does nothing.",
            f"answerable owner accept {agent} --person EMAIL",
        )
