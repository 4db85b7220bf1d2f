"""Ask everything that our OpenAPI document allows, and much that it does not, of a real server.

A small home is served (worker and HTTP, over loopback) and asked with a key of every scope, by
Schemathesis: data as they should be, most of them naming what really exists, and data as they
should not be. Prints one JSON object; exits 1 where an answer was a server error, or was not as the
document says. Stops are lifted and new work is sent every few hundred requests, so that what is
asked reaches more than refusals.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import requests  # type: ignore[import-untyped, unused-ignore]  # Schemathesis speaks through it
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from answerable.base.clock import HOUR_US, SystemClock

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from homes import LOST, SPECIALIST, SmallHome
from serving import Serving, message, serving

ROUND = 10  # requests of one kind of one operation in a row
OFTEN = 20  # times as likely is an effect that waits for a word as one that does not
UNKNOWN = 2  # effects that are granted at each refresh: nobody knows how they end
REFRESH = 400  # requests, after which stops are lifted and work is sent
WAIT_S = 0.05  # instead of up to a minute
SERVER_ERROR = 500
SHOWN_MAX = 20
TIMEOUT_S = 60
REAL = 0.6  # of what is asked as it should be, names what exists
KEYLESS = 0.1  # of the requests that Schemathesis wants to send without our key are sent so
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@dataclass
class Fuzz:
    """One run: what was asked, and what came back."""

    served: Serving
    chance: random.Random
    secret: str
    promised: "Promised"
    own: str  # the id of that key, which is not to be revoked
    sent: int = 0
    unsendable: int = 0
    by_status: Counter[int] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)  # operations that answered as asked
    errors: list[str] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)
    known: dict[str, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.headers = {"Authorization": f"Bearer {self.secret}"}
        self.session = requests.Session()
        self.numbers = count(1)
        self.due = 0

    def refresh(self) -> None:
        """Let go what was stopped, bring new work, and learn what exists."""
        self.due = self.sent + REFRESH
        with httpx.Client(base_url=self.served.url, headers=self.headers, timeout=60) as client:
            for stop in _rows(client, "/v1/stop"):
                client.delete("/v1/stop", params={"scope": stop["scope"], "mode": stop["mode"]})
            texts = ("refund", "human", "a question", *("refund",) * UNKNOWN)
            new = [self._message(text) for text in texts]
            accepted = client.post("/v1/messages", json={"messages": new}).raise_for_status()
            for ack in accepted.json()["messages"]:
                client.get(f"/v1/interactions/{ack['interaction']}", params={"wait_s": 1})
            for hold in _rows(client, "/v1/approvals")[:UNKNOWN]:  # so that there is what to settle
                client.post(f"/v1/approvals/{hold['effect']}", json={"says": "grant"})
            ids = [row["interaction"] for row in _rows(client, "/v1/interactions")]
            waits = _rows(client, "/v1/approvals") + _rows(client, "/v1/unknown")
            effects = [row["effect"] for row in waits] * OFTEN
            keys = [row["id"] for row in _rows(client, "/v1/keys") if row["id"] != self.own]
            people = [row["id"] for row in _rows(client, "/v1/people")]
            decisions = [row["decision"] for row in _rows(client, "/v1/decisions")]
            parties = [row["party"] for row in _rows(client, "/v1/parties")]
            self.known = {
                "case": [row["case"] for row in _rows(client, "/v1/cases")],
                "interaction": ids, "decision": decisions, "party": parties,
                "effect": effects + [each.replace("dec_", "eff_", 1) for each in decisions],
                "key": keys, "scopes": [["read"], ["desk", "people"]],
                "of": [*(row["case"] for row in _rows(client, "/v1/cases")), *decisions, *parties],
                "agent": ["support"], "person": [*people, SPECIALIST], "to": [*people, SPECIALIST],
                "id": [*ids, *decisions], "rail": ["email"], "from": ["kim1@example.org"],
                "scope": ["*", "support", "tool:support/refund", *(f"party:{p}" for p in parties)],
                "index": [0, 3, 7], "path": _tiles(client),
                "external_id": ["fuzz-1", f"fuzz-{next(self.numbers)}"], "text": ["refund"],
                "sent_at": [0], "until": [SystemClock().now() + HOUR_US],
            }  # fmt: skip

    def _message(self, text: str) -> dict[str, object]:
        """From somebody new: what an agent does for one ends where their case goes to people."""
        number = next(self.numbers)
        return message(f"fuzz-{number}", text, **{"from": f"kim{number}@example.org"})

    def ask(self, operation: Any, mode: GenerationMode, most: int) -> None:
        """A round of one operation."""
        if self.sent >= self.due:
            self.refresh()

        @seed(self.chance.getrandbits(64))
        @settings(
            max_examples=most, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def run(case: Case[Any]) -> None:
            self.send(case, is_positive=mode is GenerationMode.POSITIVE)

        with suppress(Unsatisfiable):  # nothing can be wrong where nothing can be said
            run()

    def send(self, case: Case[Any], *, is_positive: bool) -> None:
        for part in (case.path_parameters, case.query, case.body):
            if isinstance(part, dict):
                self._make_real(part, is_likely=is_positive)
        try:
            request = requests.Request(**case.as_transport_kwargs(self.served.url, self.headers))
            prepared = self.session.prepare_request(request)
            if self.chance.random() >= KEYLESS:
                prepared.headers.update(self.headers)
            with self.session.send(
                prepared, stream=True, timeout=TIMEOUT_S, allow_redirects=False
            ) as answer:
                self._note(case, answer)
        except (requests.exceptions.RequestException, ValueError) as error:
            if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.Timeout):
                raise
            self.unsendable += 1  # no client would let it pass: a header with a line break, say

    def _make_real(self, part: dict[str, Any], *, is_likely: bool) -> None:
        """Ids that exist where ids are asked for, and no long waits."""
        is_real = is_likely and self.chance.random() < REAL
        for name, value in list(part.items()):
            for each in value if isinstance(value, list) else ():
                if isinstance(each, dict):
                    self._make_real(each, is_likely=is_likely)
            if name in self.known and is_real:
                part[name] = self.chance.choice(self.known[name] or [value])
            if name == "wait_s" and isinstance(value, int | float) and WAIT_S < value <= TIMEOUT_S:
                part[name] = WAIT_S

    def _note(self, case: Case[Any], answer: requests.Response) -> None:
        self.sent += 1
        self.by_status[answer.status_code] += 1
        told = f"{case.method} {answer.request.url} {answer.status_code}"
        is_stream = answer.headers.get("content-type", "").startswith("text/event-stream")
        if answer.ok:
            self.reached[case.operation.label] += 1
        if answer.status_code >= SERVER_ERROR:
            self.errors.append(f"{told} {answer.request.body!r:.300} {answer.text:.300}")
        elif not is_stream and (wrong := self.promised.broken_by(case.operation.label, answer)):
            self.breaks.append(f"{told} {wrong}")


class Promised:
    """What the document says of answers, held to by its own JSON Schemas (draft 2020-12)."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = document["components"]
        self._answers: dict[str, dict[str, tuple[str, Any]]] = {}
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                label = f"{method.upper()} {path}"
                self._answers[label] = dict(self._answers_of(operation["responses"]))

    def _answers_of(self, responses: dict[str, Any]) -> Iterator[tuple[str, tuple[str, Any]]]:
        for status, response in responses.items():
            ((media, content),) = response["content"].items()
            whole = {**content["schema"], "components": self._components}
            yield status, (media, jsonschema_rs.Draft202012Validator(whole))

    def broken_by(self, label: str, answer: requests.Response) -> str:
        """What is not as promised; empty if all is."""
        answers = self._answers[label]
        media, schema = answers.get(str(answer.status_code), answers["default"])
        given_media = answer.headers.get("content-type", "").partition(";")[0]
        if given_media != media:
            return f"its content type is {given_media!r}, not {media!r}"
        if not media.endswith("json"):
            return ""
        error = next(schema.iter_errors(answer.json()), None)
        return "" if error is None else f"{error.message[:300]} at {error.instance_path}"


def _rows(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    return list(client.get(path).raise_for_status().json())


def _tiles(client: httpx.Client) -> list[str]:
    size = int(client.get("/ledger/checkpoint").raise_for_status().text.split("\n")[1])
    number, width = divmod(size, 256)
    name = f"{number:03d}.p/{width}" if width else f"{number - 1:03d}"
    return [f"0/{name}", f"entries/{name}"]


def run(fuzz: Fuzz, most: int) -> list[str]:
    """Rounds of every operation in both modes, until `most` requests were sent."""
    schema = schemathesis.openapi.from_url(
        f"{fuzz.served.url}/openapi.json", headers=fuzz.headers, timeout=TIMEOUT_S
    )
    operations: list[Any] = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operations.append(found.ok())
    share = max(1, min(ROUND, most // (len(operations) * len(MODES))))
    while fuzz.sent < most:
        for operation in fuzz.chance.sample(operations, len(operations)):
            for mode in MODES:
                left = most - fuzz.sent
                if left > 0:
                    fuzz.ask(operation, mode, min(share, left))
    return [operation.label for operation in operations]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given_ = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="answerable-fuzz-") as folder:
        home = SmallHome(Path(folder) / "home").found()
        home.agent.write_text(LOST)
        with serving(home) as served:
            secret = served.key("all")
            with served.with_key(secret) as client:
                promised = Promised(client.get("/openapi.json").raise_for_status().json())
                own = client.get("/v1/keys").json()[0]["id"]
            fuzz = Fuzz(served, random.Random(given_.seed), secret, promised, own)
            began = time.monotonic()
            operations = run(fuzz, given_.requests)
            seconds = time.monotonic() - began
            defects = [line for line in served.said.splitlines() if " ERROR " in line]
    told = {
        "requests": fuzz.sent, "server_errors": len(fuzz.errors), "not_as_documented":
        len(fuzz.breaks), "seconds": round(seconds, 1), "operations": len(operations),
        "never_answered_as_asked": sorted(set(operations) - set(fuzz.reached)),
        "unsendable": fuzz.unsendable, "by_status": dict(sorted(fuzz.by_status.items())),
        "shown": [*fuzz.errors, *fuzz.breaks][:SHOWN_MAX], "errors_in_the_log": defects[:SHOWN_MAX],
    }  # fmt: skip
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 1 if fuzz.errors or fuzz.breaks else 0


if __name__ == "__main__":
    sys.exit(main())
