"""A witness in a process of its own is killed at any moment and never takes anything back."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from answerable.ledger.cosignature import cosignatures
from answerable.witness.state import LogFiles
from witnesses import Log, keys_of, made, post, served

DIES_AT = """
import os, signal
from answerable.base import faults
async def fault(name):
    if name == {name!r}:
        os.kill(os.getpid(), signal.SIGKILL)
faults.install(fault)
"""


@pytest.fixture
def log() -> Log:
    return Log().grow(200)


def seen(state: Path, log: Log) -> int:
    return LogFiles(state, log.signer.name).seen(keys_of(state)).size


def cli(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "answerable.cli", "witness", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_what_is_no_key_of_a_log_or_no_folder_of_a_witness_is_told(tmp_path: Path) -> None:
    """Or `serve` would fail later, on a log that nobody meant."""
    state = str(tmp_path / "w")
    none_there = cli("add-log", "acme.example/log+00000000+AAAA", "--state", state)
    assert (none_there.returncode, (tmp_path / "w").exists()) == (1, False)
    assert "has no key of a witness" in none_there.stderr
    assert cli("new-key", "witness.example/w", "--state", state).returncode == 0
    no_file = cli("add-log", "shop/nofile", "--state", state)
    assert no_file.returncode == 3
    assert "'shop/nofile' is neither a key" in no_file.stderr


def test_it_answers_over_http_as_the_specification_says(tmp_path: Path, log: Log) -> None:
    state = made(tmp_path / "w", log)
    with served(state) as (_, port):
        status, _, lines = post(port, log.asks(0, 9))
        assert status == 200
        assert cosignatures(log.checkpoint(9) + lines, keys_of(state))
        assert post(port, log.asks(0, 12)) == (409, "text/x.tlog.size", "9\n")
        assert post(port, log.forked_at(3).grow(9, "x").asks(9))[0] == 422
        assert post(port, b"x" * 300_000)[0] == 413
        assert post(port, Log("unknown.example/x").grow(1).asks(0))[0] == 404


def test_no_second_process_works_in_its_folder(tmp_path: Path, log: Log) -> None:
    state = made(tmp_path / "w", log)
    with served(state):
        second = subprocess.run(
            [sys.executable, "-m", "answerable.cli", "witness", "serve", "--state", str(state),
             "--port", "0"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert second.returncode == 1
    assert "Another witness works" in second.stderr


@pytest.mark.parametrize(("point", "kept"), [("witness.before_keep", 5), ("witness.after_keep", 9)])
def test_killed_around_its_write_it_stands_at_one_side_of_it(
    tmp_path: Path, log: Log, point: str, kept: int
) -> None:
    state = made(tmp_path / "w", log)
    with served(state) as (_, port):
        assert post(port, log.asks(0, 5))[0] == 200
    with served(state, faults=DIES_AT.format(name=point)) as (process, port):
        with pytest.raises(OSError, match=r".+"):
            post(port, log.asks(5, 9))
        assert process.wait(30) == -signal.SIGKILL
    assert seen(state, log) == kept
    with served(state) as (_, port):
        other = log.forked_at(5).grow(10, "other")
        assert post(port, other.asks(9, 12))[0] in (409, 422)
        assert post(port, log.asks(kept, 12))[0] == 200


def test_killed_again_and_again_under_load_it_never_takes_back_what_it_said(
    tmp_path: Path, log: Log
) -> None:
    """Many ask at once, honestly and not, while SIGKILL falls: what was cosigned is one history."""
    state = made(tmp_path / "w", log)
    fork = log.forked_at(30).grow(170, "other")
    said: list[tuple[int, bool]] = []
    stop = threading.Event()

    def ask_on(port: int, which: Log, *, is_honest: bool) -> None:
        old = 0
        while not stop.is_set():
            size = min(old + 1 + old % 3, 200)
            try:
                status, _, text = post(port, which.asks(old, size))
            except (OSError, EOFError):
                return
            except Exception as error:  # http.client's own: the connection was cut
                if type(error).__module__.startswith("http"):
                    return
                raise
            if status == 200:
                said.append((size, is_honest))
                old = size
            elif status == 409:
                old = min(int(text), 199)
            else:
                old = old + 1 if old < 199 else 0

    for round_ in range(4):
        before = max((size for size, _ in said), default=0)
        with served(state) as (process, port), ThreadPoolExecutor(6) as pool:
            stop.clear()
            runs = [
                pool.submit(ask_on, port, log if n % 2 else fork, is_honest=bool(n % 2))
                for n in range(6)
            ]
            time.sleep(0.3 + 0.1 * round_)
            os.kill(process.pid, signal.SIGKILL)
            stop.set()
            for each in runs:
                each.result()
        assert seen(state, log) >= before
        assert seen(state, log) >= max(size for size, _ in said)
    sides = {is_honest for size, is_honest in said if size > 30}
    assert len(sides) <= 1, "it cosigned two histories"
    assert len(said) > 4
