"""The two pages that need no session: the door, and what went wrong."""

from starlette.responses import Response

from answerable.base.errors import AnswerableError
from answerable.console.render import bare


def error_page(status: int, problem: AnswerableError, theme: str = "") -> Response:
    """What happened, what did not, the next command. `theme` is the cookie of that name."""
    return bare("error.html", status, theme, status=status, problem=problem)


def login_page(next_path: str, problem: str = "", theme: str = "") -> Response:
    """Asks for an API key: posts `secret` and `next` to `/login`. `problem` is a sentence."""
    status = 401 if problem else 200
    return bare("login.html", status, theme, next_path=next_path, problem=problem)
