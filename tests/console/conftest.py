"""A real browser over a real `answerable serve`. Where there is no Chromium, these tests skip."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from browsing import ARGUMENTS, CHROMIUM, Door, Watched
from homes import SPECIALIST, SmallHome
from serving import Serving, serving

expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    if not CHROMIUM:
        pytest.skip("there is no Chromium here: `make browser` installs it, and runs these tests")
    home = SmallHome(tmp_path_factory.mktemp("console") / "home").found()
    with serving(home) as found:
        yield found


@pytest.fixture(scope="module")
def secret(served: Serving) -> str:
    """A key of the specialist's. Made before the browser: its loop suffers no other beside it."""
    return served.key("all", person=SPECIALIST)


@pytest.fixture(scope="module")
def door(served: Serving, secret: str) -> Iterator[Door]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield Door(chromium, served, secret)
        chromium.close()


@pytest.fixture
def watched(served: Serving) -> Iterator[Watched]:
    """No page may say an error in the browser's console, or ask another host for anything."""
    watched = Watched(served.url)
    yield watched
    assert watched.errors == []
    assert watched.elsewhere == []


@pytest.fixture
def page(door: Door, watched: Watched) -> Iterator[Page]:
    page = door.enter(watched=watched)
    yield page
    page.context.close()
