"""What may be said, and how a request that cannot be served is answered."""

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from serving import Serving, message

PROBLEM = {"type", "title", "status", "code", "detail", "not_done", "next_command"}


@pytest.fixture(scope="module")
def client(served: Serving) -> Iterator[httpx.Client]:
    with served.client("all") as found:
        yield found


def refused(answer: httpx.Response, status: int, code: str) -> httpx.Response:
    """RFC 9457, whole."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert set(told) == PROBLEM
    assert (told["status"], told["code"]) == (status, code)
    assert told["type"] == f"urn:answerable:problem:{code}"
    assert told["detail"].endswith(".")
    return answer


def test_a_message_sent_twice_is_one(client: httpx.Client) -> None:
    first = client.post("/v1/messages", json=message("twice"))
    again = client.post("/v1/messages", json=message("twice"))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == {
        "external_id": "twice", "is_new": True, "interaction": first.json()["interaction"],
    }  # fmt: skip
    assert again.json() == first.json() | {"is_new": False}


def test_a_batch_is_accepted_whole_or_not_at_all(client: httpx.Client) -> None:
    batch = {"messages": [message("b1"), message("b2"), message("b1")]}
    answer = client.post("/v1/messages", json=batch)
    assert [one["is_new"] for one in answer.json()["messages"]] == [True, True, False]
    wrong = {"messages": [message("b3"), message("b4", rail="fax")]}
    refused(client.post("/v1/messages", json=wrong), 400, "usage")
    assert client.post("/v1/messages", json=message("b3")).json()["is_new"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", {"messages": []}),
        ("/v1/messages", {}),
        ("/v1/messages", message("x", unknown="field")),
        ("/v1/messages", message("x", sent_at="yesterday")),
        ("/v1/stop", {"scope": "*", "mode": "gently"}),
        ("/v1/approvals/eff_1", {"says": "perhaps"}),
    ],
)
def test_a_body_that_is_not_as_declared_is_refused(
    client: httpx.Client, path: str, body: object
) -> None:
    refused(client.post(path, json=body), 400, "malformed")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
def test_what_is_not_json_is_refused(client: httpx.Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    refused(client.post("/v1/messages", content=body, headers=headers), 400, "malformed")


def test_half_of_a_surrogate_pair_is_refused(client: httpx.Client) -> None:
    body = json.dumps(message("half", "\ud800")).encode()
    answer = client.post("/v1/messages", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "unknown=1", "agent=a&agent=b", "case=c"]
)
def test_a_query_that_is_not_as_declared_is_refused(client: httpx.Client, query: str) -> None:
    refused(client.get(f"/v1/decisions?{query}"), 400, "malformed")


def test_another_content_type_is_refused(client: httpx.Client) -> None:
    answer = client.post("/v1/messages", content=b"{}", headers={"Content-Type": "text/plain"})
    refused(answer, 415, "wrong_content_type")


def test_another_method_is_refused_and_says_which_there_are(client: httpx.Client) -> None:
    answer = refused(client.put("/v1/stop"), 405, "wrong_method")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "DELETE"}
    assert client.head("/v1/events").status_code == 405  # a stream has no end that it could have


def test_a_path_that_leads_nowhere_is_refused(client: httpx.Client) -> None:
    refused(client.get("/v1/nowhere"), 404, "no_route")
    refused(client.get("/v1/cases/"), 404, "no_route")


def test_what_does_not_exist_is_not_found(client: httpx.Client) -> None:
    refused(client.get("/v1/cases/cas_none"), 404, "case_not_found")
    refused(client.post("/v1/approvals/eff_none", json={"says": "grant"}), 404, "effect_not_found")


def test_a_body_over_the_limit_is_refused_before_it_is_read(served: Serving) -> None:
    where = urlsplit(served.url)
    key = served.key("messages")
    with socket.create_connection((where.hostname, where.port), timeout=10) as sent:
        sent.sendall(
            b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer " + key.encode() + b"\r\nContent-Length: 99999999\r\n\r\n"
        )
        assert sent.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_grows_over_the_limit_is_refused(client: httpx.Client) -> None:
    parts = (b" " * 65_536 for _ in range(100))
    answer = client.post(
        "/v1/messages", content=parts, headers={"Content-Type": "application/json"}
    )
    refused(answer, 413, "too_large")


def test_too_many_at_once_are_refused(client: httpx.Client) -> None:
    batch = {"messages": [message(f"many-{n}") for n in range(501)]}
    refused(client.post("/v1/messages", json=batch), 413, "too_large")


def test_headers_over_the_limit_are_refused(client: httpx.Client) -> None:
    answer = client.get("/v1/agents", headers={"X-Long": "x" * 20_000})
    refused(answer, 431, "headers_too_large")


def test_every_answer_carries_what_keeps_a_browser_safe(client: httpx.Client) -> None:
    for path in ("/v1/agents", "/v1/nowhere", "/login", "/healthz"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_a_head_is_a_get_without_its_body(client: httpx.Client) -> None:
    answer = client.head("/v1/agents")
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_document_is_made_of_what_is_served(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    posted = document["paths"]["/v1/stop"]["post"]
    assert posted["x-scopes"] == ["control"]
    body = posted["requestBody"]["content"]["application/json"]["schema"]
    schema = document["components"]["schemas"][body["$ref"].rsplit("/", 1)[1]]
    assert set(schema["properties"]) == {"scope", "mode", "is_kill"}  # no `by`, no `is_on`
    assert schema["required"] == ["scope"]


def test_metrics_are_text_of_real_histograms(client: httpx.Client) -> None:
    client.post("/v1/messages", json=message("measured"))
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    buckets = [
        int(line.rsplit(" ", 1)[1]) for line in lines
        if line.startswith('answerable_stage_seconds_bucket{stage="receive"')
    ]  # fmt: skip
    assert buckets == sorted(buckets)
    assert buckets[-1] >= 1
    assert f'answerable_stage_seconds_count{{stage="receive"}} {buckets[-1]}' in lines
    assert any(
        line.startswith('answerable_http_requests_total{method="POST",route="/v1/messages"')
        for line in lines
    )


def test_a_static_file_is_found_by_its_name_and_nothing_else_is(served: Serving) -> None:
    with served.with_key("") as client:
        assert client.get("/static/console.css").headers["content-type"].startswith("text/css")
        for path in (
            "/static/../render.py",
            "/static/%2e%2e/render.py",
            "/static/",
            "/static//etc",
        ):
            assert client.get(path).status_code in (401, 404), path
