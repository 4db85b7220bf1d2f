"""`/` Is everything all right?"""

from starlette.responses import Response

from answerable.console.page import Page, Visit
from answerable.console.render import live
from answerable.worker.verbs import Overview
from answerable.worker.verbs.control import OverviewView


async def home(visit: Visit) -> Response:
    seen = await visit.ask(Overview(), OverviewView)
    return await live(visit, "home.html", seen=seen)


PAGES = (Page("GET", "/", "read", home),)
