"""Takeover races: `python benchmarks/takeover_races.py [RACES] [SEED]` prints one JSON line."""

import asyncio
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path

from answerable.testing.races import Races


def main(races: int = 2_000, seed: int = 1) -> int:
    with tempfile.TemporaryDirectory(prefix="races-") as folder:
        start_s = time.perf_counter()
        score = asyncio.run(Races(Path(folder) / "home", races=races, seed=seed).run())
        seconds = round(time.perf_counter() - start_s, 1)
    sys.stdout.write(json.dumps({**dataclasses.asdict(score), "seconds": seconds}) + "\n")
    return 1 if score.agent_messages_after_takeover else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
