"""In a real Chromium: each page, the journeys of who answers, the keyboard, both themes."""

import os
import re
import signal
from collections.abc import Iterator
from typing import Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from browsing import Door, Watched
from serving import Serving, message, settled

EVIL = 'where is <script>document.title = "mine"</script> \u202e my order?'
_CUT_OFF = """[...document.querySelectorAll(
    '.stages > li, .tile, .facts > dd, .card > header, .scroll, .ruling, .grounds dd')]
    .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"""


@pytest.fixture(scope="module")
def client(served: Serving, secret: str) -> Iterator[httpx.Client]:
    with served.with_key(secret) as client:
        yield client


@pytest.fixture(scope="module")
def busy(client: httpx.Client) -> dict[str, str]:
    """Paths of everything that there is to look at, in a house where something waits."""
    told = {}
    for id_, text in (("b1", EVIL), ("b2", "refund 900 please"), ("b3", "a human please")):
        acked = client.post("/v1/messages", json=message(id_, text)).json()
        told[id_] = acked["interaction"]
    for id_ in ("b1", "b3"):
        settled(client, told[id_])
    (hold,) = wait_for_hold(client)
    case, party = hold["case"], client.get("/v1/parties").json()[0]["party"]
    return {
        "home": "/", "desk": "/desk", "approvals": "/approvals",
        "confirm": f"/approvals/{hold['effect']}?says=grant", "cases": "/cases",
        "case": f"/cases/{case}", "interactions": "/interactions",
        "interaction": f"/interactions/{told['b2']}", "decisions": "/decisions",
        "decision": f"/decisions/{hold['decision']}", "agents": "/agents",
        "agent": "/agents/support", "hand back": "/agents/support/handback?code=asked",
        "people": "/people", "parties": "/parties",
        "party": f"/parties/{party}", "ledger": "/ledger", "found": f"/ledger?id={case}",
        "entry": "/ledger/entries/3", "stop": "/stop",
        "stop confirm": "/stop/confirm?scope=support&mode=ask",
    }  # fmt: skip


def wait_for_hold(client: httpx.Client) -> list[dict[str, str]]:
    for _ in range(200):
        holds: list[dict[str, str]] = client.get("/v1/approvals").json()
        if holds:
            return holds
    raise AssertionError("nothing was held")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_can_be_read_and_used_by_everybody(
    door: Door, watched: Watched, busy: dict[str, str], theme: Literal["light", "dark"], width: int
) -> None:
    page = door.enter(watched=watched, color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    axe = Axe()
    for name, path in busy.items():
        response = page.goto(door.url + path)
        assert response is not None
        assert response.status == 200, name
        expect(page.locator("h1")).to_have_count(1)
        found = axe.run(page).response["violations"]
        grave = [
            (one["id"], [node["html"][:200] for node in one["nodes"]])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert grave == [], (name, grave)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} is {wide} px wider than the window"
        assert page.evaluate(_CUT_OFF) == [], name
        assert page.title() != "mine"
    page.context.close()


def test_on_a_phone_the_question_stands_at_the_top_and_the_page_that_one_is_on_is_named(
    door: Door, watched: Watched, busy: dict[str, str]
) -> None:
    page = door.enter(watched=watched)
    page.set_viewport_size({"width": 390, "height": 844})
    for name in ("home", "interactions", "ledger", "stop", "people"):
        page.goto(door.url + busy[name])
        expect(page.locator(".nav [aria-current]")).to_be_in_viewport(ratio=1)
        expect(page.get_by_role("button", name="Log out")).to_be_in_viewport(ratio=1)
        question = page.locator("h1").bounding_box()
        assert question is not None
        assert question["y"] < 220, (name, question)
    for theme in page.locator(".themes button").all():
        box = theme.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44, "a finger hits it"
    page.context.close()


def test_who_has_no_key_is_asked_for_one_and_then_led_where_they_wanted_to_go(door: Door) -> None:
    page = door.knock("/ledger?kind=decided")
    page.get_by_label("Your key").fill("none")
    page.get_by_role("button", name="Come in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert Axe().run(page).violations_count == 0
    page.get_by_label("Your key").fill(door.secret)
    page.get_by_role("button", name="Come in").click()
    expect(page.get_by_role("heading", name="Can you prove it?")).to_be_visible()
    expect(page.get_by_label("Kind")).to_have_value("decided")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Your key")).to_be_visible()
    page.context.close()


def test_a_refund_that_waits_appears_is_granted_on_a_second_look_and_done(
    page: Page, served: Serving, client: httpx.Client, busy: dict[str, str]
) -> None:
    page.goto(f"{served.url}/approvals")
    expect(page.locator("#link-word")).to_have_text("Live")
    before = page.locator("li.hold").count()
    said = message("j1", "a refund please, the lid is cracked", **{"from": "ida@example.org"})
    told = client.post("/v1/messages", json=said).json()["interaction"]
    hold = page.locator("li.hold", has_text="the lid is cracked")
    expect(hold).to_be_visible()  # without a reload
    assert page.locator("li.hold").count() == before + 1
    expect(hold).to_contain_text("40.00 USD")
    expect(hold).to_contain_text("ida@example.org")
    expect(hold.locator("time[data-until]")).to_have_text(re.compile(r"^in \d+ "))
    hold.get_by_role("link", name="Grant").click()
    expect(page.get_by_role("heading", name="Grant exactly this?")).to_be_visible()
    expect(page.locator("pre.code")).to_contain_text('"order":"A1"')
    page.get_by_role("button", name="Yes, do it: 40.00 USD").click()
    expect(page.get_by_role("status").filter(has_text="done")).to_be_visible()
    expect(page.locator("li.hold", has_text="the lid is cracked")).to_have_count(0)
    assert settled(client, told)["disposition"] == "answered"
    assert served.home.sent.count("Refunded.") == 1
    page.get_by_role("link", name="The decision").click()
    expect(page.locator(".sentence")).to_contain_text("Olga Owner")


def test_a_case_is_taken_over_answered_and_handed_back(
    page: Page, served: Serving, client: httpx.Client, busy: dict[str, str]
) -> None:
    page.goto(f"{served.url}/desk")
    expect(page.locator("#link-word")).to_have_text("Live")
    sender = {"from": "lee@example.org"}
    told = client.post("/v1/messages", json=message("t1", "a human, please", **sender)).json()
    case = str(settled(client, told["interaction"])["case"])
    row = page.locator(f"#{case}")
    expect(row).to_be_visible()  # without a reload
    row.get_by_role("button", name="Take").click()
    expect(page.get_by_text("You hold this case.")).to_be_visible()
    box = page.get_by_label("Your reply to the message")
    box.fill("I look into it.\nSam")
    client.post("/v1/messages", json=message("t2", "are you there?", **sender))
    expect(page.get_by_text("are you there?")).to_be_visible()  # it came in while they wrote
    expect(box).to_have_value("I look into it.\nSam")
    page.get_by_role("button", name="Send the reply").click()
    expect(page.get_by_text("Your reply was sent.")).to_be_visible()
    expect(page.locator(".bubble.ours", has_text="I look into it.")).to_have_count(1)
    assert served.home.sent.count("I look into it.\nSam") == 1
    page.get_by_role("button", name="Hand back to the agent").click()
    expect(page.get_by_text("Held by agent support.")).to_be_visible()


def test_rows_and_pages_are_reached_by_keys(
    page: Page, served: Serving, busy: dict[str, str]
) -> None:
    page.goto(f"{served.url}/interactions")
    rows = page.locator("tr.row")
    ids = [rows.nth(index).get_attribute("id") for index in range(2)]
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".row.here")).to_have_attribute("id", str(ids[1]))
    page.keyboard.press("k")
    expect(page.locator(".row.here")).to_have_attribute("id", str(ids[0]))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/interactions/{ids[0]}")
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_url("**/desk")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.get_by_label("Keys without Ctrl are on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("a")
    assert page.url.endswith("/desk"), "who turned them off is not moved by a letter"


def test_an_id_is_found_from_anywhere(page: Page, served: Serving, busy: dict[str, str]) -> None:
    case = busy["case"].removeprefix("/cases/")
    expect(page.get_by_role("button", name="Keys")).to_be_visible()  # the scripts have run
    page.keyboard.press("Control+k")
    page.keyboard.type(case)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/ledger?id={case}")
    page.get_by_role("link", name="Open it").click()
    page.wait_for_url(f"**{busy['case']}")


def test_a_theme_is_chosen_and_stays(page: Page, served: Serving) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(ground) != light
    page.goto(f"{served.url}/people")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_day_is_drawn_by_the_hour(page: Page, busy: dict[str, str]) -> None:
    page.reload()
    expect(page.locator(".hours canvas")).to_be_visible()
    page.get_by_text("The hours as a table").click()
    expect(page.locator("#hours-table tbody tr").last).to_be_visible()


def test_without_scripts_a_person_still_answers(door: Door, busy: dict[str, str]) -> None:
    page = door.enter(java_script_enabled=False)
    page.get_by_label("Find by id").fill(busy["case"].removeprefix("/cases/"))
    page.get_by_role("button", name="Find").first.click()
    page.get_by_role("link", name="Open it").click()
    expect(page.get_by_role("heading", name="What was said")).to_be_visible()
    page.goto(door.url + busy["confirm"].replace("grant", "refuse"))
    page.get_by_role("button", name="No, refuse it").click()
    expect(page.get_by_role("status").filter(has_text="refused")).to_be_visible()
    page.context.close()


def test_who_lost_the_line_is_told_and_who_lost_the_session_is_asked_again(door: Door) -> None:
    """The HTTP process dies, and its sessions with it. It is the last test of this file."""
    page = door.enter()
    expect(page.locator("#link-word")).to_have_text("Live")
    os.kill(door.served.http, signal.SIGKILL)
    expect(page.locator("#link-word")).to_have_text("Reconnecting")
    expect(page.get_by_label("Your key")).to_be_visible(timeout=30_000)
    page.context.close()
