"""Who is let in: every path of the application, without a key, and with one that does not fit."""

import asyncio
import re
import time
from pathlib import Path

import httpx
import pytest
from starlette.types import Message, Receive

from answerable.base.chance import SystemChance
from answerable.base.settings import ServerSettings
from answerable.people.keys import SCOPES
from answerable.server.app import App
from answerable.server.errors import Overloaded
from answerable.server.lobby import Lobby
from answerable.server.problems import headers_of
from homes import OWNER, SPECIALIST
from serving import Serving, message

PUBLIC = {"/healthz", "/readyz", "/login", "/static/{path:path}"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    home = tmp_path_factory.mktemp("app")
    return App(Lobby(home, ServerSettings(), SystemChance(), time.monotonic))


def routes_of(app: App) -> list[tuple[str, str, tuple[str, ...]]]:
    """What the application's router leads to: method, a path that fits, the scopes."""
    found: list[tuple[str, str, tuple[str, ...]]] = []
    for each in app.resources:
        path = re.sub(r"{\w+(:\w+)?}", "x1", each.path)
        found += [(method, path, one.route.scopes) for method, one in each.methods.items()]
    return found


def test_only_these_paths_are_public(app: App) -> None:
    assert app.public == PUBLIC


def test_without_a_key_every_route_is_closed(app: App, served: Serving) -> None:
    with served.with_key("") as client:
        for method, path, scopes in routes_of(app):
            answer = client.request(method, path)
            if scopes:
                assert answer.status_code == 401, (method, path)
                assert answer.json()["code"] == "no_key"
                assert answer.headers["www-authenticate"].startswith("Bearer")
            else:
                assert answer.status_code != 401, (method, path)


def test_who_has_shown_no_key_takes_no_place_of_one_who_has(tmp_path: Path) -> None:
    settings = ServerSettings(in_flight_max=1, streams_max=1)
    app = App(Lobby(tmp_path, settings, SystemChance(), time.monotonic))

    async def story() -> None:
        slow = [asyncio.create_task(ask(app, "/login", nothing_comes)) for _ in range(10)]
        await asyncio.sleep(0.05)
        assert [task.result() for task in slow if task.done()] == [503] * 9
        assert await ask(app, "/login", all_came) == 503
        assert headers_of(Overloaded())["Connection"] == "close"
        assert await ask(app, "/v1/messages", all_came) == 401  # looked at: that is no key
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        assert await ask(app, "/login", all_came) == 401

    asyncio.run(story())


async def ask(app: App, path: str, receive: Receive) -> int:
    """The status of what is answered."""
    said: list[int] = []

    async def send(sent: Message) -> None:
        if sent["type"] == "http.response.start":
            said.append(sent["status"])

    scope = {
        "type": "http", "method": "POST", "path": path, "query_string": b"", "headers": [
            (b"host", b"a"), (b"origin", b"http://a"), (b"authorization", b"Bearer no"),
            (b"content-type", b"application/x-www-form-urlencoded"),
        ],
    }  # fmt: skip
    await app(scope, receive, send)
    return said[0]


async def nothing_comes() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def all_came() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def test_what_does_not_exist_is_closed_as_well(served: Serving) -> None:
    with served.with_key("") as client:
        assert client.get("/v1/nowhere").status_code == 401
        assert client.get("/console/../v1/cases").status_code == 401


def test_a_key_of_no_fitting_scope_opens_nothing(app: App, served: Serving) -> None:
    for scope in SCOPES:
        if scope == "all":
            continue
        with served.client(scope) as client:
            for method, path, scopes in routes_of(app):
                if scopes and scope not in scopes:
                    answer = client.request(method, path)
                    assert answer.status_code == 403, (scope, method, path)
                    assert answer.json()["code"] == "scope_missing"


def test_a_revoked_key_opens_nothing_a_second_later(served: Serving) -> None:
    with served.client("all") as client:
        assert client.get("/v1/agents").status_code == 200
        listed = served.home.cli("key", "list", "--json").check().out
        newest = max(re.findall(r'"id": "(key_\w+)"', listed))
        served.home.cli("key", "revoke", newest, "--by", OWNER).check()
        time.sleep(1.1)
        answer = client.get("/v1/agents")
        assert (answer.status_code, answer.json()["code"]) == (401, "key_refused")


def test_who_acts_is_the_key_and_never_the_body(served: Serving) -> None:
    with served.client("control", person=SPECIALIST) as client:
        said = {"scope": "support", "by": OWNER}
        assert client.post("/v1/stop", json=said).json()["code"] == "malformed"
        client.post("/v1/stop", json={"scope": "support", "mode": "ask"}).raise_for_status()
        try:
            row = client.get("/v1/stop").json()[0]
            assert row["by_name"] == "Sam Specialist"
        finally:
            lifted = client.delete("/v1/stop", params={"scope": "support", "mode": "ask"})
            lifted.raise_for_status()


def test_a_key_for_people_hands_out_no_more_than_it_is(served: Serving) -> None:
    with served.client("people", "read", person=SPECIALIST) as client:
        for said in ({"scopes": ["approve"]}, {"scopes": ["all"]}, {"scopes": ["people", "desk"]}):
            refused = client.post("/v1/keys", json=said)
            assert (refused.status_code, refused.json()["code"]) == (403, "key_beyond")
        for name in ("person", "made_with", "by"):
            refused = client.post("/v1/keys", json={"scopes": ["read"], name: OWNER})
            assert (refused.status_code, refused.json()["code"]) == (400, "malformed")
        made = client.post("/v1/keys", json={"scopes": ["read"], "name": "a report"}).json()
        rows = {row["id"]: row for row in client.get("/v1/keys").json()}
        assert rows[made["id"]]["person_name"] == "Sam Specialist"
        assert made["secret"] not in str(rows)
        with served.with_key(made["secret"]) as narrower:
            assert narrower.get("/v1/agents").status_code == 200
            assert narrower.post("/v1/keys", json={"scopes": ["read"]}).status_code == 403
            client.delete(f"/v1/keys/{made['id']}").raise_for_status()
            time.sleep(1.1)
            assert narrower.get("/v1/agents").status_code == 401


def test_no_key_and_no_query_is_in_the_log(served: Serving) -> None:
    secret = served.key("all")
    with served.with_key(secret) as client:
        client.get("/v1/messages", params={"rail": "email", "external_id": "private-id-77"})
        client.post("/v1/messages", json=message("log-1", "private words 77"))
    assert secret not in served.said
    assert "private" not in served.said


@pytest.mark.parametrize("said", ["Basic abc", "Bearer", "Bearer nonsense", "ak_1", "Bearer ak_é"])
def test_what_is_no_key_is_refused(served: Serving, said: str) -> None:
    answer = httpx.get(f"{served.url}/v1/agents", headers=[(b"Authorization", said.encode())])
    assert answer.status_code in (401, 429)


def test_guessing_is_slowed_and_a_valid_key_is_not(served: Serving) -> None:
    with served.client("read") as client:
        assert client.get("/v1/agents").status_code == 200
        found = []
        for guess in range(15):
            headers = {"Authorization": f"Bearer ak_guess{guess}"}
            found.append(httpx.get(f"{served.url}/v1/agents", headers=headers))
        assert found[-1].status_code == 429
        assert int(found[-1].headers["retry-after"]) >= 1
        time.sleep(1.1)  # it has to be looked up again, though others guess from its address
        assert client.get("/v1/agents").status_code == 200
