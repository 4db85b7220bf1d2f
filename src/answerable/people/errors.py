"""What can be wrong with a person or an ownership."""

from answerable.base.errors import NotFound, Refused


class PersonUnknown(NotFound):
    """`ever`: asked for by somebody who looks back, who would have found a person that left."""

    code = "person_unknown"

    def __init__(self, who: str, *, ever: bool = False) -> None:
        if ever:
            what = f"Nobody is or was in the directory as '{who}'."
            super().__init__(what, "Nothing was looked up.", "answerable person list")
        else:
            what = f"No living person '{who}' is in the directory."
            super().__init__(
                what, "Nothing was changed.", "answerable person add EMAIL --name NAME"
            )


class PersonExists(Refused):
    code = "person_exists"
    http_status = 409

    def __init__(self, person_id: str) -> None:
        super().__init__(f"This address belongs to {person_id} already.", "Nobody was added.")


class NotTheOwner(Refused):
    code = "not_the_owner"

    def __init__(self, agent: str, owner: str) -> None:
        super().__init__(
            f"Only its owner may do this for agent '{agent}', and that is {owner or 'nobody'}.",
            "Who answers for it is as it was.",
            f"answerable owner show {agent}",
        )


class NotAsked(Refused):
    code = "owner_not_asked"

    def __init__(self, agent: str, owner: str, person: str) -> None:
        super().__init__(
            f"{owner} answers for agent '{agent}' and has not asked {person} to.",
            "Who answers for it is as it was.",
            f"answerable owner set {agent} {person} --by {owner}",
        )


class OwnsAlready(Refused):
    code = "owns_already"
    http_status = 409

    def __init__(self, agent: str, person: str) -> None:
        super().__init__(
            f"{person} is the owner of agent '{agent}'.",
            "Nothing was changed.",
            f"answerable owner show {agent}",
        )


class NotDelegated(Refused):
    code = "not_delegated"
    http_status = 409

    def __init__(self, agent: str) -> None:
        super().__init__(
            f"Nobody like that stands in for the owner of agent '{agent}'.",
            "Nothing was ended.",
            f"answerable owner show {agent}",
        )


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


class KeyBeyond(Refused):
    """With a key nobody hands out more than it is itself."""

    code = "key_beyond"

    def __init__(self, how: str) -> None:
        super().__init__(
            f"The key that was asked for {how}, and the one that asks is not.",
            "No key was made.",
            "answerable key add --person PERSON --scope SCOPE, on the machine that holds the home",
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

    def __init__(
        self, agent: str, not_done: str = "The agent was not registered and does nothing."
    ) -> None:
        super().__init__(
            f"Nobody answers for agent '{agent}': it has no living owner who accepted.",
            not_done,
            f"answerable owner accept {agent} --person EMAIL",
        )
