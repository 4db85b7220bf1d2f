"""Every page renders what is in a real house: an empty one, a busy one, one that has forgotten."""

import io
import json
import re
import zipfile
from pathlib import Path

import pytest

from answerable.base.errors import AnswerableError, NotFound, UsageError
from answerable.console import PAGES, error_page, login_page
from answerable.ledger.proof import verify_proof
from looking import Visitor, check_form, looking
from stories import run

EVIL = "refund 900 <script>alert(1)</script> \u202eDSU 00.01\u202c \x1b[31m & \"quotes\" 'x'"
LISTS = (
    "/", "/desk", "/approvals", "/cases", "/interactions", "/decisions", "/parties", "/agents",
    "/people", "/ledger", "/stop",
)  # fmt: skip


async def busy(visitor: Visitor) -> None:
    """One is answered, one waits for a yes, one waits for a person."""
    await visitor.hear("Where is my tea?", "m1")
    await visitor.hear(EVIL, "m2", "eve@example.org")
    await visitor.hear("a human please", "m3", "lee@example.org")


def test_every_list_says_that_nothing_is_there_yet(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            for url in LISTS:
                await visitor.see(url)
            assert "Nothing waits for a yes." in await visitor.see("/approvals")
            assert "Nothing waits for a person." in await visitor.see("/desk")
            assert "Nothing is stopped." in await visitor.see("/stop")

    run(scenario)


def test_every_page_shows_a_busy_house(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await busy(visitor)
            for url in LISTS:
                await visitor.see(url)
            for case in visitor.ids("case"):
                assert case in await visitor.see(f"/cases/{case}")
            for interaction in visitor.ids("id"):
                page = await visitor.see(f"/interactions/{interaction}")
                assert all(f">{stage} <" in page for stage in ("Receive", "Decide", "Record"))
            for decision in visitor.ids("decision", "effect"):
                page = await visitor.see(f"/decisions/{decision}")
                assert "Olga Owner" in page
                assert "was accountable, and ledger entry" in page
            for party in visitor.ids("party"):
                assert party in await visitor.see(f"/parties/{party}")
            page = await visitor.see("/agents/support")
            assert "Olga Owner" in page
            assert "refund" in page

    run(scenario)


def test_the_words_of_a_stranger_are_shown_and_do_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await busy(visitor)
            effect = visitor.held()
            case, interaction = visitor.ids("case")[1], visitor.ids("id")[1]
            for url in (
                f"/cases/{case}", f"/interactions/{interaction}", "/approvals",
                f"/approvals/{effect}?says=grant",
            ):  # fmt: skip
                page = await visitor.see(url)
                assert "<script>alert" not in page, url
                assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page, url
                assert "\u202e" not in page, url
                assert "\x1b" not in page, url
                assert "U+202E" in page, url

    run(scenario)


def test_what_a_url_says_is_data_too(tmp_path: Path) -> None:
    evil = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E"

    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            for url in LISTS:
                for name in ("agent", "holder", "disposition", "verdict", "kind", "id", "queue",
                             "before", "done", "settled"):  # fmt: skip
                    try:
                        page = await visitor.see(f"{url}?{name}={evil}")
                    except AnswerableError as error:
                        page = bytes(error_page(error.http_status, error).body).decode()
                    assert "<script>alert" not in page, (url, name)
            page = bytes(login_page("/?x=<script>alert(1)</script>", "<b>No.</b>").body).decode()
            assert "<script>alert" not in page
            assert "<b>" not in page
            check_form(page)

    run(scenario)


def test_what_was_erased_is_said_to_be_erased(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await busy(visitor)
            hall = visitor.office.house.hall
            kids = [hall.parties.get(party).kid for party in visitor.ids("party")]
            addresses = await hall.keyring.address_kids(visitor.ids("inbox"))
            hall.keyring.destroy([*kids, *addresses.values()])
            for case in visitor.ids("case"):
                assert "Erased" in await visitor.see(f"/cases/{case}")
            for interaction in visitor.ids("id"):
                assert "Erased" in await visitor.see(f"/interactions/{interaction}")
            for decision in visitor.ids("decision", "effect"):
                page = await visitor.see(f"/decisions/{decision}")
                assert "Erased" in page
                assert "was accountable, and ledger entry" in page, "the proof outlives the words"
            assert "Erased" in await visitor.see("/approvals")

    run(scenario)


def test_a_hold_shows_all_that_it_takes_to_decide(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await visitor.hear("refund 900 please, the pot was broken", "m1")
            effect = visitor.held()
            for url in ("/approvals", f"/approvals/{effect}?says=grant"):
                page = await visitor.see(url)
                text = re.sub(r"<[^>]+>", "", page)
                assert "9.00 USD" in text, "how much"
                assert "order_id" in text, "what exactly"
                assert "the pot was broken" in text, "in whose words"
                assert "kim@example.org" in text, "for whom"
                assert "tools" in text, "by which rule it is asked"
                assert "Olga Owner" in text, "who answers for it"
                assert "data-until" in page, "until when"

    run(scenario)


def test_a_yes_is_given_on_a_page_of_its_own_and_leads_back_to_what_became_of_it(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await visitor.hear("refund 900", "m1")
            effect = visitor.held()
            page = await visitor.see("/approvals")
            assert f'href="/approvals/{effect}?says=grant"' in page
            assert 'action="/approvals/' not in page, "no word is given without a second look"
            to = await visitor.send(f"/approvals/{effect}", says="grant")
            assert to == f"/approvals?answered={effect}"
            await visitor.settled()
            assert re.search(r"refund[^<]*</bdi>: done", await visitor.see(to))
            with pytest.raises(NotFound):
                await visitor.see(f"/approvals/{effect}?says=grant")

    run(scenario)


def test_a_yes_that_would_be_in_vain_is_not_offered_and_the_page_says_why(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await busy(visitor)
            effect = visitor.held()
            await visitor.send("/stop", scope="*", mode="pause", on="1")
            page = await visitor.see("/approvals")
            assert "It could not act now: <bdi>a stop (pause) is on everything</bdi>." in page
            assert "says=grant" not in page
            assert "says=refuse" in page
            asked = await visitor.see(f"/approvals/{effect}?says=grant")
            assert 'value="grant"' not in asked
            with pytest.raises(AnswerableError, match="Your yes was not taken"):
                await visitor.send(f"/approvals/{effect}", says="grant")

    run(scenario)


def test_a_word_that_is_neither_yes_nor_no_is_none(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await visitor.hear("refund 900", "m1")
            effect = visitor.held()
            with pytest.raises((AnswerableError, ValueError)):
                await visitor.send(f"/approvals/{effect}", says="perhaps")
            assert visitor.held() == effect

    run(scenario)


def test_a_case_is_taken_answered_once_and_handed_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await visitor.hear("a human please", "m1")
            (case,) = visitor.ids("case")
            assert "waits for a person" in await visitor.see(f"/cases/{case}")
            assert await visitor.send(f"/cases/{case}/take") == f"/cases/{case}"
            page = await visitor.see(f"/cases/{case}")
            assert "You hold this case." in page
            (interaction,) = visitor.ids("id")
            reply = {"text": "I am here.\r\nSam", "interaction": interaction, "said": "0"}
            for _ in range(2):  # a form that is sent twice
                await visitor.send(f"/cases/{case}/reply", **reply)
            page = await visitor.see(f"/cases/{case}")
            assert page.count("I am here.\nSam") == 1
            assert await visitor.send(f"/cases/{case}/handback") == f"/cases/{case}"
            assert "Held by agent support." in await visitor.see(f"/cases/{case}")

    run(scenario)


def test_what_a_stop_sent_to_people_is_handed_back_at_once_after_a_second_look(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await visitor.hear("a human please", "m0", "asks@example.org")
            await visitor.send("/stop", scope="support", mode="pause", on="1")
            for number in (1, 2):
                await visitor.hear("hello", f"m{number}", f"kim{number}@example.org")
            await visitor.send("/stop", scope="support", mode="pause", on="0")
            assert "/agents/support/handback?code=stopped" in await visitor.see("/agents/support")
            page = await visitor.see("/agents/support/handback?code=stopped")
            assert "Hand 2 cases back to support?" in page
            assert "1 case with asked" in page, "what stays is said"
            assert (await visitor.see("/desk")).count('/take"') == 3, "looking changes nothing"
            to = await visitor.send("/agents/support/handback", code="stopped")
            page = await visitor.see(to)
            assert "Handed back to the agent: 2 cases." in page
            assert "code=stopped" not in page
            assert "code=asked" in page

    run(scenario)


def test_a_stop_is_put_and_let_go_after_a_second_look(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            assert 'method="post" action="/stop"' not in await visitor.see("/stop")
            page = await visitor.see("/stop/confirm?kind=agent&agent=support&mode=ask")
            assert 'name="scope" value="support"' in page
            to = await visitor.send("/stop", scope="support", mode="ask", on="1")
            assert "1 stop is in force." in await visitor.see(to)
            assert "ask" in await visitor.see("/agents/support")
            await visitor.send("/stop", scope="support", mode="ask", on="0")
            assert "Nothing is stopped." in await visitor.see("/stop")
            with pytest.raises(UsageError):
                await visitor.see("/stop/confirm?kind=agent")

    run(scenario)


def test_what_is_exported_proves_itself_with_the_logs_key_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await visitor.hear("refund 900", "m1")
            response = await visitor.go("GET", "/ledger/export.zip?kind=decided")
            packed = zipfile.ZipFile(io.BytesIO(bytes(response.body)))
            names = [name for name in packed.namelist() if name.endswith(".entry.json")]
            assert len(names) == 2
            key = visitor.office.house.vkey
            for name in names:
                entry = packed.read(name)
                proof = packed.read(name.replace(".entry.json", ".proof.txt")).decode()
                assert verify_proof(proof, entry, [key]).size > 0
                assert json.loads(entry)["kind"] == "decided"

    run(scenario)


def test_the_ledger_is_searched_by_number_and_by_id(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await visitor.hear("hello", "m1")
            (case,) = visitor.ids("case")
            page = await visitor.see("/ledger?id=0")
            assert page.count('class="row"') == 1
            assert 'href="/ledger/entries/0"' in page
            page = await visitor.see(f"/ledger?id={case}")
            assert f'href="/cases/{case}"' in page, "it has a page of its own"
            assert "What does entry 0 say?" in await visitor.see("/ledger/entries/0")
            for index in ("99999", "01", "-1", "x", "9" * 40):
                with pytest.raises(NotFound):
                    await visitor.see(f"/ledger/entries/{index}")

    run(scenario)


def test_what_a_key_may_not_do_is_not_offered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await busy(visitor)
            visitor.scopes = ("read",)
            case = visitor.ids("case")[-1]
            pages = [*LISTS, f"/cases/{case}", f"/approvals/{visitor.held()}", "/agents/support"]
            for url in pages:
                page = await visitor.see(url)
                forms = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"', page)
                assert set(forms) == {"/theme", "/logout"}, url

    run(scenario)


def test_a_theme_is_kept_in_a_cookie_and_leads_back_to_the_page_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            form = {"theme": "dark", "next": "/cases?agent=support"}
            response = await visitor.go("POST", "/theme", form)
            assert response.headers["location"] == "/cases?agent=support"
            assert "theme=dark" in response.headers["set-cookie"]
            visitor.theme = "dark"
            assert 'data-theme="dark"' in await visitor.see("/")
            visitor.theme = '"><script>'
            assert "data-theme" not in await visitor.see("/")
            for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "x:y"):
                assert await visitor.send("/theme", theme="dark", next=elsewhere) == "/"

    run(scenario)


def test_every_form_that_changes_something_carries_the_sessions_token(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await busy(visitor)
            case = visitor.ids("case")[-1]
            for url in (*LISTS, f"/cases/{case}", f"/approvals/{visitor.held()}?says=refuse",
                        "/stop/confirm?scope=*"):  # fmt: skip
                page = await visitor.see(url)
                for form in re.findall(r'<form[^>]*method="post".*?</form>', page, re.DOTALL):
                    assert 'name="csrf" value="a-token"' in form, (url, form)

    run(scenario)


def test_pages_that_change_something_are_posts_and_only_they() -> None:
    changing = {page.path for page in PAGES if page.method == "POST"}
    assert changing == {
        "/theme", "/stop", "/approvals/{effect}", "/desk/effects/{effect}", "/cases/{case}/take",
        "/cases/{case}/reply", "/cases/{case}/handback", "/agents/{agent}/accept",
        "/agents/{agent}/handback",
    }  # fmt: skip
    by_readers = {page.path for page in PAGES if page.method == "POST" and page.scope == "read"}
    assert by_readers == {"/theme"}


def test_to_stop_everything_is_said_in_words(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            page = await visitor.see("/stop/confirm?scope=*")
            assert "<dd>every agent, every tool</dd>" in page

    run(scenario)


def test_the_overview_says_at_a_glance_whether_everything_is_all_right(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            page = await visitor.see("/")
            assert 'class="answer good"' in page
            assert "<strong>Yes.</strong>" in page
            assert "The one agent here has a person who answers for it." in page
            await visitor.send("/stop", scope="support", mode="pause", on="1")
            page = await visitor.see("/")
            assert 'class="answer wait"' in page
            assert "<strong>Not quite: 1 thing to look at.</strong>" in page
            assert page.index("is stopped: pause") < page.index("The last 24 hours")

    run(scenario)


def test_an_interaction_names_verdict_rule_owner_and_proof_before_anything_else(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            await visitor.hear("refund please", "m1")
            page = await visitor.see(f"/interactions/{visitor.ids('id')[0]}")
            first = page[page.index("The verdicts") : page.index("The seven stages")]
            (index,) = re.findall(r'href="/ledger/entries/(\d+)/proof.txt"', first)[:1]
            for part in (">hold<", "refund of 40.00 USD", "<code>", "@tools", "Olga Owner"):
                assert part in first, part
            answer = await visitor.go("GET", f"/ledger/entries/{index}/proof.txt")
            assert bytes(answer.body).startswith(b"c2sp.org/tlog-proof@v1\n")

    run(scenario)
