"""A real browser that comes in by the console's door, and is watched while it is there."""

import os
import shutil
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from serving import Serving

CHROMIUM = os.environ.get("CHROMIUM", "") or shutil.which("chromium") or ""
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_PATIENCE_MS = 15_000


@dataclass
class Watched:
    """What went wrong in a browser, and what it asked of other hosts."""

    url: str
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self._asked(request.url))
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on(
            "console",
            lambda said: self.errors.append(said.text) if said.type == "error" else None,
        )

    def _asked(self, url: str) -> None:
        if not url.startswith((f"{self.url}/", "data:")):
            self.elsewhere.append(url)


@dataclass
class Door:
    """A browser, the house that it looks at, and the key that opens it."""

    browser: Browser
    served: Serving
    secret: str

    @property
    def url(self) -> str:
        return self.served.url

    def knock(self, path: str = "/", *, watched: Watched | None = None, **options: Any) -> Page:
        """A page in a context of its own, not let in yet."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        context.set_default_timeout(_PATIENCE_MS)
        if watched is not None:
            watched.over(context)
        page = context.new_page()
        page.goto(f"{self.url}{path}")
        return page

    def enter(self, *, watched: Watched | None = None, **options: Any) -> Page:
        """A page that was let in, at the overview."""
        page = self.knock(watched=watched, **options)
        page.get_by_label("Your key").fill(self.secret)
        page.get_by_role("button", name="Come in").click()
        page.get_by_role("heading", name="Is everything all right?").wait_for()
        return page
