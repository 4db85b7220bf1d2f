"""Ten thousand requests that our OpenAPI document allows, and that it does not, over a real home.

Schemathesis makes them from `/openapi.json` of a running `answerable serve`; event streams, which
do not end, are left out. A stop that a request has set is lifted between rounds. Prints one JSON
line; exits 1 if any answer was a server error, or if fewer requests were made than asked for.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_PER_ROUND = 60  # examples an operation
_UP_S = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        project, key = _found(Path(folder))
        port = _free_port()
        server = _answerable(project, "serve", "--port", str(port))
        try:
            _wait_for(port)
            made, errors, rounds = _rounds(port, key, given.requests, project)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=60)
    told = {
        "requests": made, "server_errors": errors, "rounds": rounds,
        "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if errors or made < given.requests else 0


def _found(folder: Path) -> tuple[Path, str]:
    _answerable(
        folder, "init", "shop", "--owner", "olive@acme.example", "--name", "Olive Marsh"
    ).wait()
    project = folder / "shop"
    made = subprocess.run(
        [*_COMMAND, "key", "add", "--person", "olive@acme.example", "--scope", "all"],
        cwd=project, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return project, made.stdout.strip()


def _rounds(port: int, key: str, wanted: int, project: Path) -> tuple[int, int, int]:
    made = errors = rounds = 0
    while made < wanted and rounds < _ROUNDS_MAX:
        rounds += 1
        count, found = _round(port, key, rounds)
        made += count
        errors += found
        if not count:
            break
        _lift(project)
    return made, errors, rounds


_ROUNDS_MAX = 20


def _round(port: int, key: str, seed: int) -> tuple[int, int]:
    """(requests, server errors) of one run, out of its record of every request."""
    with tempfile.TemporaryDirectory(prefix="fuzzed-") as folder:
        record = Path(folder) / "record.har"
        command = [
            str(Path(sys.executable).with_name("schemathesis")), "run",
            f"http://127.0.0.1:{port}/openapi.json", "--header", f"Authorization: Bearer {key}",
            "--checks", "not_a_server_error", "--exclude-path-regex", "events",
            "--max-examples", str(_PER_ROUND), "--seed", str(seed), "--request-timeout", "60",
            "--report", "har", "--report-har-path", str(record), "--no-color",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not record.exists():
            sys.stderr.write(done.stdout + done.stderr)
            return 0, 1
        statuses = [int(found) for found in re.findall(r'"status":\s*(\d+)', record.read_text())]
        bad = sum(status >= 500 for status in statuses)
        if bad:
            sys.stderr.write(done.stdout)
        return len(statuses), bad


def _lift(project: Path) -> None:
    """Whatever a request has stopped goes on, so that the next round reaches the rest."""
    listed = subprocess.run(
        [*_COMMAND, "stop", "list", "--json"], cwd=project, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    for stop in json.loads(listed.stdout or "[]"):
        scope = str(stop["scope"]).removeprefix("party:").removeprefix("tool:")
        word = "everything" if scope == "*" else scope
        order = ("stop", "lift", word, "--mode", stop["mode"], "--by", "olive@acme.example")
        _answerable(project, *order).wait()


_COMMAND = (sys.executable, "-m", "answerable.cli")


def _answerable(folder: Path, *words: str) -> "subprocess.Popen[bytes]":
    quiet = subprocess.DEVNULL
    kept = {name: value for name, value in os.environ.items() if name != "ANSWERABLE_HOME"}
    command = [*_COMMAND, *words]
    return subprocess.Popen(command, cwd=folder, env=kept, stderr=quiet)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(port: int) -> None:
    give_up = time.monotonic() + _UP_S
    while time.monotonic() < give_up:
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("fuzz: `answerable serve` does not listen")


if __name__ == "__main__":
    sys.exit(main())
