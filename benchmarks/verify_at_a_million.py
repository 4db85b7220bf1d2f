"""How long a million entries take to verify: `python benchmarks/verify_at_a_million.py [ENTRIES]`.

Builds a home of that many sealed entries through the real committer and journal and publishes its
tiles. Then, each in a process of its own that is bound to one core: the stranger's one file on the
published folder; ours on the same folder; and `answerable ledger verify`, which reads the folder
and, in the database, every entry, body and seal. `--home` takes a home that is there. What is timed
against the bars is CPU time, start of Python included, so that a busy machine says the same as an
idle one; wall-clock is beside it. Prints JSON; exit code 1 where a bar is not held.
"""

import argparse
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

from history import build, project

ROOT = Path(__file__).parents[1]
ONE_FILE = ROOT / "verify" / "answerable_verify.py"
BARS_S = {"one_file": 60.0, "ours": 20.0}  # for a million entries
_OURS = """
import sys
from pathlib import Path
from answerable.ledger.note import VerifierKey
from answerable.ledger.verify_tiles import verify_tiles

found = verify_tiles(Path(sys.argv[1]), [VerifierKey.parse(Path(sys.argv[2]).read_text())])
sys.exit(found.problem is not None)
"""


def on_one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def timed(*command: str | Path) -> dict[str, float]:
    """CPU and wall-clock seconds of a process on one core; ends the run if it does not verify."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], check=False, capture_output=True, text=True,
        preexec_fn=on_one_core,
    )  # fmt: skip
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"It does not verify: {done.stdout}{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": round(cpu, 2), "wall_s": round(wall, 2)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entries", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="a home that is there, to be left as it is")
    given = parser.parse_args()
    os.environ.pop("ANSWERABLE_HOME", None)
    folder = Path(tempfile.mkdtemp(prefix="verify-"))
    try:
        home = given.home
        if home is None:
            home = project(folder / "project")
            asyncio.run(build(home, given.entries))
        log, vkey = home / "ledger", home / "ledger.vkey"
        entries = int((log / "checkpoint").read_text().split("\n")[1])
        found = {
            "one_file": timed(ONE_FILE, log, "--vkey", vkey),
            "ours": timed("-c", _OURS, log, vkey),
            "whole_home": timed("-m", "answerable.cli", "ledger", "verify", "--home", home),
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    share = max(entries, 100_000) / 1_000_000  # below that it is the start of Python that is timed
    is_held = all(found[name]["cpu_s"] <= bar * share for name, bar in BARS_S.items())
    told = {"entries": entries, **found, "bars_s": BARS_S, "is_held": is_held}
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 0 if is_held else 1


if __name__ == "__main__":
    sys.exit(main())
