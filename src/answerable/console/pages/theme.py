"""`/theme` Light, dark, or as the system has it: kept in a cookie, so that no page flashes."""

from urllib.parse import urlsplit

from starlette.responses import Response

from answerable.console.page import Page, Visit
from answerable.console.render import THEMES, go

_YEAR_S = 365 * 24 * 3600


async def theme(visit: Visit) -> Response:
    chosen = visit.form.get("theme", "")
    response = go(local(visit.form.get("next", "/")))
    if chosen in THEMES:
        response.set_cookie("theme", chosen, max_age=_YEAR_S, path="/", samesite="lax")
    return response


def local(to: str) -> str:
    """A path of ours, never another host: a form may be sent by anybody."""
    parts = urlsplit(to) if to.isprintable() and "\\" not in to else None
    is_ours = parts is not None and not parts.scheme and not parts.netloc
    return to if is_ours and to.startswith("/") and not to.startswith("//") else "/"


PAGES = (Page("POST", "/theme", "read", theme),)
