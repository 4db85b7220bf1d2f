"""Templates in, HTML out: escaped by default, and a name that is missing is an error."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse

from answerable.console.page import Visit
from answerable.console.text import FILTERS, is_erased
from answerable.ledger.domain import KINDS
from answerable.worker.verbs import Status
from answerable.worker.verbs.control import Standing

STATIC: Final = Path(__file__).parent / "static"
THEMES: Final = ("system", "light", "dark")
_HEADERS: Final = {"Cache-Control": "no-store"}  # what people wrote stays in no cache


def _stamp() -> str:
    """Changes when a file that pages load changes: browsers may keep what they have till then."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.rglob("*.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


_env = Environment(
    loader=PackageLoader("answerable.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_env.filters |= FILTERS
_env.tests["erased"] = is_erased
_env.globals |= {"stamp": _stamp(), "themes": THEMES, "news": " ".join(sorted(KINDS))}


def html(visit: Visit, template: str, /, **values: object) -> HTMLResponse:
    """A page for who visits."""
    place = "/" + urlsplit(visit.url).path.strip("/").partition("/")[0]
    text = _env.get_template(template).render(visit=visit, theme=visit.theme, place=place, **values)
    return HTMLResponse(text, headers=_HEADERS)


def bare(template: str, status: int, theme: str = "", /, **values: object) -> HTMLResponse:
    """A page for who has no session, or whose request failed."""
    text = _env.get_template(template).render(theme=theme, **values)
    return HTMLResponse(text, status_code=status, headers=_HEADERS)


async def live(visit: Visit, template: str, /, **values: object) -> HTMLResponse:
    """A page that looks again when something happens: it says from where in the feed on."""
    standing = await visit.ask(Status(), Standing)
    return html(visit, template, standing=standing, **values)


def go(to: str) -> RedirectResponse:
    """After a change: look at a page again, so that a reload repeats nothing."""
    return RedirectResponse(to, status_code=303)


def pager(path: str, query: Mapping[str, str], *, oldest: object = "") -> dict[str, str]:
    """Links to the rows before `oldest` (empty where there are none) and back to the newest."""
    here = {name: value for name, value in query.items() if name != "before"}
    return {
        "older": link(path, **here, before=oldest) if oldest else "",
        "newest": link(path, **here) if query.get("before") else "",
    }


def link(path: str, /, **query: object) -> str:
    """A path with what is not empty of its query."""
    said = {name: value for name, value in query.items() if value not in ("", 0, None)}
    return f"{path}?{urlencode(said)}" if said else path
