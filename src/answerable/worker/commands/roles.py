"""The command that gives a role and takes it away."""

from answerable.people.roles import Change, change_role
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.roles import RoleSet


async def role_set(office: Office, verb: RoleSet) -> Done:
    """Raises PersonUnknown, MayNotGrant, RoleUnchanged, UsageError."""
    hall = office.house.hall
    change = Change(verb.person, verb.role, verb.by, verb.is_on)
    at_work = hall.agents.registry.releases
    return await office.change(lambda: change_role(hall.people, hall.ids, at_work, change))


HANDLERS: Handlers = {RoleSet: role_set}
"""A role given or taken away."""
