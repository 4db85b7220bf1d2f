"""`decision who` in a long history: `python benchmarks/who_at_a_million.py [ENTRIES] [FOLDER]`.

Builds a home of that many sealed entries through the real committer and journal (a person who
accepted, parties, cases, messages, decisions with bodies, their ends), publishes its tiles, follows
it with the index, and asks who was accountable for decisions drawn by chance: of a worker's
commands, of a worker's process through the command line, and of a home that nobody holds. Every
tenth answer's proof is verified. Prints JSON; exit code 1 where the bar is not held.
"""

import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from history import build, connected, project, spread

from answerable.base.chance import SeededChance
from answerable.compose.configured import office_plan
from answerable.ledger.proof import verify_proof
from answerable.worker.commands import call
from answerable.worker.process import close_office, open_office
from answerable.worker.verbs import DecisionWho
from answerable.worker.verbs.proofs import Who

BAR_MS = 50.0
_QUESTIONS = 1_000
_PROCESSES = 20


async def ask_commands(home: Path) -> dict[str, float]:
    """Of the worker's own commands, in this process: ms to open, for the first, for the others."""
    start_s = time.perf_counter()
    office = await open_office(office_plan(home), works=False)
    opened_ms = (time.perf_counter() - start_s) * 1_000
    chance, ms = SeededChance(1), []
    for number in range(_QUESTIONS):
        start_s = time.perf_counter()
        who = await call(office, DecisionWho("", chance.uniform()))
        ms.append((time.perf_counter() - start_s) * 1_000)
        assert isinstance(who, Who)
        if number % 10 == 0:
            verify_proof(who.proof, who.entry.encode(), [office.house.vkey])
    await close_office(office)
    return {"open": round(opened_ms, 1), "first": round(ms[0], 1), **spread(ms[1:])}


async def ask_socket(home: Path) -> dict[str, float]:
    client, ms, chance = await connected(home), [], SeededChance(2)
    for _ in range(_QUESTIONS):
        start_s = time.perf_counter()
        await client.call(DecisionWho("", chance.uniform()), Who)
        ms.append((time.perf_counter() - start_s) * 1_000)
    await client.close()
    return spread(ms)


def ask_processes(home: Path) -> dict[str, float]:
    """End to end: a process of the command line for each question."""
    command = [sys.executable, "-m", "answerable.cli", "decision", "who", "--random", "--json"]
    ms = []
    for _ in range(_PROCESSES):
        start_s = time.perf_counter()
        subprocess.run([*command, "--home", str(home)], check=True, capture_output=True)
        ms.append((time.perf_counter() - start_s) * 1_000)
    return spread(ms)


def main(entries: int, folder: Path) -> int:
    home = project(folder / "project")
    seconds = asyncio.run(build(home, entries))
    commands_ms = asyncio.run(ask_commands(home))
    free_ms = ask_processes(home)
    start_s = time.perf_counter()
    process = [sys.executable, "-m", "answerable.worker.process", str(home)]
    worker = subprocess.Popen(process)
    try:
        asyncio.run(closing(home))
        ready_s = time.perf_counter() - start_s
        socket_ms, processes_ms = asyncio.run(ask_socket(home)), ask_processes(home)
    finally:
        worker.terminate()
        worker.wait()
    found = {
        "entries": entries,
        "built_s": seconds,
        "worker_ready_s": round(ready_s, 2),
        "command_ms": commands_ms,
        "socket_ms": socket_ms,
        "command_line_ms": processes_ms,
        "command_line_on_a_free_home_ms": free_ms,
        "bytes": {name: (home / name).stat().st_size for name in ("answerable.db", "views.db")},
        "memory_mb_max": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "bar_ms": BAR_MS,
        "is_held": max(commands_ms["first"], commands_ms["p95"], socket_ms["p95"]) <= BAR_MS,
    }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0 if found["is_held"] else 1


async def closing(home: Path) -> None:
    await (await connected(home)).close()


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    place = Path(tempfile.mkdtemp(prefix="who-", dir=given.get(1)))
    os.environ.pop("ANSWERABLE_HOME", None)
    try:
        sys.exit(main(int(given.get(0, "1000000")), place))
    finally:
        shutil.rmtree(place, ignore_errors=True)
