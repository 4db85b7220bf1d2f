"""The pages of a bundle and of an access file, opened from disk in a real Chromium, without a
server: they can be read and used by everybody, and ask nobody for anything."""

import asyncio
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect, sync_playwright

from answerable.testing.world import OWNER, Life
from answerable.worker import verbs
from browsing import ARGUMENTS, CHROMIUM, Watched
from offices import asking, small_world

EVIL = f'refund <script>document.title = "mine"</script> \u202e {"x" * 300}'
PAGES = ("case", "owner", "everything", "decision", "access")


async def _ids(life: Life) -> dict[str, str]:
    case = life.db.execute('SELECT id, party FROM "case"').fetchone()
    decided = await life.entries("decided")
    return {"case": case[0], "party": case[1], "decision": decided[0].id}


async def _written(folder: Path) -> None:
    world = await small_world(folder / "home")
    async with world.running() as life:
        for number in range(3):
            await life.say(EVIL, external_id=f"m{number}", sender="kim@a.example")
        await life.say("human", external_id="m9", sender="kim@a.example")
        await life.settled()
        ask, ids = asking(life), await _ids(life)
        to, owner = str(folder / "{}.zip"), life.person(OWNER)
        for kind, of, by in (
            ("case", ids["case"], OWNER), ("decision", ids["decision"], ""), ("everything", "", ""),
        ):  # fmt: skip
            await ask(verbs.LedgerExport(to.format(kind), kind, of, bodies_by=by))
        whole = verbs.LedgerExport(to.format("owner"), "owner", owner, 0, 2**52, OWNER)
        await ask(whole)
        await ask(verbs.PartyExport(to.format("access"), ids["party"], OWNER))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each file as who gets it unpacks it. Made before the browser: its loop suffers no other."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium here: `make browser` installs it, and runs these tests")
    folder = tmp_path_factory.mktemp("disk")
    asyncio.run(_written(folder))
    for name in PAGES:
        with zipfile.ZipFile(folder / f"{name}.zip") as held:
            held.extractall(folder / name)
    return folder


@pytest.fixture(scope="module")
def chromium(unpacked: Path) -> Iterator[Browser]:
    assert unpacked.is_dir()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_each_can_be_read_and_used_by_everybody(
    chromium: Browser, unpacked: Path, name: str, theme: Literal["light", "dark"], width: int
) -> None:
    watched = Watched(f"file://{unpacked / name}")
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
    )
    watched.over(context)
    page = context.new_page()
    page.goto(f"{watched.url}/index.html")
    expect(page.locator("h1")).to_have_count(1)
    grave = [
        (one["id"], [node["html"][:200] for node in one["nodes"]])
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert grave == []
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"it is {wide} px wider than the window"
    assert page.title() != "mine"
    dark = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
    assert dark == "light dark"
    assert (watched.errors, watched.elsewhere) == ([], [])
    context.close()


@pytest.mark.parametrize("name", [name for name in PAGES if name != "access"])
def test_each_link_leads_to_a_file_that_is_there(
    chromium: Browser, unpacked: Path, name: str
) -> None:
    page = chromium.new_page()
    page.goto(f"file://{unpacked / name}/index.html")
    links = [link.get_attribute("href") or "" for link in page.locator("a").all()]
    assert links
    assert [link for link in links if not (unpacked / name / link).is_file()] == []
    page.close()
