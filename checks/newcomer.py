"""A newcomer: a bare clone, `make env`, then docs/first-five-minutes.md typed as it is written.

From init over chat, serve, a message by HTTP, a held refund, its grant and `decision who` with the
proof verified by the file that imports nothing of ours, to the owner who leaves and the agent that
stops. Prints one JSON object: the machine's seconds, and how long a person takes to type it all.
Exits 1 if a step fails or both together take over ten minutes.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from documents import commands  # noqa: E402 - how a document is read stands beside its test

PAGE = "first-five-minutes.md"
MINUTES_MAX = 10.0
KEYS_PER_S = 3.3  # 40 words a minute, which is an average typist's pace
_UP_S = 60.0


@dataclass
class Newcomer:
    """Somebody with a shell and the page."""

    clone: Path
    folder: Path = field(init=False)
    keys: int = 0
    steps: list[dict[str, object]] = field(default_factory=list)
    effect: str = ""
    server: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.folder = self.clone
        tools = self.clone / ".venv" / "bin"
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "ANSWERABLE_HOME")}
        self.env = kept | {"PATH": f"{tools}:{os.environ['PATH']}"}

    def types(self, command: str) -> str:
        self.keys += len(command) + 1
        began = time.monotonic()
        out = self._runs(command)
        seconds = round(time.monotonic() - began, 2)
        self.steps.append({"typed": command, "seconds": seconds})
        return out

    def _runs(self, command: str) -> str:
        if command.startswith("cd "):
            self.folder /= command.removeprefix("cd ")
            return ""
        if command.startswith("answerable serve"):
            self.server = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"], cwd=self.folder, env=self.env,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            self._waits_for_the_door(int(command.rpartition(" ")[2]))
            return ""
        done = subprocess.run(  # noqa: S602 - what the page says
            command, shell=True, cwd=self.folder, env=self.env, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"newcomer: stuck at `{command}`\n{done.stdout}{done.stderr}")
        return done.stdout

    def _waits_for_the_door(self, port: int) -> None:
        give_up = time.monotonic() + _UP_S
        while time.monotonic() < give_up:
            with socket.socket() as door:
                if door.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        raise SystemExit("newcomer: `answerable serve` does not listen")

    def reads_the_list(self) -> None:
        """The id to grant is copied from what the list shows."""
        give_up = time.monotonic() + _UP_S
        while not self.effect and time.monotonic() < give_up:
            held = json.loads(self._runs("answerable approval list --json"))
            self.effect = held[0]["effect"] if held else ""

    def leaves(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(timeout=60)


def follow_the_page(newcomer: Newcomer) -> dict[str, str]:
    port = _free_port()
    said = {}
    for typed in commands(PAGE):
        if "EFFECT" in typed.command:
            newcomer.reads_the_list()
        command = (
            typed.command.replace("8420", str(port)).replace("EFFECT", newcomer.effect)
            .replace("DECISION", newcomer.effect.replace("eff_", "dec_"))
        )  # fmt: skip
        said[typed.command] = newcomer.types(command)
    return said


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        clone = Path(folder) / "answerable"
        began = time.monotonic()
        clones = ["git", "clone", "--quiet", str(ROOT), str(clone)]
        subprocess.run(clones, check=True)
        newcomer = Newcomer(clone)
        try:
            newcomer.types("make env")
            said = follow_the_page(newcomer)
        finally:
            newcomer.leaves()
        machine_s = time.monotonic() - began
    typing_s = newcomer.keys / KEYS_PER_S
    minutes = (machine_s + typing_s) / 60
    told = {
        "machine_s": round(machine_s, 1), "typing_s": round(typing_s, 1),
        "minutes": round(minutes, 2), "commands": len(newcomer.steps), "steps": newcomer.steps,
        "who": said["answerable decision who DECISION"].strip(),
        "after_the_owner_left": list(said.values())[-1].strip(),
    }  # fmt: skip
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    stopped = "escalated" in list(said.values())[-1]
    return 0 if minutes <= MINUTES_MAX and stopped else 1


if __name__ == "__main__":
    sys.exit(main())
