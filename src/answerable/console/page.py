"""What a page is, and what it is given: the seam between the console and who serves it.

The server mounts `PAGES`, and answers for everything around them: who is visiting (a session made
of an API key), whether their scopes allow the page, and that a form was sent by a page of ours
(`csrf`). A page asks verbs and renders; it opens nothing and knows no transport.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from starlette.responses import Response

from answerable.worker.verbs import Verb
from answerable.worker.verbs.people import KeyHolder

T = TypeVar("T")

Scope = Literal["read", "desk", "approve", "control", "people"]
"""read: look · desk: take, reply, hand back · approve: yes or no, and how an effect ended ·
control: the stop · people: owners. A key with `all` has each of them."""


class Ask(Protocol):
    """Run a verb; its result as `returns`. Raises AnswerableErrors: the server shows them."""

    async def __call__(self, verb: Verb, returns: type[T]) -> T: ...


@dataclass(frozen=True, slots=True)
class Visit:
    """One request by one person, already let in.

    Forms are `application/x-www-form-urlencoded`; a value that is repeated counts once, the last.
    """

    ask: Ask
    holder: KeyHolder
    path: Mapping[str, str]  # parameters of the page's path: `{case}` in `/cases/{case}`
    query: Mapping[str, str]
    form: Mapping[str, str]  # empty on GET
    csrf: str  # goes into every form as the hidden field `csrf`
    url: str = "/"  # as it was asked for, path and query: where a form may lead back to
    theme: str = ""  # the cookie `theme`: `light`, `dark`, or empty to follow the system

    def may(self, scope: Scope) -> bool:
        """Whether the holder's key opens pages of this scope: what it does not, is not offered."""
        return scope in self.holder.scopes or "all" in self.holder.scopes


Show = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """A route of the console. GET pages change nothing; POST pages end in a redirect (303)."""

    method: Literal["GET", "POST"]
    path: str  # as Starlette writes it
    scope: Scope
    show: Show
