"""Who may read what is not theirs."""

import msgspec

from answerable.worker.verbs.base import Word


class RoleSet(msgspec.Struct, frozen=True, tag="role.set"):
    """Give a person a role, of which there is one: `auditor`; or take it away."""

    person: Word
    role: Word
    by: Word
    is_on: bool = True
