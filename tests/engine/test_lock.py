"""The home is held by one process, and by none of its children."""

import os
import signal
import time
from pathlib import Path

from answerable.store.lock import HomeLock


def test_a_forked_child_does_not_hold_the_home_after_its_parent(tmp_path: Path) -> None:
    lock = HomeLock.take(tmp_path / "home")
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    try:
        time.sleep(0.1)
        os.close(lock._descriptor or 0)  # as the kernel does when the parent is killed
        lock._descriptor = None
        HomeLock.take(tmp_path / "home").release()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
