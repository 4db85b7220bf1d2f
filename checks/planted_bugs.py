"""Plant each known bug in the product, and count the worlds that it takes to see a promise broken.

Prints a table. Exits 1 if more than one bug in twenty-five is not found, or if the product as it
is breaks a promise in its own first worlds: then what was found may be no planted bug at all.
"""

import argparse
import json
import logging
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from answerable.testing.simulator.run import simulate
from answerable.testing.simulator.witness import Violation
from planted.bugs import BUGS

_UNPLANTED = 100
_OF_THE_PLANT = re.compile(
    r"\b(Type|Attribute|Name|Import|Key)Error\b"
)  # no wrong product: no code


class Hunt(NamedTuple):
    """How one bug was found: `seen` is empty where it was not."""

    name: str
    seen: tuple[Violation, ...]
    seed: int
    seconds: float


def hunt(name: str, seeds_max: int) -> Hunt:
    """World after world, until one breaks a promise. Planted anew in each of them: what a bug
    remembers is of this world alone."""
    logging.disable(logging.CRITICAL)
    began = time.perf_counter()
    for seed in range(1, seeds_max + 1):
        with BUGS[name].planted():
            seen = simulate(seed).violations
        if own := [one for one in seen if _OF_THE_PLANT.search(str(one))]:
            raise RuntimeError(f"{name} is planted wrongly, in world {seed}: {own[0]}")
        if seen:
            return Hunt(name, seen, seed, time.perf_counter() - began)
    return Hunt(name, (), seeds_max, time.perf_counter() - began)


def stay_clean(seeds: range) -> list[int]:
    """The seeds in which the product breaks a promise without any help."""
    logging.disable(logging.CRITICAL)
    return [seed for seed in seeds if not simulate(seed).is_kept]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000, help="at most, for each bug")
    parser.add_argument("--missed", type=int, default=4, help="percent that may be not found")
    parser.add_argument("bugs", nargs="*", default=sorted(BUGS), help="only these")
    parser.add_argument("--one", default="", help="only this one, here, as JSON")
    parser.add_argument("--standing", action="store_true", help="only: does each still fit?")
    given = parser.parse_args()
    if given.standing:
        for name in given.bugs:
            hunt(name, 1)  # raises where what is wrong is the plant and not the product
        return 0
    if given.one:
        return _tell_one(hunt(given.one, given.seeds))
    fresh = get_context("spawn")  # a process for each bug: nothing of one is left for the next
    with ProcessPoolExecutor(2, mp_context=fresh, max_tasks_per_child=1) as pool:
        hunting = [pool.submit(hunt, name, given.seeds) for name in given.bugs]
        half = _UNPLANTED // 2
        parts = [range(1, half + 1), range(half + 1, _UNPLANTED + 1)]
        clean = [pool.submit(stay_clean, part) for part in parts]
        found = sum(_tell(done.result()) for done in as_completed(hunting))
        own = [seed for part in clean for seed in part.result()]
    print(f"\n{found} of {len(given.bugs)} were found within {given.seeds} worlds each")
    print(f"the product as it is broke a promise in {len(own)} of its first {_UNPLANTED}: {own}")
    is_missed = (len(given.bugs) - found) * 100 > given.missed * len(given.bugs)
    return 0 if not is_missed and not own else 1


def _tell_one(hunt: Hunt) -> int:
    promises = sorted({seen.promise for seen in hunt.seen})
    seen = [str(one) for one in hunt.seen]
    print(json.dumps({"bug": hunt.name, "seed": hunt.seed, "promises": promises, "seen": seen}))
    return 0 if hunt.seen else 1


def _tell(hunt: Hunt) -> bool:
    print(" | ".join(_columns(hunt)), flush=True)
    return bool(hunt.seen)


def _columns(hunt: Hunt) -> Iterator[str]:
    bug = BUGS[hunt.name]
    yield f"{hunt.name:44}"
    yield f"breaks {bug.promise:2}"
    promises = ", ".join(str(one) for one in sorted({seen.promise for seen in hunt.seen}))
    yield f"seen broken {promises or '-':8}"
    yield f"{hunt.seed:5} worlds"
    yield f"{hunt.seconds:6.1f} s"
    yield str(hunt.seen[0])[:110] if hunt.seen else "not found"


if __name__ == "__main__":
    sys.exit(main())
