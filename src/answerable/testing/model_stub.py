"""A model's endpoint on loopback: OpenAI's chat completions and Anthropic's messages, by a script.

`python -m answerable.testing.model_stub SCRIPT BOOKS` prints its address and serves until it is
killed. It keeps books of its own: one line a request, written before it answers, so that what a
worker asked can be counted whatever became of the worker.
"""

import asyncio
import hashlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from answerable.testing.model_wire import WIRES, Said, Wire

SLOW_S = 30.0
_STATUS = {"http 400": 400, "http 401": 401, "http 429": 429, "http 500": 500, "http 529": 529}


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said: `text`, or `call` with its `arguments`, or both."""

    text: str = ""
    call: str = ""
    arguments: dict[str, Any] = {}


class Conversation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For requests whose first message holds `when`: the n-th answer of each conversation."""

    answers: tuple[Answer, ...]
    when: str = ""
    does: str = ""  # what goes wrong with each of its requests


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`faults`: of the n-th request that comes (from 1), what goes wrong with it; goes before what
    its conversation does.

    `http STATUS` · `hang` before the first byte · `slow` after it · `cut` in the middle · `end`
    in the middle, politely · `endless`, whatever was asked for · `no_usage`.
    """

    conversations: tuple[Conversation, ...]
    faults: dict[int, str] = {}


class Line(msgspec.Struct, frozen=True):
    """One request, as the books have it. Two with one digest are the same question."""

    number: int
    protocol: str
    digest: str
    depth: int
    key: str
    does: str


def read_books(path: Path) -> list[Line]:
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Line) for line in lines]


class Stub:
    """The endpoint's state: its script and its books."""

    def __init__(self, script: Script, books: Path) -> None:
        self._script = script
        self._books = books
        self._count = len(read_books(books))

    def app(self) -> Starlette:
        return Starlette(routes=[Route(path, self.serve, methods=["POST"]) for path in WIRES])

    async def serve(self, request: Request) -> Response:
        wire = WIRES[request.url.path]
        raw = await request.body()
        body = json.loads(raw)
        digest = hashlib.sha256(raw).hexdigest()
        depth = sum(message["role"] == "assistant" for message in body["messages"])
        self._count += 1
        conversation = self._conversation(body, depth)
        does = self._script.faults.get(self._count) or (conversation and conversation.does)
        does = does or "answered"
        key = request.headers.get("x-api-key") or request.headers.get("authorization", "")
        key = key.removeprefix("Bearer ")
        self._write(Line(self._count, wire.protocol, digest, depth, key, does))
        if does in _STATUS:
            return JSONResponse(wire.error(does), status_code=_STATUS[does])
        if does == "hang":
            await asyncio.sleep(SLOW_S)
        if conversation is None:
            return JSONResponse(wire.error("the script has no answer left"), status_code=400)
        said = _said(conversation.answers[depth], body, digest)
        if not body.get("stream"):
            return JSONResponse(wire.whole(said))
        return StreamingResponse(_streamed(wire, said, does), media_type="text/event-stream")

    def _conversation(self, body: dict[str, Any], depth: int) -> Conversation | None:
        told = next(one for one in body["messages"] if one["role"] == "user")
        text = json.dumps(told["content"])
        for conversation in self._script.conversations:
            if conversation.when in text and depth < len(conversation.answers):
                return conversation
        return None

    def _write(self, line: Line) -> None:
        with self._books.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")


def _said(answer: Answer, body: dict[str, Any], digest: str) -> Said:
    return Said(
        id=f"stub_{digest[:16]}", model=body["model"], text=answer.text, call=answer.call,
        arguments=json.dumps(answer.arguments), input_tokens=len(json.dumps(body)) // 4,
    )  # fmt: skip


async def _streamed(wire: Wire, said: Said, does: str) -> AsyncIterator[bytes]:
    lines = list(wire.stream(said, with_usage=does != "no_usage"))
    middle = len(lines) // 2
    for place, line in enumerate(lines):
        if place == middle and does in ("slow", "cut", "end", "endless"):
            async for more in _gone_wrong(wire, said, does):
                yield more
            return
        yield line
        await asyncio.sleep(0.002)


async def _gone_wrong(wire: Wire, said: Said, does: str) -> AsyncIterator[bytes]:
    if does == "slow":
        await asyncio.sleep(SLOW_S)
    if does == "cut":
        raise ConnectionResetError  # the server closes the connection without the last chunk
    while does == "endless":
        yield wire.more(said, "and so on " * 50)
        await asyncio.sleep(0)


def main() -> None:
    script, books = Path(sys.argv[1]), Path(sys.argv[2])
    stub = Stub(msgspec.json.decode(script.read_bytes(), type=Script, strict=False), books)
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(stub.app(), log_level="critical", timeout_keep_alive=60)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


if __name__ == "__main__":
    main()
