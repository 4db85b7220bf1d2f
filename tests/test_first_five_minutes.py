"""`docs/first-five-minutes.md` is typed as it is written, by a shell, with real processes."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from documents import commands
from homes import until

ROOT = Path(__file__).parents[1]


class Terminal:
    """A shell in a folder beside the verifier; what the document leaves running is ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tools = folder / "bin"
        tools.mkdir()
        (folder / "verify").symlink_to(ROOT / "verify")
        for name, module in (("python", ""), ("answerable", "-m answerable.cli ")):
            (tools / name).write_text(f'#!/bin/sh\nexec {sys.executable} {module}"$@"\n')
            (tools / name).chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if name != "ANSWERABLE_HOME"}
        source = str(ROOT / "src")
        self._env = kept | {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": source}
        self._server: subprocess.Popen[bytes] | None = None

    def type(self, command: str) -> str:
        if command.startswith("cd "):
            self.folder /= command.removeprefix("cd ")
            return ""
        if command.startswith("answerable serve"):
            self._server = subprocess.Popen(
                command.split(), cwd=self.folder, env=self._env, stderr=subprocess.DEVNULL
            )
            return ""
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=self._env, capture_output=True, text=True,
            timeout=90, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def close(self) -> None:
        if self._server is not None:
            self._server.terminate()
            assert self._server.wait(timeout=60) == 0


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    try:
        yield terminal
    finally:
        terminal.close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as door:
        return door.connect_ex(("127.0.0.1", port)) == 0


def test_from_an_empty_folder_to_a_proof_and_to_a_stop(terminal: Terminal) -> None:
    port, effect = free_port(), ""
    said: dict[str, str] = {}
    began = time.monotonic()
    for typed in commands("first-five-minutes.md"):
        if "EFFECT" in typed.command:
            until(lambda: bool(_holds(terminal)))
            (hold,) = _holds(terminal)
            effect = hold["effect"]
        command = (
            typed.command.replace("8420", str(port)).replace("EFFECT", effect)
            .replace("DECISION", effect.replace("eff_", "dec_"))
        )  # fmt: skip
        out = terminal.type(command)
        if typed.prints:
            assert _plain(out) == _plain(typed.prints)
        if typed.command.startswith("answerable serve"):
            until(lambda: answers(port), 40)
        said[typed.command] = out
    assert time.monotonic() - began < 5 * 60
    (found,) = [out for command, out in said.items() if "external_id=m1" in command]
    assert json.loads(found)["replies"] == ["Order A2 is refunded."]
    assert re.search(r"Olive Marsh .* was accountable", said["answerable decision who DECISION"])
    assert "erified" in said["answerable ledger verify"]
    assert len(said) == len(commands("first-five-minutes.md"))


def _holds(terminal: Terminal) -> list[dict[str, str]]:
    holds: list[dict[str, str]] = json.loads(terminal.type("answerable approval list --json"))
    return holds


def _plain(text: str) -> str:
    """Without what differs from day to day: where in the ledger it stands."""
    return re.sub(r"ledger \d+", "ledger N", text.strip())
