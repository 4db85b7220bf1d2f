"""`answerable dev`: what is saved works, what is broken does not stop what worked."""

import contextlib
import json
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from answerable.store.lock import HomeHeld, HomeLock
from homes import until
from projects import OWNER, Project


class Dev:
    """The command at work, and the lines that it showed."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.process: subprocess.Popen[str] = project.start("dev", "--port", "0")
        self.lines: list[str] = []
        self._read = 0
        self._collecting = threading.Thread(target=self._collect)
        self._collecting.start()

    def _collect(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def shows(self, part: str, within_s: float = 40) -> str:
        """The next line with this part; what came before it is done with."""
        give_up = time.monotonic() + within_s
        while True:
            for number in range(self._read, len(self.lines)):
                if part in self.lines[number]:
                    self._read = number + 1
                    return self.lines[number].strip()
            assert time.monotonic() < give_up, (part, "".join(self.lines))
            time.sleep(0.05)

    def up(self) -> "Dev":
        until((self.project.home / "worker.sock").exists, 40)
        return self

    def says(self, text: str, sender: str) -> dict[str, object]:
        said = self.project.types("chat", "--json", "--as", sender, "--message", text).check()
        found: dict[str, object] = json.loads(said.out)
        return found

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(40)
        self.close()
        self.project.check_free()
        return code

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(40)
        self._collecting.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    dev = Dev(Project(tmp_path / "shop"))
    try:
        yield dev
    finally:
        dev.close()


def test_a_save_is_a_new_release_under_which_what_the_old_one_proposed_cannot_act(dev: Dev) -> None:
    first = dev.shows("support: release rel_").split()[-1]
    dev.up()
    assert dev.says("Please refund A2", "kim")["disposition"] == "open"
    assert "hold: " in dev.shows("@refund-large; Olive Marsh answers; ledger ")

    dev.project.change(dev.project.agent, "on Tuesday", "on Friday")
    assert dev.shows("support: new release rel_").endswith(f"was {first}")
    assert dev.shows("1 effect waits").endswith("Next: answerable approval list")
    assert dev.says("When does A1 ship?", "bo")["replies"] == ["Order A1 ships on Friday."]

    (hold,) = json.loads(dev.project.types("approval", "list", "--json").check().out)
    said = dev.project.types("approval", "grant", hold["effect"], "--by", OWNER)
    assert "error (cannot_act_now)" in said.err
    assert dev.end() == 0


def test_a_broken_file_keeps_the_worker_that_worked_and_is_picked_up_when_mended(
    dev: Dev,
) -> None:
    dev.shows("support: release rel_")
    dev.up()
    pid = dev.project.holder

    dev.project.change(dev.project.policy, '@id("reply")', '@id("a reply")')
    dev.shows("error (policy_invalid)")
    dev.shows("agent.cedar:3")
    dev.shows("Next: ")
    dev.shows("goes on with what it had")
    assert dev.says("When does A1 ship?", "kim")["replies"] == ["Order A1 ships on Tuesday."]

    dev.project.change(dev.project.agent, "on Tuesday", "on Friday")  # good, but not on its own
    dev.shows("error (policy_invalid)")
    assert dev.project.holder == pid

    dev.project.change(dev.project.policy, '@id("a reply")', '@id("a-reply")')
    dev.shows("support: new release rel_")
    assert dev.says("When does A1 ship?", "bo")["replies"] == ["Order A1 ships on Friday."]
    dev.shows("@a-reply")
    assert dev.end() == 0


def test_its_pages_stay_while_the_worker_starts_again(dev: Dev) -> None:
    address = dev.shows("Console: http://").split()[-1].rstrip("/")
    dev.project.change(dev.project.agent, "on Tuesday", "on Friday")
    dev.shows("support: new release rel_")
    with urllib.request.urlopen(f"{address}/healthz", timeout=20) as answer:
        assert answer.status == 200
    assert dev.end() == 0


def test_who_takes_the_home_while_the_worker_starts_again_gives_it_back(dev: Dev) -> None:
    dev.shows("support: release rel_")
    dev.up()
    dev.project.change(dev.project.agent, "on Tuesday", "on Friday")
    taken: list[HomeLock] = []
    until(lambda: _taken(dev.project.home, taken), every_s=0.002)  # before the new worker can
    dev.shows("error (home_held)")
    taken[0].release()
    dev.up()
    assert dev.says("When does A1 ship?", "kim")["replies"] == ["Order A1 ships on Friday."]


def _taken(home: Path, taken: list[HomeLock]) -> bool:
    with contextlib.suppress(HomeHeld):
        taken.append(HomeLock.take(home))
    return bool(taken)


def test_what_does_not_load_at_first_is_waited_for(tmp_path: Path) -> None:
    project = Project(tmp_path / "shop")
    project.change(project.agent, "async def answer", "def answer:")
    dev = Dev(project)
    try:
        assert "Next: correct agent.py:36" in dev.shows("error (usage)")
        project.change(project.agent, "def answer:", "async def answer")
        dev.shows("support: release rel_")
    finally:
        assert dev.end() == 0


def test_a_home_that_somebody_holds_is_left_to_them(dev: Dev) -> None:
    dev.shows("support: release rel_")
    dev.up()
    dev.project.types("dev", "--port", "0").fails(1, "holds")
