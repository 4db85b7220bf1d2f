"""Somebody who looks at the console's pages, over a real office, without a browser or HTTP."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
from starlette.responses import Response
from starlette.routing import compile_path

from answerable.console import PAGES, Page, Visit
from answerable.effects.domain import Status
from answerable.rails.port import Incoming
from answerable.testing.world import SPECIALIST, Till, World
from answerable.worker import commands, verbs
from answerable.worker.commands.office import Office
from answerable.worker.verbs.control import Standing
from answerable.worker.verbs.people import KeyHolder
from offices import open_for
from stories import HOLD_TOOLS, support

T = TypeVar("T")


@dataclass
class Visitor:
    """Asks as the server would: each answer crosses from the worker as JSON does."""

    office: Office
    scopes: tuple[str, ...] = ("all",)
    theme: str = ""

    async def ask(self, verb: verbs.Verb, returns: type[T]) -> T:
        sent = verbs.decode_verb(msgspec.json.encode(verb))
        result = await commands.call(self.office, sent)
        return msgspec.json.decode(msgspec.json.encode(result), type=returns)

    async def go(self, method: str, url: str, form: Mapping[str, str] | None = None) -> Response:
        """Raises what the page raises, and LookupError where there is none."""
        parts = urlsplit(url)
        page, path = _page(method, parts.path)
        person = self.office.house.hall.people.find(SPECIALIST).id
        return await page.show(
            Visit(
                ask=self.ask, path=path, query=dict(parse_qsl(parts.query)), form=form or {},
                holder=KeyHolder("key_1", person, "Sam Specialist", self.scopes, 0),
                csrf="a-token", url=url, theme=self.theme,
            )
        )  # fmt: skip

    async def see(self, url: str) -> str:
        """A page's HTML, well formed."""
        response = await self.go("GET", url)
        assert response.status_code == 200, (url, response.status_code)
        text = bytes(response.body).decode()
        if response.media_type == "text/html":
            check_form(text)
        return text

    async def send(self, url: str, **form: str) -> str:
        """Send a form; where it leads."""
        response = await self.go("POST", url, form | {"csrf": "a-token"})
        assert response.status_code == 303
        return response.headers["location"]

    async def hear(self, text: str, external_id: str, sender: str = "kim@example.org") -> None:
        """A message comes in, and everything that it causes has happened."""
        message = Incoming(external_id=external_id, sender=sender, text=text, rail="email")
        await self.ask(verbs.MessagesAccept((message,)), list[dict[str, object]])
        await self.settled()

    async def settled(self) -> None:
        async with asyncio.timeout(20):
            while (now := await self.ask(verbs.Status(), Standing)).waiting or now.in_flight:
                await asyncio.sleep(0.01)

    def ids(self, column: str, table: str = "interaction") -> list[str]:
        rows = self.office.house.hall.db.execute(f'SELECT "{column}" FROM {table} ORDER BY id')
        return [str(row[0]) for row in rows]

    def held(self) -> str:
        """The one effect that waits for a person."""
        sql = "SELECT id FROM effect WHERE status = ?"
        (row,) = self.office.house.hall.db.execute(sql, (Status.HELD.value,)).fetchall()
        return str(row[0])


@asynccontextmanager
async def looking(folder: Path) -> AsyncIterator[Visitor]:
    """A house whose agent asks before it refunds."""
    world = World(home=folder / "home", agent=support(Till()), policy=HOLD_TOOLS)
    await world.found()
    async with open_for(world) as office:
        yield Visitor(office)


def _page(method: str, path: str) -> tuple[Page, dict[str, str]]:
    for page in sorted(PAGES, key=lambda page: page.path.count("{")):
        found = compile_path(page.path)[0].match(path)
        if page.method == method and found is not None:
            return page, found.groupdict()
    raise LookupError(f"{method} {path}")


_VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})


class _Nesting(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """It opens and closes: nothing stays open."""

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> at {self.getpos()}")


def check_form(text: str) -> None:
    """Every element is closed where it must be, ids are unique, there is one h1."""
    parser = _Nesting()
    parser.feed(text)
    assert parser.problems == [], parser.problems
    assert parser.open == []
    doubled = {one for one in parser.ids if parser.ids.count(one) > 1}
    assert not doubled, doubled
    assert parser.headings.count(1) == 1
