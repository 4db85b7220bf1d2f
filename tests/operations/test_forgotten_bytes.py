"""After an erasure no byte of the party can be found or read in any file of its home."""

import base64
import contextlib
import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from answerable.worker import verbs
from forgotten import CANARY, forms, lies_in, opened, scanned
from homes import OWNER, SPECIALIST, SmallHome, Worker, cli, environment, until, working

KIM, LEE = f"{CANARY}.kim@example.org", "lee@example.org"


AGENT_SAYS = f"""
async def recalled(word: str) -> str:
    return f"recalled {{word}}"


@support.on_message
async def answer(ctx, message):
    word = "{CANARY}" if "{CANARY}" in message.text else "nothing"
    await ctx.step(recalled, word)
    if "human" in message.text:
        return ctx.escalate(f"{{word}} wants a person")
    if "refund" in message.text:
        asked = ctx.propose(refund, order=f"A1 {{word}}", amount=Money(4_000, "USD"))
        return Reply(f"Refunded {{word}}.", after=asked, otherwise=f"Not {{word}}.")
    return Reply(f"About {{word}}.")
"""


def planted(home: SmallHome) -> None:
    """An agent that repeats it in steps, replies, arguments and the words for the desk."""
    agent = home.agent.read_text()
    home.agent.write_text(agent[: agent.index("@support.on_message")] + AGENT_SAYS)


def lives(home: SmallHome) -> str:
    """Something of everything, said by and to a party; its id."""
    for number, text in enumerate(("hello", "refund", "human")):
        home.say(f"{text} {CANARY}", external_id=f"{CANARY}-{number}", sender=f"{CANARY} K <{KIM}>")
        home.settled()
    home.say("lee's own words", external_id="l1", sender=LEE)
    home.settled()
    (case,) = json.loads(home.cli("case", "list", "--holder", "people", "--json").check().out)
    shown = json.loads(home.cli("case", "show", case["case"], "--json").check().out)
    home.cli("desk", "take", case["case"], "--by", SPECIALIST).check()
    newest = shown["messages"][0]["interaction"]
    home.ask(
        verbs.DeskSay(case["case"], SPECIALIST, f"{CANARY} from a person", interaction=newest),
        object,
    )
    home.settled()
    for command in ("hold", "release-hold"):
        home.cli("party", command, case["party"], "--by", OWNER, "--reason", CANARY).check()
    return str(case["party"])


def erased_under_fire(home: SmallHome, party: str, kill_after_s: float) -> None:
    """The second person's word, the worker killed while it is being carried out; said again until
    it is done."""
    first = ["party", "erase", party, "--by", OWNER, "--reason", CANARY, "--yes"]
    home.cli(*first).check()
    agrees = [
        sys.executable, "-m", "answerable.cli", "party", "erase", party, "--by", SPECIALIST,
        "--yes", "--home", str(home.path),
    ]  # fmt: skip
    saying = subprocess.Popen(
        agrees, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
    )
    done = entries_of(home)
    until(lambda: saying.poll() is not None or entries_of(home) > done, 60)
    time.sleep(kill_after_s)
    kill(home)
    saying.wait(90)

    def is_over() -> bool:
        said = home.cli("party", "erase", party, "--by", SPECIALIST, "--yes")
        return said.code == 0 or "party_erased" in said.err

    until(is_over, 60)


def kill(home: SmallHome) -> None:
    """Whoever holds the home, unless that is this process, which ran a command on a free one."""
    if home.holder != os.getpid():
        with contextlib.suppress(ProcessLookupError):
            os.kill(home.holder, signal.SIGKILL)


def entries_of(home: SmallHome) -> int:
    with closing(sqlite3.connect(f"file:{home.path}/answerable.db?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM record").fetchone()[0])


def feed_of(home: SmallHome) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{home.path}/answerable.db?mode=ro", uri=True)) as database:
        return database.execute("SELECT key, data, body FROM record ORDER BY position").fetchall()


def test_the_scan_finds_the_canary_in_each_form_in_which_it_could_lie() -> None:
    for form in forms(CANARY):
        assert lies_in(b"before " + form + b" after")
    assert lies_in(b"x" + zlib.compress(f"says {CANARY}".encode()) + b"y")
    assert lies_in(b"x" + gzip.compress(f"says {CANARY}".encode()))
    assert lies_in(base64.b64encode(f"and {CANARY} is said".encode()))
    assert not lies_in(b"nothing of it, kanarien vogel")


@pytest.mark.parametrize("kill_after_s", [0.0, 0.005, 0.02])
def test_no_byte_of_an_erased_party_is_left_and_no_key_opens_what_it_said(
    tmp_path: Path, kill_after_s: float
) -> None:
    home = SmallHome(tmp_path / "home").found()
    planted(home)
    worker = Worker(home)
    try:
        worker.up()
        party = lives(home)
        before = feed_of(home)
        heard = [text for text in opened(home.path) if CANARY.encode() in text]
        assert len(heard) >= 14, "the scan can open what the party said, while its keys are there"
        assert scanned(home.path) == ["small_agent.py"], "and nothing lay in plain even then"
        home.cli("backup", str(tmp_path / "backup")).check()
        erased_under_fire(home, party, kill_after_s)
    finally:
        worker.process.kill()
        worker.process.wait(10)
        kill(home)
    assert feed_of(home)[: len(before)] == before, "what was proven stands as it stood"
    assert scanned(home.path) == ["small_agent.py"]
    texts = opened(home.path)
    assert not [text for text in texts if CANARY.encode() in text]
    assert [text for text in texts if b"lee's own words" in text], "another party's are there"
    home.cli("ledger", "verify").check()
    with working(home):
        home.cli("ledger", "verify", "--deep").check()
        assert "erased at index" in home.cli("party", "show", party).check().out
    out_of_the_backup(tmp_path, party)


def out_of_the_backup(tmp_path: Path, party: str) -> None:
    """The home that it makes has no more of the party than the one that was never lost."""
    (tmp_path / "new").mkdir()
    again = tmp_path / "new" / "home"
    cli("restore", str(tmp_path / "backup"), "--home", str(again)).check()
    made = SmallHome.__new__(SmallHome)
    made.path, made.settings = again, again / "answerable.toml"
    for is_after_work in (False, True):
        assert scanned(again) == ["small_agent.py"]
        texts = opened(again)
        assert not [text for text in texts if CANARY.encode() in text]
        assert [text for text in texts if b"lee's own words" in text]
        made.cli("ledger", "verify", "--deep").check()
        if not is_after_work:
            with working(made):
                assert "erased at index" in made.cli("party", "show", party).check().out
