"""Many seeds, on all cores, until there are no more or somebody says stop."""

import logging
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context

from answerable.testing.simulator.run import Verdict, simulate

_AHEAD = 16  # handed out for each process while the first of them, maybe a long one, is waited for


def simulate_many(seeds: Iterable[int], *, processes: int = 0) -> Iterator[Verdict]:
    """The verdict of each seed, in order; there may be no end of them. `processes` 0 is one a
    core."""
    processes = processes or len(os.sched_getaffinity(0))
    if processes == 1:
        yield from map(_quietly, seeds)
        return
    rest = iter(seeds)
    running: deque[Future[Verdict]] = deque()
    with ProcessPoolExecutor(processes, get_context("spawn"), _leave_stopping_to_us) as pool:
        try:
            while True:
                free = processes * _AHEAD - len(running)
                running.extend(pool.submit(_quietly, seed) for seed in islice(rest, free))
                if not running:
                    return
                yield running.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _leave_stopping_to_us() -> None:
    """Ctrl-C goes to every process of a terminal; worlds on their way are lived to their end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _quietly(seed: int) -> Verdict:
    """What the house says about a disk that we broke is of no interest to anybody."""
    logging.disable(logging.CRITICAL)
    try:
        return simulate(seed)
    finally:
        logging.disable(logging.NOTSET)
