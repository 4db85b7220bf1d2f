"""Templates in, HTML out: escaped by default, and a name that is missing is an error."""

from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from answerable.console.page import Visit

STATIC: Final = Path(__file__).parent / "static"

_env = Environment(
    loader=PackageLoader("answerable.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html(visit: Visit, template: str, /, **values: object) -> HTMLResponse:
    """A page for who visits."""
    return HTMLResponse(_env.get_template(template).render(visit=visit, **values))


def bare(template: str, status: int, /, **values: object) -> HTMLResponse:
    """A page for who has no session, or whose request failed."""
    return HTMLResponse(_env.get_template(template).render(**values), status_code=status)
