"""Many seeds, on all cores, until there are no more or somebody says stop."""

import logging
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from answerable.testing.simulator.run import Verdict, simulate

_AT_ONCE = 8  # handed to a process together


def simulate_many(seeds: Iterable[int], *, processes: int = 0) -> Iterator[Verdict]:
    """The verdict of each seed, in order. `processes` 0 is one a core."""
    processes = processes or len(os.sched_getaffinity(0))
    if processes == 1:
        yield from map(_quietly, seeds)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(_quietly, seeds, chunksize=_AT_ONCE)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _quietly(seed: int) -> Verdict:
    """What the house says about a disk that we broke is of no interest to anybody."""
    logging.disable(logging.CRITICAL)
    try:
        return simulate(seed)
    finally:
        logging.disable(logging.NOTSET)
