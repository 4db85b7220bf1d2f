"""The socket: for its owner only, many at once, and nobody's mistake costs anybody else."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from answerable.base.errors import Busy, UsageError
from answerable.rails.port import Ack, Incoming
from answerable.worker import verbs
from answerable.worker.ask import ask_home
from answerable.worker.client import Client, RemoteError, WorkerAway
from answerable.worker.server import serve
from answerable.worker.verbs.control import Standing
from answerable.worker.verbs.people import PersonRow
from answerable.worker.wire import FRAME_BYTES_MAX, socket_path
from offices import listening, small_world

Talk = Callable[[bytes], Coroutine[None, None, dict[str, object]]]


def incoming(number: int) -> Incoming:
    return Incoming(external_id=f"m{number}", sender="k@example.org", text="hi", rail="email")


def test_the_socket_is_for_its_owner_only_from_its_first_moment(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        seen: list[int] = []
        bind = socket.socket.bind

        class Watched(socket.socket):
            def bind(self, address: object) -> None:
                bind(self, str(address))
                seen.append(Path(str(address)).stat().st_mode & 0o777)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "socket", Watched)
            async with listening(world):
                assert seen == [0o600]

    asyncio.run(scenario())


def test_a_home_with_a_long_path_has_its_socket_in_a_private_folder(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / ("long" * 30) / "home")
        async with listening(world) as (_, client):
            assert await client.call(verbs.PersonList(), list[PersonRow])
            short = socket_path(world.home)
            assert len(str(short)) < 100
            assert short.parent.stat().st_mode & 0o777 == 0o700
        assert not short.parent.exists()

    asyncio.run(scenario())


def test_what_a_killed_worker_left_is_replaced(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        (world.home / "worker.sock").write_text("left")
        async with listening(world) as (_, client):
            assert await client.call(verbs.PersonList(), list[PersonRow])

    asyncio.run(scenario())


def test_many_commands_at_once_on_one_connection_are_each_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with listening(world) as (_, client):
            calls = [
                client.call(verbs.MessagesAccept((incoming(n),)), list[Ack]) for n in range(500)
            ]
            acks = [ack for acks in await asyncio.gather(*calls) for ack in acks]
            assert [ack.external_id for ack in acks] == [f"m{n}" for n in range(500)]
            assert all(ack.is_new for ack in acks)

    asyncio.run(scenario())


def _frame(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _asked(verb: object, number: object = 7) -> bytes:
    return _frame(json.dumps({"id": number, "verb": verb}).encode())


WRONG: dict[str, tuple[bytes, int, str]] = {
    "not JSON": (_frame(b"{"), 0, "no command"),
    "not UTF-8": (_frame(b'{"id":7,"verb":"\xff"}'), 7, "no command"),
    "nothing": (_frame(b""), 0, "no command"),
    "no number": (_asked({"type": "status"}, "x"), 0, "no command"),
    "deep": (_frame(b'{"id":7,"verb":' + b"[" * 100_000), 0, "no command"),
    "unknown verb": (_asked({"type": "person.fly"}), 7, "'person.fly'"),
    "wrong type": (_asked({"type": "person.add", "email": 5, "name": "N"}), 7, "'email'"),
    "missing": (_asked({"type": "person.add", "email": "a@b.example"}), 7, "`name`"),
    "negative limit": (_asked({"type": "approval.list", "limit": -1}), 7, "'limit'"),
    "huge limit": (_asked({"type": "desk.list", "limit": 10**6}), 7, "'limit'"),
    "beyond SQLite": (_asked({"type": "desk.list", "since": 2**80}), 7, "'since'"),
    "for ever": (_asked({"type": "effect.settle", "effect": "e", "by": "b", "says": "done",
                         "wait_s": 1e9}), 7, "'wait_s'"),
    "says nothing": (_asked({"type": "approval.answer", "effect": "e", "by": "b", "says": "x"}),
                     7, "'says'"),
    "before the first": (_asked({"type": "ledger.prove", "index": -1}), 7, "'index'"),
    "half a character": (_frame(b'{"id":7,"verb":{"type":"person.leave","person":"\\ud800"}}'),
                         0, "no command"),
    "too large": (
        struct.pack(">I", FRAME_BYTES_MAX + 1) + b" " * (FRAME_BYTES_MAX + 1), 0, "travel at once",
    ),
}  # fmt: skip


def test_a_wrong_frame_gets_a_usage_error_and_the_connection_and_the_worker_live_on(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with listening(world) as (_, client):
            reader, writer = await asyncio.open_unix_connection(str(socket_path(world.home)))
            for what, (data, number, part) in WRONG.items():
                writer.write(data)
                (length,) = struct.unpack(">I", await reader.readexactly(4))
                told = json.loads(await reader.readexactly(length))
                assert (told["code"], told["exit_code"]) == ("usage", 2), what
                assert told["id"] == number, what
                assert part in told["happened"], (what, told)
                assert told["next_command"], what
            writer.write(_asked({"type": "person.list"}))
            (length,) = struct.unpack(">I", await reader.readexactly(4))
            assert json.loads(await reader.readexactly(length))["code"] == ""
            writer.write(b"\x00\x00\x00\x09cut")  # and then it is gone
            writer.close()
            assert await client.call(verbs.PersonList(), list[PersonRow])

    asyncio.run(scenario())


def test_a_command_that_is_too_large_or_not_unicode_does_not_leave_the_client(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with listening(world) as (_, client):
            with pytest.raises(UsageError, match="travel at once"):
                await client.call(verbs.PersonLeave("x" * (FRAME_BYTES_MAX + 1)), object)
            with pytest.raises(UsageError, match="not Unicode"):
                await client.call(verbs.PersonLeave("\ud800"), object)
            with pytest.raises(RemoteError, match="No living person"):
                await client.call(verbs.PersonLeave("nobody"), object)

    asyncio.run(scenario())


def test_an_answer_that_is_too_large_is_an_error_and_not_silence(tmp_path: Path) -> None:
    async def huge(_: verbs.Verb) -> object:
        return "x" * FRAME_BYTES_MAX

    async def scenario() -> None:
        tmp_path.joinpath("home").mkdir()
        server = await serve(tmp_path / "home", huge)
        client = await Client.connect(tmp_path / "home")
        with pytest.raises(RemoteError, match="travel at once"):
            await client.call(verbs.Status(), str)
        await client.close()
        await server.close()

    asyncio.run(scenario())


def test_busy_travels_with_when_to_try_again(tmp_path: Path) -> None:
    async def busy(_: verbs.Verb) -> object:
        raise Busy("Too much waits.", "Nothing was accepted.", retry_after_s=2.5)

    async def scenario() -> None:
        tmp_path.joinpath("home").mkdir()
        server = await serve(tmp_path / "home", busy)
        client = await Client.connect(tmp_path / "home")
        with pytest.raises(Busy, match="Too much waits") as told:
            await client.call(verbs.Status(), Standing)
        assert told.value.retry_after_s == 2.5
        await client.close()
        await server.close()

    asyncio.run(scenario())


def test_who_waits_for_an_answer_when_the_worker_goes_is_told_that_it_is_away(
    tmp_path: Path,
) -> None:
    async def never(_: verbs.Verb) -> object:
        await asyncio.Event().wait()
        return None

    async def scenario() -> None:
        tmp_path.joinpath("home").mkdir()
        server = await serve(tmp_path / "home", never)
        client = await Client.connect(tmp_path / "home")
        calls = [asyncio.create_task(client.call(verbs.Status(), Standing)) for _ in range(3)]
        await asyncio.sleep(0.05)
        await server.close()
        told = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in told] == [WorkerAway] * 3
        with pytest.raises(WorkerAway):
            await client.call(verbs.Status(), Standing)
        with pytest.raises(WorkerAway):
            await Client.connect(tmp_path / "home")
        await client.close()

    asyncio.run(scenario())


def test_a_command_is_checked_on_a_free_home_as_on_the_socket(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        with pytest.raises(UsageError, match="'limit'"):
            await ask_home(world.home, verbs.ApprovalList(limit=-1), object)
        with pytest.raises(UsageError, match="not Unicode"):
            await ask_home(world.home, verbs.PersonLeave("\ud800"), object)
        free = await ask_home(world.home, verbs.PersonList(), list[PersonRow])
        async with listening(world):
            assert await ask_home(world.home, verbs.PersonList(), list[PersonRow]) == free

    world_settings(tmp_path / "home")
    asyncio.run(scenario())


def world_settings(home: Path) -> None:
    """So that the log has the name that the world gives it."""
    home.mkdir()
    (home / "answerable.toml").write_text('[ledger]\norigin = "answerable.local/home"\n')
