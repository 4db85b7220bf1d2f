"""Python's collector of cycles, for a process that lives long.

It looks at every object that is alive, again and again, and that took some 6 % of a busy worker.
Nearly all of ours are freed by counting references; the cycles that are left are few and small.
"""

import gc

_NEW = 10_000  # objects made and not freed, until the young ones are looked at
_YOUNG, _OLD = 20, 50  # looks at the ones before, until the next older ones are looked at


def collect_seldom() -> None:
    """Call it once, when everything that stays is loaded: that is not looked at any more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW, _YOUNG, _OLD)
