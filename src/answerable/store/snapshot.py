"""A copy of a SQLite file that others are writing: as it was at one instant, and nobody waits.

SQLite's own backup begins anew whenever the file is written between two of its steps; under a busy
worker that is for ever. So the reading connection holds a snapshot: the writer goes on in its log,
which is folded in again when the copy is done.
"""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from answerable.store.sqlite import in_our_words, open_reader

_STEP_PAGES = 512  # 2 MB
_PAUSE_S = 0.002  # after each step: the worker's commits want the same disk
_SYNC_STEPS = 8  # how often what was copied is sent to disk, so that no commit waits for all of it


def copy_database(source: Path, target: Path) -> None:
    """Copy `source` to the new file `target`, readable for its owner only; durable on return.

    Blocks its thread for as long as the disk takes. Raises Broken.
    """
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    steps = 0

    def stepped(_status: int, _remaining: int, _total: int) -> None:
        nonlocal steps
        steps += 1
        if steps % _SYNC_STEPS == 0:
            os.fsync(descriptor)
        time.sleep(_PAUSE_S)

    try:
        with in_our_words(source), closing(open_reader(source)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the snapshot is taken
            with in_our_words(target), closing(sqlite3.connect(target)) as copy:
                copy.execute("PRAGMA synchronous = OFF")  # we send it to disk ourselves
                reader.backup(copy, pages=_STEP_PAGES, progress=stepped)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
