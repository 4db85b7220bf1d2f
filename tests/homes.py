"""A small home on disk with its own agent, and the real processes that work for it."""

import asyncio
import atexit
import contextlib
import functools
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from answerable.cli.app import run
from answerable.rails.port import Ack, Incoming
from answerable.worker import verbs
from answerable.worker.client import Client, WorkerAway
from answerable.worker.verbs.control import Standing

T = TypeVar("T")

OWNER = "olga@acme.example"
SPECIALIST = "sam@acme.example"
POLICY = """
@id("replies") permit (principal, action == Action::"reply", resource);
@id("tools") @hold("desk") permit (principal, action == Action::"perform", resource);
"""
SETTINGS = """
agents = ["small_agent:support"]

[rails.email]
use = "small_agent:rail"
agent = "support"

[ledger]
origin = "acme.example/small"

[worker]
stall_s = 1.0
"""
AGENT = """
import asyncio
import json
import os
import sys
from pathlib import Path

from answerable import Agent, Money, Reply

HERE = Path(__file__).parent


class Mailbox:
    repeat = "idempotent"
    identifier_kind = "email"

    async def send(self, outgoing):
        with (HERE / "sent.jsonl").open("a") as file:
            line = {"key": outgoing.key, "to": outgoing.to, "text": outgoing.text}
            file.write(json.dumps(line) + "\\n")
        return "sent"

    async def find(self, key):
        return None


def rail(home):
    return Mailbox()


async def ends_the_process():
    sys.exit(0)


support = Agent("support", owner="olga@acme.example", desk="orders", purpose="answer")


@support.tool(effect="refund", repeat="idempotent")
async def refund(call, order: str, amount: Money) -> str:
    return call.key


@support.on_message
async def answer(ctx, message):
    if "spin" in message.text:
        while True:
            pass
    if "exit" in message.text:
        os._exit(7)
    if "halt" in message.text:
        asyncio.get_running_loop().stop()
    if "leak" in message.text:
        asyncio.create_task(ends_the_process())
        await asyncio.sleep(1)
    if "secret" in message.text:
        raise ValueError(message.text)
    if "human" in message.text:
        return ctx.escalate("wants a person")
    if "refund" in message.text:
        asked = ctx.propose(refund, order="A1", amount=Money(4_000, "USD"))
        return Reply("Refunded.", after=asked, otherwise="Not refunded.")
    return Reply(f"About {message.text}.")
"""

LOST = (
    AGENT.replace("Money, Reply", "Money, OutcomeUnknown, Reply")
    .replace('effect="refund", repeat="idempotent"', 'effect="refund", repeat="at_most_once"')
    .replace("    return call.key", '    raise OutcomeUnknown("the till did not answer")')
)
"""Each refund that a person allows ends in a way that only a person can say."""


class SmallHome:
    """A folder with settings, an agent and a policy; `found` makes it a home."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "policies").mkdir(parents=True)
        self.settings = path / "answerable.toml"
        self.policy = path / "policies" / "small.cedar"
        self.agent = path / "small_agent.py"
        self.settings.write_text(SETTINGS)
        self.policy.write_text(POLICY)
        self.agent.write_text(AGENT)

    def found(self) -> "SmallHome":
        """An owner and a specialist are in its directory; the owner has accepted."""
        for file in _founded().iterdir():
            if file.is_file() and file.name not in ("answerable.toml", "small_agent.py"):
                shutil.copy2(file, self.path)
        return self

    def founding(self) -> None:
        for email, name in ((OWNER, "Olga Owner"), (SPECIALIST, "Sam Specialist")):
            self.cli("person", "add", email, "--name", name).check()
        self.cli("owner", "accept", "support", "--person", OWNER).check()

    def says(self, old: str, new: str) -> None:
        """Its settings say `new` where they said `old`."""
        text = self.settings.read_text()
        assert old in text
        self.settings.write_text(text.replace(old, new))

    def cli(self, *arguments: str) -> "Said":
        """A command of the command line on this home, as a person types it."""
        return cli(*arguments, "--home", str(self.path))

    def ask(self, verb: verbs.Verb, returns: type[T], *, within_s: float = 20) -> T:
        """A command through the worker's socket; waits for a worker that is on its way."""

        async def call(client: Client) -> T:
            return await client.call(verb, returns)

        return self.with_client(call, within_s=within_s)

    def with_client(self, story: Callable[[Client], Awaitable[T]], *, within_s: float = 20) -> T:
        async def scenario() -> T:
            give_up = time.monotonic() + within_s
            while True:
                try:
                    client = await Client.connect(self.path)
                    try:
                        return await story(client)
                    finally:
                        await client.close()
                except WorkerAway:
                    if time.monotonic() > give_up:
                        raise
                    await asyncio.sleep(0.05)

        return asyncio.run(scenario())

    def say(self, text: str, *, external_id: str, sender: str = "kim@example.org") -> Ack:
        message = Incoming(external_id=external_id, sender=sender, text=text, rail="email")
        return self.ask(verbs.MessagesAccept((message,)), list[Ack])[0]

    def settled(self, within_s: float = 20) -> Standing:
        give_up = time.monotonic() + within_s
        while True:
            standing = self.ask(verbs.Status(), Standing)
            if not (standing.waiting or standing.in_flight):
                return standing
            assert time.monotonic() < give_up, f"still at work: {standing}"
            time.sleep(0.05)

    @property
    def sent(self) -> list[str]:
        path = self.path / "sent.jsonl"
        return [json.loads(line)["text"] for line in path.read_text().splitlines()] if (
            path.exists()
        ) else []  # fmt: skip

    @property
    def holder(self) -> int:
        """The pid of who holds the home."""
        return int((self.path / "lock").read_text())

    @property
    def queue(self) -> list[tuple[str, str]]:
        """(queue, code) of what waits at the desk."""
        rows = json.loads(self.cli("desk", "list", "--json").check().out)
        return [(row["queue"], row["code"]) for row in rows]


@functools.cache
def _founded() -> Path:
    """A home as it is after its first day, to copy from."""
    folder = Path(tempfile.mkdtemp(prefix="answerable-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = SmallHome(folder / "home")
    home.founding()
    return home.path


class Said:
    """What a process said, and how it ended."""

    def __init__(self, done: "subprocess.CompletedProcess[str]") -> None:
        self.code: int = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    def check(self) -> "Said":
        assert self.code == 0, (self.code, self.out, self.err)
        return self

    def fails(self, code: int, *parts: str) -> "Said":
        """It ended with `code` and three sentences that have these parts, and no traceback."""
        assert self.code == code, (self.code, self.out, self.err)
        assert "Traceback" not in self.err, self.err
        assert self.err.startswith("error ("), self.err
        assert " Next: " in self.err, self.err
        for part in parts:
            assert part in self.err, (part, self.err)
        return self


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "ANSWERABLE_HOME"}
    source = str(Path(__file__).parents[1] / "src")
    return kept | {"PYTHONPATH": source, "COLUMNS": "100"} | more


def cli(*arguments: str) -> Said:
    """The command line: its commands in this process, because starting one takes longer than most;
    what starts processes of its own in one of its own."""
    if arguments[0] in ("worker", "demo"):
        return process(*arguments)
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run(list(arguments))
        except SystemExit as end:
            code = end.code or 0
    assert isinstance(code, int)
    return Said(subprocess.CompletedProcess([], code, out.getvalue(), err.getvalue()))


def process(*arguments: str, timeout_s: float = 60, **more: str) -> Said:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "answerable.cli", *arguments]
    return Said(
        subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=timeout_s,
            env=environment(**more),
        )
    )  # fmt: skip


class Worker:
    """A supervised worker in processes of its own."""

    def __init__(self, home: SmallHome) -> None:
        self.home = home
        self.log = home.path.with_suffix(".log")
        command = [sys.executable, "-m", "answerable.cli", "worker", "--home", str(home.path)]
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment()
            )

    def started(self) -> "Worker":
        """The supervisor has started a worker, which may not be up yet."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        until(lambda: bool(children.read_text().strip()))
        return self

    @property
    def said(self) -> str:
        return self.log.read_text()

    def up(self) -> "Worker":
        self.home.ask(verbs.Status(), Standing)
        return self

    def kill(self) -> None:
        """SIGKILL the worker, not its supervisor."""
        os.kill(self.home.holder, signal.SIGKILL)

    def ends(self, within_s: float = 20) -> int:
        return self.process.wait(within_s)

    def stop(self) -> int:
        self.process.terminate()
        return self.ends()


@contextmanager
def working(home: SmallHome) -> Iterator[Worker]:
    """A worker that is up; nothing of it is left behind."""
    worker = Worker(home)
    try:
        yield worker.up()
    finally:
        end(worker.process, within_s=10)


def end(process: subprocess.Popen[bytes], *, within_s: float) -> None:
    """Told to; killed where it does not."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(within_s)
    process.kill()
    process.wait()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(found: Callable[[], bool], within_s: float = 20, every_s: float = 0.05) -> None:
    give_up = time.monotonic() + within_s
    while not found():
        assert time.monotonic() < give_up, "it did not come to that"
        time.sleep(every_s)
