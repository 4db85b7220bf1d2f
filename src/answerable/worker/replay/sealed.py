"""While code is run again it can reach nothing outside: no network, no program, no file to write.
What it prints and logs goes nowhere: it knows words that nobody said they read.

An audit hook (PEP 578) sees what Python does for it. It is a fence for code that means well, and
none for code that does not: a C extension can go around it.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

_OUTSIDE = (
    "socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind", "socket.getaddrinfo",
    "socket.gethostbyname", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn",
    "os.spawn", "os.fork", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link",
    "os.symlink", "os.truncate", "shutil.rmtree", "sqlite3.connect", "signal.pthread_kill",
)  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class OutsideCall(PermissionError):
    """Code that is run again asked for something outside that no step has recorded."""


class Fence:
    """`tried` is what was asked for first while it stood."""

    def __init__(self) -> None:
        self.tried = ""

    def see(self, event: str, args: tuple[Any, ...]) -> None:
        if event in _OUTSIDE or (event == "open" and _is_write(args)):
            self.tried = self.tried or event
            raise OutsideCall(f"`{event}` in a replay: only recorded steps are outside.")


_standing: list[Fence] = []
_hooked: list[bool] = []


@contextmanager
def fenced() -> Iterator[Fence]:
    if not _hooked:  # a hook stays for as long as the process does
        sys.addaudithook(_hook)
        _hooked.append(True)
    fence, before = Fence(), sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # an import writes its bytecode: that is ours, not the code's
    with _unheard():
        _standing.append(fence)
        try:
            yield fence
        finally:
            _standing.remove(fence)
            sys.dont_write_bytecode = before


@contextmanager
def _unheard() -> Iterator[None]:
    below = logging.root.manager.disable
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(below)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _standing:
        _standing[-1].see(event, args)


def _is_write(args: tuple[Any, ...]) -> bool:
    _, mode, flags = args
    is_named = isinstance(mode, str) and any(sign in mode for sign in "wax+")
    return is_named or bool(isinstance(flags, int) and flags & _WRITES)
