"""`docs/first-agent.md` is run as it is written, with a real worker, by a shell."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_STARTED_S = 20.0


class Terminal:
    """A folder with the repository's examples in it, and our commands on the path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        tools = folder / "bin"
        tools.mkdir()
        for name in ("examples", "verifier"):
            (folder / name).symlink_to(ROOT / name)
        for name, module in (("python", ""), ("answerable", "-m answerable.cli ")):
            (tools / name).write_text(f'#!/bin/sh\nexec {sys.executable} {module}"$@"\n')
            (tools / name).chmod(0o755)
        source = os.environ.get("PYTHONPATH", "")
        self._env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": source}
        self._worker: subprocess.Popen[bytes] | None = None

    def type(self, command: str) -> str:
        if command.startswith("answerable worker"):
            self._worker = subprocess.Popen(
                command.split(), cwd=self._folder, env=self._env, stderr=subprocess.DEVNULL
            )
            self._wait_for(self._folder / "my-home" / "worker.sock")
            return ""
        done = subprocess.run(
            command, shell=True, cwd=self._folder, env=self._env, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        return done.stdout

    def _wait_for(self, path: Path) -> None:
        end = time.monotonic() + _STARTED_S
        while not path.exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert path.exists()

    def outbox(self, lines: int) -> list[dict[str, str]]:
        """What was sent, once there are so many."""
        path = self._folder / "my-home" / "outbox.jsonl"
        end = time.monotonic() + _STARTED_S
        while time.monotonic() < end:
            sent = path.read_text().splitlines() if path.exists() else []
            if len(sent) >= lines:
                return [json.loads(line) for line in sent]
            time.sleep(0.05)
        raise AssertionError(f"only {sent} was sent")

    def close(self) -> None:
        if self._worker is not None:
            self._worker.terminate()
            assert self._worker.wait(timeout=30) == 0


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    try:
        yield terminal
    finally:
        terminal.close()


def test_the_first_agent_goes_from_an_empty_folder_to_a_proof(terminal: Terminal) -> None:
    text = (ROOT / "docs" / "first-agent.md").read_text(encoding="utf-8")
    effect, verified = "", []
    for command in re.findall(r"^\$ (.+)$", text, re.MULTILINE):
        if "EFFECT" in command:
            effect = json.loads(terminal.type("answerable approval list --json --home my-home"))[0][
                "effect"
            ]
        if command.startswith("cat "):
            assert [line["text"] for line in terminal.outbox(2)] == [
                "Order A1 ships on Tuesday.", "Order A1 is refunded.",
            ]  # fmt: skip
        decision = effect.replace("eff_", "dec_")
        said = terminal.type(command.replace("EFFECT", effect).replace("DECISION", decision))
        if "decision who" in command:
            assert "Olive Marsh" in said
            assert "was accountable" in said
        if "verif" in command:
            verified.append(said)
    assert terminal.outbox(3)[2]["text"] == "Order A2 is refunded."
    assert len(verified) == 2
    assert all("erified" in said or "ok" in said for said in verified)
