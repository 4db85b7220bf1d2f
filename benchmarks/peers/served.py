"""Answerable over HTTP: `answerable serve` in its processes, a client on the same cores.

The workload of `in_process.py`, the same policy, through `POST /v1/messages` with an API key:
`--batch 1` is one message a request on `--concurrency` connections, `--batch 100` a hundred.
Accepted is 202, durable; done is every message through to its durable end. Times are of requests.
A server that is asked more than 200 things at once (its default) says 503 to some, and the client
comes again when it was told to: that is in the times, and counted.

CPU and memory are those of all processes of `serve`; the client's CPU is given apart. The agent and
the outside (a line to a file for each refund) are in the worker.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "tests")]

from in_process import POLICY, done_replies  # noqa: E402
from wire import Sender  # noqa: E402
from workload import cpu_s, message, peak_bytes, percentile, size_of  # noqa: E402

from homes import OWNER, SmallHome, end, environment, until  # noqa: E402

SETTINGS = """
agents = ["served_agent:support"]

[rails.email]
use = "served_agent:rail"
agent = "support"

[ledger]
origin = "acme.example/small"
"""
_WITHIN_S = 300
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def make_home(path: Path) -> SmallHome:
    home = SmallHome(path).found()
    home.settings.write_text(SETTINGS)
    home.policy.write_text(POLICY)
    home.agent.unlink()
    shutil.copy(HERE / "served_agent.py", path)
    return home


class Served:
    """`answerable serve` on a free port, and the processes that it consists of."""

    def __init__(self, home: SmallHome) -> None:
        self.log = home.path.with_suffix(".log")
        command = [sys.executable, "-m", "answerable.cli", "serve", "--home", str(home.path)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--port", "0"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment(),
            )  # fmt: skip
        until(lambda: self.url != "" or self.process.poll() is not None, 60)
        until(self._is_ready, 60)

    @property
    def url(self) -> str:
        found = re.search(r"Console: (http\S+)/\n", self.log.read_text())
        return found[1] if found else ""

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise SystemExit(f"serve ended: {self.log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as said:  # noqa: S310 - loopback
                return bool(said.status == 200)
        except OSError:
            return False

    def pids(self) -> list[int]:
        """The supervisor, the worker, HTTP."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        children = [int(pid) for task in tasks for pid in task.read_text().split()]
        return [self.process.pid, *children]

    def cpu_s(self) -> float:
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2] for pid in self.pids()]
        ticks = [int(field) for one in fields for field in one.split()[11:13]]  # utime, stime
        return sum(ticks) / _TICKS_PER_S


@contextmanager
def served(home: SmallHome) -> Iterator[Served]:
    one = Served(home)
    try:
        yield one
    finally:
        end(one.process, within_s=20)


def bodies(name: str, count: int, batch: int) -> list[bytes]:
    """Requests, as they are sent."""
    made = [
        {"external_id": one.external_id, "from": one.sender, "text": one.text, "rail": "email"}
        for one in (message(name, number) for number in range(count))
    ]
    if batch == 1:
        return [json.dumps(one).encode() for one in made]
    parts = [made[at : at + batch] for at in range(0, count, batch)]
    return [json.dumps({"messages": part}).encode() for part in parts]


def empty(home: SmallHome) -> dict[str, object]:
    """What a home takes that was served and asked nothing."""
    with served(home):
        pass
    return {"home_bytes": size_of(home.path)}


def measure(home: SmallHome, given: argparse.Namespace) -> dict[str, object]:
    key = home.cli("key", "add", "--person", OWNER, "--scope", "messages").check().out.strip()
    with served(home) as it:
        warm, requests = (
            bodies("warm", given.warm, given.batch), bodies("m", given.count, given.batch),
        )  # fmt: skip
        asyncio.run(Sender(it.url, key).run(warm, given.concurrency))
        home.settled(_WITHIN_S)
        sender = Sender(it.url, key)
        cpu, own, began = it.cpu_s(), cpu_s(), time.perf_counter()
        accepted = asyncio.run(sender.run(requests, given.concurrency))
        own = cpu_s() - own
        home.settled(_WITHIN_S)
        wall, cpu = time.perf_counter() - began, it.cpu_s() - cpu
        again = requests[: max(1, 20 // given.batch)]
        asyncio.run(Sender(it.url, key).run(again, given.concurrency))
        home.settled(_WITHIN_S)
        peak = sum(peak_bytes(pid) for pid in it.pids())
    check(home, given.count + given.warm)
    return {
        "count": given.count,
        "per_s": given.count / wall,
        "accepted_per_s": given.count / accepted,
        "refused": sender.refused / len(requests),
        "cpu_ms": cpu / given.count * 1e3,
        "client_cpu_ms": own / given.count * 1e3,
        "ms_p50": percentile(sender.took_s, 0.50) * 1e3,
        "ms_p99": percentile(sender.took_s, 0.99) * 1e3,
        "home_bytes": size_of(home.path),
        "interactions": given.count + given.warm,
        "peak_mb": peak / 1e6,
        "facts": {
            "durability": "as in process; times are of requests, each accepted durably",
            "answerable": version("answerable"),
        },
    }


def check(home: SmallHome, count: int) -> None:
    """Each effect once, each reply recorded: else there is no figure."""
    asked = Counter((home.path / "asked").read_text().splitlines())
    often = [key for key, times in asked.items() if times != 1]
    if often or len(asked) != count:
        raise SystemExit(f"{count} messages, {len(asked)} refunds, {len(often)} more than once")
    if (found := done_replies(home.path)) != count:
        raise SystemExit(f"{count} messages, but {found} replies are recorded as sent")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--warm", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--empty", action="store_true", help="only the bytes of an empty home")
    given = parser.parse_args()
    home = make_home(given.home / "home")
    result = empty(home) if given.empty else measure(home, given)
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
