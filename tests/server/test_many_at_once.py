"""512 clients who come in the same moment are all served: more of them than are served at once."""

import asyncio
import json
import time
from pathlib import Path

from starlette.types import Message

from answerable.base.chance import SystemChance
from answerable.base.settings import ServerSettings
from answerable.rails.port import Ack
from answerable.server.app import App
from answerable.server.lobby import Lobby
from answerable.worker import verbs
from answerable.worker.server import serve
from answerable.worker.verbs.people import KeyHolder

CLIENTS = 512


class Worker:
    """Lets everybody in; takes a moment for everything."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.keys = 0

    async def answer(self, verb: verbs.Verb) -> object:
        await asyncio.sleep(0.02)
        if isinstance(verb, verbs.KeyCheck):
            self.keys += 1
            return KeyHolder("key_1", "per_1", "Olga Owner", ("messages",), 0)
        assert isinstance(verb, verbs.MessagesAccept)
        self.taken += [one.external_id for one in verb.messages]
        return [Ack(one.external_id, is_new=True, interaction="int_1") for one in verb.messages]


async def send(app: App, number: int, key: str) -> int:
    """One message; the status of its answer."""
    body = {"external_id": f"m{number}", "from": "kim@example.org", "text": "hello"}
    said: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": json.dumps(body | {"rail": "email"}).encode()}

    async def answered(sent: Message) -> None:
        if sent["type"] == "http.response.start":
            said.append(sent["status"])

    scope = {
        "type": "http", "method": "POST", "path": "/v1/messages", "query_string": b"", "headers": [
            (b"host", b"a"), (b"authorization", f"Bearer {key}".encode()),
            (b"content-type", b"application/json"),
        ],
    }  # fmt: skip
    await app(scope, receive, answered)
    return said[0]


def statuses(home: Path, worker: Worker, keys: int, clients: int) -> list[int]:
    """Of `clients` messages in one moment, sent with so many different keys."""

    async def scenario() -> list[int]:
        server = await serve(home, worker.answer)
        lobby = Lobby(home, ServerSettings(), SystemChance(), time.monotonic)
        app = App(lobby)
        sent = (send(app, number, f"ak_{number % keys}") for number in range(clients))
        try:
            return list(await asyncio.gather(*sent))
        finally:
            await lobby.gate.close()
            await server.close()

    return asyncio.run(scenario())


def test_with_one_key(tmp_path: Path) -> None:
    worker = Worker()
    assert statuses(tmp_path, worker, 1, CLIENTS) == [202] * CLIENTS
    assert len(set(worker.taken)) == CLIENTS
    assert worker.keys == 1


def test_each_with_its_own_key(tmp_path: Path) -> None:
    worker = Worker()
    assert statuses(tmp_path, worker, CLIENTS, CLIENTS) == [202] * CLIENTS
    assert len(set(worker.taken)) == worker.keys == CLIENTS


def test_but_how_many_wait_is_bounded(tmp_path: Path) -> None:
    worker = Worker()
    found = statuses(tmp_path, worker, 1, 1_000)
    assert found.count(202) == len(worker.taken) == 900
    assert found.count(503) == 100
