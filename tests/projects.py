"""A project as `answerable init` writes it, and the commands that a person types in its folder."""

import os
import subprocess
import sys
from pathlib import Path

from answerable.store.lock import HomeLock
from homes import Said, cli, environment

OWNER = "olive@acme.example"


class Project:
    """A new project, with its home founded."""

    def __init__(self, folder: Path) -> None:
        cli("init", str(folder), "--owner", OWNER, "--name", "Olive Marsh").check()
        self.folder = folder
        self.home = folder / ".answerable"
        self.agent = folder / "agent.py"
        self.policy = folder / "policies" / "agent.cedar"
        self.settings = folder / "answerable.toml"

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """A command in its folder, that goes on; its words come by `stdout` and `stderr`."""
        return subprocess.Popen(
            [sys.executable, "-m", "answerable.cli", *arguments], cwd=self.folder, text=True,
            env=environment(PYTHONUNBUFFERED="1"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if arguments[0] == "dev" else subprocess.PIPE,
        )  # fmt: skip

    def types(self, *arguments: str, then: str = "") -> Said:
        """A command in its folder, to its end; `then` is what is typed into it."""
        done = subprocess.run(
            [sys.executable, "-m", "answerable.cli", *arguments], cwd=self.folder, text=True,
            env=environment(), input=then, capture_output=True, timeout=90, check=False,
        )  # fmt: skip
        return Said(done)

    def change(self, path: Path, old: str, new: str) -> None:
        """Save a file that says `new` where it said `old`; later than it was saved before."""
        text = path.read_text()
        assert old in text
        before = path.stat().st_mtime_ns
        path.write_text(text.replace(old, new))
        os.utime(path, ns=(before + 10**9, before + 10**9))

    @property
    def holder(self) -> int:
        """Who holds the home, as its lock says."""
        return int((self.home / "lock").read_text())

    def check_free(self) -> None:
        """Raises HomeHeld."""
        HomeLock.check_free(self.home)
