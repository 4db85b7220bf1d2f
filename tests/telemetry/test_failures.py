"""A log names the kind of a failure and where it was, and quotes nobody."""

import asyncio
import io
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

import answerable
from answerable import Agent, Context, Message
from answerable.base.errors import Broken
from answerable.sdk.words import Outcome
from answerable.telemetry.failures import Formatter, describe
from answerable.testing.world import OWNER, Till, World
from answerable.worker import verbs
from answerable.worker.client import Client, RemoteError
from answerable.worker.server import serve
from answerable.worker.verbs.control import Standing
from homes import environment
from stories import support

SECRET = "4111 1111 1111 1111"


def test_type_code_places_and_causes_are_told_and_no_message() -> None:
    def inner() -> None:
        raise KeyError(SECRET)

    def outer() -> None:
        try:
            inner()
        except KeyError as error:
            raise Broken(SECRET) from error

    try:
        outer()
    except Broken as error:
        told = describe(error)
    assert re.fullmatch(
        r"Broken \(broken\) at test_failures.py:\d+ in outer < test_failures.py:\d+ in \w+; "
        r"because of KeyError at test_failures.py:\d+ in inner < test_failures.py:\d+ in outer",
        told,
    )
    assert describe(SystemExit(SECRET)) == "SystemExit"


def test_what_a_library_logs_with_its_exception_is_described_too() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Formatter())
    log = logging.getLogger("somebody.else")
    log.addHandler(handler)
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("it failed")
    finally:
        log.removeHandler(handler)
    assert "it failed" in stream.getvalue()
    assert "ValueError at test_failures.py" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_a_process_of_ours_prints_no_message_of_what_nobody_took() -> None:
    script = f"""
import asyncio, threading
from answerable.telemetry import failures
failures.install()

async def fails():
    raise ValueError("{SECRET}")

async def main():
    failures.watch_loop(asyncio.get_running_loop())
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    del task
    await asyncio.sleep(0.01)

asyncio.run(main())
thread = threading.Thread(target=lambda: asyncio.run(fails()))
thread.start()
thread.join()

class Fails:
    def __del__(self):
        raise KeyError("{SECRET}")

Fails()
asyncio.run(fails())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False,
        env=environment(),
    )  # fmt: skip
    assert done.returncode == 1
    assert SECRET not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("ValueError at") == 3
    assert "ZeroDivisionError at" in done.stderr
    assert "KeyError at" in done.stderr


def test_a_failure_on_its_way_through_the_dispatcher_is_logged_without_its_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("answerable.worker.dispatch.walk", fails)

    async def scenario() -> None:
        world = World(home=tmp_path / "home", agent=support(Till()))
        await world.found()
        async with world.running() as life:
            await life.say(f"my card is {SECRET}", external_id="m1")
            await life.settled()

    asyncio.run(scenario())
    assert "RuntimeError at test_failures.py" in caplog.text
    assert SECRET not in caplog.text


def test_an_agents_failure_quotes_nobody_in_log_or_ledger(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="fail")

    @agent.on_message
    async def answer(_: Context, message: Message) -> Outcome:
        raise ValueError(message.text)

    async def scenario() -> None:
        world = World(home=tmp_path / "home", agent=agent)
        await world.found()
        async with world.running() as life:
            await life.say(SECRET, external_id="m1")
            await life.settled()
            assert all(SECRET.encode() not in record.data for record in await life.records())

    asyncio.run(scenario())
    assert SECRET not in caplog.text


def test_a_failure_of_a_command_is_logged_and_answered_without_its_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_: verbs.Verb) -> object:
        raise RuntimeError(SECRET)

    async def scenario() -> RemoteError:
        (tmp_path / "home").mkdir()
        server = await serve(tmp_path / "home", fails)
        client = await Client.connect(tmp_path / "home")
        with pytest.raises(RemoteError) as told:
            await client.call(verbs.Status(), Standing)
        await client.close()
        await server.close()
        return told.value

    told = asyncio.run(scenario())
    assert SECRET not in caplog.text + str(told)
    assert "RuntimeError at test_failures.py" in caplog.text
    assert "RuntimeError" in told.happened
    assert told.next_command


def test_nobody_of_us_logs_an_exception_as_it_is() -> None:
    source = Path(answerable.__file__).parent
    leaks = re.compile(r"\.exception\(\s*[\"']|exc_info|print_exc|format_exc|stack_info")
    found = [str(path) for path in source.rglob("*.py") if leaks.search(path.read_text())]
    found.remove(str(source / "telemetry" / "failures.py"))  # which is what describes them
    assert found == []
