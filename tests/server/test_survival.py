"""Either process may die: what was acknowledged is kept, streams go on, the other one serves."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from homes import OWNER, SmallHome, environment, is_alive, until
from serving import Serving, message, serving, settled

VERIFIER = Path(__file__).parents[2] / "verify" / "answerable_verify.py"


def test_what_was_acknowledged_survives_a_kill(small: SmallHome) -> None:
    with serving(small) as served, served.client("all") as client:
        acks = []
        for n in range(5):
            answer = client.post("/v1/messages", json=message(f"kill-{n}", f"number {n}"))
            assert answer.status_code == 202
            served.kill_worker()
            acks.append(answer.json()["interaction"])
        found = [settled(client, each) for each in acks]
        assert [one["text"] for one in found] == [f"number {n}" for n in range(5)]
        again = client.post("/v1/messages", json=message("kill-3", "number 3"))
        assert again.json()["is_new"] is False
        assert again.json()["interaction"] == acks[3]
    said = {f"About number {n}." for n in range(5)}
    assert set(small.sent) == said  # its rail knows a reply by its key: the same one counts once


def test_while_the_worker_is_away_the_process_says_so_and_lives(small: SmallHome) -> None:
    worker = Serving(small, "--http-only")
    try:
        with httpx.Client(base_url=worker.url, timeout=30) as client:
            until(lambda: _status(client, "/healthz") == 200)
            away = client.get("/readyz")
            assert (away.status_code, away.json()["code"]) == (503, "worker_away")
            assert int(away.headers["retry-after"]) > 0
            assert _status(client, "/healthz") == 200
    finally:
        assert worker.stop() == 0


def test_code_that_keeps_the_workers_loop_does_not_keep_http(small: SmallHome) -> None:
    with serving(small) as served, served.client("all") as client:
        stalling = client.post("/v1/messages", json=message("spin", "spin")).json()
        slowest = 0.0
        for _ in range(10):
            began = time.monotonic()
            assert client.get("/healthz").status_code == 200
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 3  # the loop is kept for longer: until the worker is killed
        assert settled(client, stalling["interaction"])["is_escalated"]


def test_a_stream_has_no_gap_across_a_restart(small: SmallHome) -> None:
    with serving(small) as served, served.client("all") as client:
        heard: list[tuple[int, str]] = []
        listening = threading.Thread(target=_listen, args=(served, served.key("read"), heard, 36))
        listening.start()
        for n in range(12):
            client.post("/v1/messages", json=message(f"s-{n}")).raise_for_status()
            if n in (3, 7):
                served.kill_worker()
        listening.join(60)
        assert not listening.is_alive(), heard
        positions = [position for position, _ in heard]
        assert positions == sorted(set(positions))
        assert heard == _first_events(client, len(heard))


def test_a_stream_goes_on_where_the_client_stood(small: SmallHome) -> None:
    with serving(small) as served, served.client("all") as client:
        client.post("/v1/messages", json=message("one")).raise_for_status()
        everything = _first_events(client, small.settled().entries)
        cursor = everything[3][0]
        headers = {"Last-Event-ID": str(cursor)}
        with client.stream("GET", "/v1/events", headers=headers) as stream:
            found = _events(stream.iter_lines())
            assert [next(found) for _ in everything[4:]] == everything[4:]
        assert client.get("/v1/events", headers={"Last-Event-ID": "x"}).status_code == 400


def test_a_stream_ends_with_the_process(small: SmallHome) -> None:
    with serving(small) as served:
        thread, ended = _listening(served, served.key("read"))
        time.sleep(0.5)
        assert not ended.is_set()
        began = time.monotonic()
        assert served.stop() == 0
        assert time.monotonic() - began < 8
        assert ended.wait(5)
        assert served.said.count("Ended: SIGTERM.") == 1
        thread.join()


def test_a_stream_ends_with_its_key(small: SmallHome) -> None:
    with serving(small) as served:
        thread, ended = _listening(served, served.key("read"))
        time.sleep(0.5)
        assert not ended.is_set()
        (key,) = json.loads(small.cli("key", "list", "--json").check().out)
        small.cli("key", "revoke", key["id"], "--by", OWNER).check()
        assert ended.wait(10)
        thread.join()


def test_http_that_dies_is_started_again_and_the_worker_is_not(small: SmallHome) -> None:
    with serving(small) as served, served.client("all") as client:
        worker, http = small.holder, served.http
        os.kill(http, signal.SIGKILL)
        assert client.post("/v1/messages", json=message("after")).status_code == 202
        assert served.http != http
        assert small.holder == worker


def test_both_end_with_their_parent(small: SmallHome) -> None:
    with serving(small) as served:
        children = served.children()
        assert len(children) == 2
        served.process.kill()
        until(lambda: not any(map(is_alive, children)))


def test_the_published_log_verifies_without_us_over_http(small: SmallHome, tmp_path: Path) -> None:
    with (
        serving(small) as served,
        served.client("ledger") as client,
        served.client("messages") as in_,
    ):
        batch = {"messages": [message(f"v-{n}") for n in range(120)]}
        in_.post("/v1/messages", json=batch).raise_for_status()
        small.settled()
        until(lambda: _size(client) > 256)
        log = tmp_path / "log"
        _fetch(client, log)
        for path in ("0/../../home.key", "..%2f..%2fhome.key", "entries/000/../../../keys.db"):
            assert client.get(f"/ledger/tile/{path}").status_code == 404
        tile = client.get("/ledger/tile/0/000")
        assert "immutable" in tile.headers["cache-control"]
        assert tile.headers["content-type"] == "application/octet-stream"
    vkey = (small.path / "ledger.vkey").read_text().strip()
    command = [sys.executable, str(VERIFIER), str(log), "--vkey", vkey, "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert run.returncode == 0, run.stdout + run.stderr


def _fetch(client: httpx.Client, log: Path) -> None:
    """What c2sp.org/tlog-tiles says that a log of this size has."""
    checkpoint = client.get("/ledger/checkpoint")
    size = int(checkpoint.text.split("\n")[1])
    (log).mkdir()
    (log / "checkpoint").write_bytes(checkpoint.content)
    level, count = 0, size
    while count:
        full, partial = divmod(count, 256)
        names = [f"{n:03d}" for n in range(full)]
        names += [f"{full:03d}.p/{partial}"] if partial else []
        for kind in ("0", "entries") if level == 0 else (str(level),):
            for name in names:
                file = log / "tile" / kind / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(
                    client.get(f"/ledger/tile/{kind}/{name}").raise_for_status().content
                )
        level, count = level + 1, full


def _size(client: httpx.Client) -> int:
    return int(client.get("/ledger/checkpoint").text.split("\n")[1])


def _status(client: httpx.Client, path: str) -> int:
    try:
        return client.get(path).status_code
    except httpx.TransportError:
        return 0


def _events(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    """(cursor, id of the entry) of each event."""
    position = 0
    for line in lines:
        if line.startswith("id: "):
            position = int(line[4:])
        if line.startswith("data: "):
            yield position, json.loads(line[6:])["id"]


def _first_events(client: httpx.Client, count: int) -> list[tuple[int, str]]:
    with client.stream("GET", "/v1/events") as stream:
        return list(itertools.islice(_events(stream.iter_lines()), count))


def _listening(served: Serving, key: str) -> tuple[threading.Thread, threading.Event]:
    """Somebody reads the stream until it ends."""
    ended = threading.Event()

    def listen() -> None:
        with served.with_key(key) as client, client.stream("GET", "/v1/events") as stream:
            for _ in stream.iter_lines():
                pass
        ended.set()

    thread = threading.Thread(target=listen)
    thread.start()
    return thread, ended


def _listen(served: Serving, key: str, heard: list[tuple[int, str]], count: int) -> None:
    """As a browser does: from where it stood, as often as the stream ends."""
    with served.with_key(key) as client:
        while len(heard) < count:
            headers = {"Last-Event-ID": str(heard[-1][0])} if heard else {}
            try:
                with client.stream("GET", "/v1/events", headers=headers) as stream:
                    for event in _events(stream.iter_lines()):
                        heard.append(event)
                        if len(heard) == count:
                            return
            except httpx.TransportError:
                time.sleep(0.1)
