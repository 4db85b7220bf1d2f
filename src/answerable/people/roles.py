"""Roles in the directory: who may read what is not theirs. A role is given, never taken."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from answerable.base.errors import Refused, UsageError
from answerable.base.ids import Ids
from answerable.ledger.draft import Draft, Unit
from answerable.people.service import People

Role = Literal["auditor"]
AUDITOR: Role = "auditor"
"""May read every body; each file of words is an entry `access.read` before a body leaves."""
ROLES: tuple[Role, ...] = (AUDITOR,)
_NOT_DONE = "Who may read what is as it was."


class MayNotGrant(Refused):
    code = "may_not_grant"

    def __init__(self, by: str, person: str, owners: tuple[str, ...]) -> None:
        others = tuple(one for one in owners if one != person)
        why = (
            "nobody gives themselves a role" if by == person else f"{by} answers for no agent here"
        )
        may = ", ".join(others) or "nobody yet: somebody else has to accept an agent first"
        super().__init__(
            f"{person} was not made an auditor: {why}. Who may: {may}.", _NOT_DONE,
            f"answerable person grant {person} auditor --by {others[0]}" if others
            else "answerable owner show AGENT",
        )  # fmt: skip


class RoleUnchanged(Refused):
    code = "role_unchanged"
    http_status = 409

    def __init__(self, person: str, role: str, *, has_it: bool) -> None:
        super().__init__(
            f"{person} is {'' if has_it else 'no '}{role}{' already' if has_it else ''}.",
            _NOT_DONE, "answerable person list",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """Who is given a role, or has it taken away, and by whom: by address or id."""

    who: str
    role: str
    by: str
    is_on: bool


def change_role(people: People, ids: Ids, at_work: Collection[str], change: Change) -> Unit:
    """Give a role, by a living owner of an agent of which a release was ever `at_work` (anybody can
    accept a name that nobody answers for), and never to oneself; or take it away, by any living
    person. Raises PersonUnknown, MayNotGrant, RoleUnchanged, UsageError."""
    role, is_on = change.role, change.is_on
    if role not in ROLES:
        raise UsageError(
            f"There is no role '{role}'; there is: {', '.join(ROLES)}.", _NOT_DONE,
            "answerable person grant --help",
        )  # fmt: skip
    person, granting, directory = people.find(change.who), people.find(change.by), people.directory
    owners = [directory.owned(agent) for agent in sorted(directory.owners) if agent in at_work]
    living = tuple(dict.fromkeys(one.person for one in owners if one is not None))
    if is_on and (granting == person or granting.id not in living):
        raise MayNotGrant(granting.id, person.id, living)
    if directory.is_auditor(person.id) == is_on:
        raise RoleUnchanged(person.id, role, has_it=is_on)
    said: dict[str, str | int] = {"person": person.id, "role": role, "is_on": int(is_on)}
    draft = Draft(kind="role.changed", id=ids.new("rol"), actor=granting.id, change=said)
    return Unit(drafts=[draft])
