"""Whoever comes in acts as themselves: the ledger names the person of the key or the session."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import httpx
import msgspec
import pytest

from answerable.console import PAGES
from answerable.server.calls import Operation
from answerable.server.routes import ROUTES
from answerable.server.table import options
from homes import LOST, OWNER, SPECIALIST, SmallHome
from serving import Serving, message, serving, settled

UNTIL = 4_000_000_000_000_000
SILENT = "writes nothing"
numbers = count(1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    home = SmallHome(tmp_path_factory.mktemp("actors") / "home").found()
    home.agent.write_text(LOST)
    with serving(home) as found:
        yield found


@pytest.fixture(scope="module")
def olga(house: Serving) -> Iterator[httpx.Client]:
    with house.client("all", person=OWNER) as client:
        yield client


@pytest.fixture(scope="module")
def sam(house: Serving) -> Iterator[httpx.Client]:
    with house.client("all", person=SPECIALIST) as client:
        yield client


def person_of(client: httpx.Client, name: str) -> str:
    return str(next(row["id"] for row in client.get("/v1/people").json() if row["name"] == name))


def hear(client: httpx.Client, text: str) -> dict[str, object]:
    """A message of somebody new; its interaction, as it is told."""
    number = next(numbers)
    said = message(f"a{number}", text, **{"from": f"kim{number}@example.org"})
    interaction = client.post("/v1/messages", json=said).json()["interaction"]
    if "refund" in text:
        return dict(client.get(f"/v1/interactions/{interaction}", params={"wait_s": 2}).json())
    return settled(client, interaction)


def held(client: httpx.Client) -> str:
    """An effect that waits for a yes."""
    hear(client, "a refund please")
    return str(client.get("/v1/approvals").json()[0]["effect"])


def unknown(client: httpx.Client) -> str:
    """An effect of which nobody knows how it ended."""
    effect = held(client)
    said = client.post(f"/v1/approvals/{effect}", json={"says": "grant"}).raise_for_status()
    assert said.json()["status"] == "asked"
    assert effect in [row["effect"] for row in client.get("/v1/unknown").json()]
    return effect


def waiting(client: httpx.Client) -> str:
    """A case that waits at the desk."""
    return str(hear(client, "a human please")["case"])


@dataclass
class Books:
    """The ledger, as far as it has been looked at."""

    client: httpx.Client
    seen: set[int] = field(default_factory=set)

    def new(self) -> list[dict[str, object]]:
        rows = self.client.get("/v1/ledger/entries", params={"limit": 1000}).json()
        found = [row for row in rows if row["index"] not in self.seen]
        self.seen |= {row["index"] for row in found}
        return [json.loads(row["entry"]) for row in found]

    def actors(self, do: Callable[[], httpx.Response], kind: str) -> set[object]:
        """Who is named in the entries of this kind that came of it."""
        self.new()
        answer = do()
        assert answer.status_code in (200, 303), answer.text
        return {entry.get("actor") for entry in self.new() if entry["kind"] == kind}


# ---------------------------------------------------------------------------------------- by HTTP


def test_every_change_over_http_is_in_the_name_of_the_keys_person(
    olga: httpx.Client, sam: httpx.Client
) -> None:
    of_olga, of_sam = person_of(olga, "Olga Owner"), person_of(olga, "Sam Specialist")
    books, told = Books(olga), set()

    def check(name: str, kind: str, actor: str, do: Callable[[], httpx.Response]) -> None:
        assert books.actors(do, kind) == {actor}, name
        told.add(name)

    case = waiting(olga)
    desk = f"/v1/desk/{case}"
    check("takeCase", "lease", of_sam, lambda: sam.post(f"{desk}/take"))
    check("replyAtDesk", "decided", of_sam, lambda: sam.post(f"{desk}/reply", json={"text": "hi"}))
    check("handCaseBack", "handback", of_sam, lambda: sam.post(f"{desk}/handback"))
    waiting(olga)
    asked = {"code": "asked", "is_meant": True}
    all_of = "/v1/agents/support/handback"
    check("handCasesBack", "handback", of_sam, lambda: sam.post(all_of, json=asked))
    stop = {"scope": "support", "mode": "ask"}
    check("stop", "stop", of_sam, lambda: sam.post("/v1/stop", json=stop))
    check("liftStop", "stop", of_sam, lambda: sam.delete("/v1/stop", params=stop))
    effect, yes, happened = held(olga), {"says": "grant"}, {"says": "done"}
    approval, settle = f"/v1/approvals/{effect}", f"/v1/effects/{effect}/settle"
    check("answerApproval", "approval", of_sam, lambda: sam.post(approval, json=yes))
    check("settleEffect", "effect.done", of_sam, lambda: sam.post(settle, json=happened))
    agent = "/v1/agents/support"
    check(
        "askOwner",
        "owner.changed",
        of_olga,
        lambda: olga.post(f"{agent}/owner", json={"person": of_sam}),
    )
    check("acceptOwnership", "owner.accepted", of_sam, lambda: sam.post(f"{agent}/accept"))
    check(
        "delegateOwnership",
        "owner.delegated",
        of_sam,
        lambda: sam.post(f"{agent}/delegate", json={"to": of_olga, "until": UNTIL}),
    )
    all_bodies = {"kind": "everything", "bodies": True}
    check(
        "exportBundle",
        "access.read",
        of_sam,
        lambda: sam.post("/v1/ledger/export", json=all_bodies),
    )
    made: list[str] = []

    def make() -> httpx.Response:
        answer = sam.post("/v1/keys", json={"scopes": ["read"]})
        made.append(answer.json()["id"])
        return answer

    check("makeKey", "key.added", of_sam, make)
    check("revokeKey", "key.revoked", of_olga, lambda: olga.delete(f"/v1/keys/{made[0]}"))
    writing = {route.name for route in ROUTES if route.ledger != SILENT}
    assert told == writing - {"acceptMessages"}  # who speaks there is the sender


def test_no_route_lets_a_request_say_who_acts() -> None:
    for route in ROUTES:
        operation = Operation(route)
        kinds = [operation.parameters, *options(operation.body)]
        said = {each.name for kind in kinds for each in msgspec.structs.fields(kind)}
        assert not said & {"by", "actor", "made_with"}, route.name
        assert route.ledger == SILENT or route.by or route.verb is None, route.name
        assert route.ledger == SILENT or route.scopes, route.name


# ------------------------------------------------------------------------------------- by console


def test_every_change_in_the_console_is_in_the_name_of_the_sessions_person(
    house: Serving, olga: httpx.Client
) -> None:
    of_sam, books, told = person_of(olga, "Sam Specialist"), Books(olga), set()
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=house.url, headers=headers, timeout=60) as browser:
        browser.post("/login", data={"secret": house.key("all", person=SPECIALIST), "next": "/"})
        found = re.search(r'name="csrf" value="(\w+)"', browser.get("/stop").text)
        assert found is not None
        csrf = found[1]

        def check(page: str, at: str, kind: str, **form: str) -> None:
            said = form | {"csrf": csrf, "by": OWNER}
            assert books.actors(lambda: browser.post(at, data=said), kind) == {of_sam}, page
            told.add(page)

        case = waiting(olga)
        check("/cases/{case}/take", f"/cases/{case}/take", "lease")
        check("/cases/{case}/reply", f"/cases/{case}/reply", "decided", text="hi", said="1")
        check("/cases/{case}/handback", f"/cases/{case}/handback", "handback")
        waiting(olga)
        check("/agents/{agent}/handback", "/agents/support/handback", "handback", code="asked")
        effect = held(olga)
        check("/approvals/{effect}", f"/approvals/{effect}", "approval", says="grant")
        check("/desk/effects/{effect}", f"/desk/effects/{effect}", "effect.done", says="done")
        check("/stop", "/stop", "stop", scope="support", mode="ask", on="1")
        check("/stop", "/stop", "stop", scope="support", mode="ask", on="0")
        owner = olga.get("/v1/agents/support/owner").json()["owner"]
        if owner == of_sam:  # the other story has run: Sam owns it, and gives it back first
            with house.client("all", person=SPECIALIST) as sam:
                of_olga = person_of(olga, "Olga Owner")
                sam.post("/v1/agents/support/owner", json={"person": of_olga}).raise_for_status()
            olga.post("/v1/agents/support/accept").raise_for_status()
        olga.post("/v1/agents/support/owner", json={"person": of_sam}).raise_for_status()
        check("/agents/{agent}/accept", "/agents/support/accept", "owner.accepted")
    writing = {page.path for page in PAGES if page.method == "POST"}
    assert told == writing - {"/theme"}  # which writes a cookie, and nothing else


# ----------------------------------------------------------------------------- an unknown, settled


@pytest.mark.parametrize(("says", "status"), [("done", "done"), ("not_done", "failed")])
def test_how_an_unknown_effect_ended_is_said_over_http_once(
    house: Serving, sam: httpx.Client, says: str, status: str
) -> None:
    effect = unknown(sam)
    settle, spoken = f"/v1/effects/{effect}/settle", house.home.sent
    answer = sam.post(settle, json={"says": says})
    assert answer.status_code == 200
    assert answer.json().items() >= {"effect": effect, "status": status}.items()
    shown = sam.get(f"/v1/effects/{effect}").json()
    assert shown["status"] == status
    assert settled(sam, shown["interaction"])["disposition"] == "escalated"
    assert house.home.sent == spoken, "the case is with people: they speak"
    assert effect not in [row["effect"] for row in sam.get("/v1/unknown").json()]
    again = sam.post(settle, json={"says": says})
    assert (again.status_code, again.json()["code"]) == (409, "effect_not_unknown")


def test_what_is_known_is_not_settled_and_only_who_may_approve_says_it(
    house: Serving, sam: httpx.Client
) -> None:
    settle = f"/v1/effects/{held(sam)}/settle"
    refused = sam.post(settle, json={"says": "done"})
    assert (refused.status_code, refused.json()["code"]) == (409, "effect_not_unknown")
    assert sam.post(settle, json={"says": "perhaps"}).json()["code"] == "malformed"
    with house.client("read", "desk", person=SPECIALIST) as client:
        refused = client.post(settle, json={"says": "done"})
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
