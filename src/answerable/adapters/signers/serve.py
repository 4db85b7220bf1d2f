"""The signer process: answers on a Unix socket, to one user, until it is told to end.

The socket is its own, made with mode 0600, or handed over by systemd (`LISTEN_FDS`), which can
give it to the worker's user while the keys belong to another one.
"""

import argparse
import contextlib
import logging
import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Collection
from pathlib import Path

import msgspec

from answerable.adapters.signers import asking
from answerable.adapters.signers.asking import No, Signed, Standing
from answerable.adapters.signers.strict import SaysNo, StrictKeys, held
from answerable.base.chance import SystemChance
from answerable.base.errors import AnswerableError, Broken, UsageError
from answerable.telemetry import failures

log = logging.getLogger("answerable.signer")

_PRIVATE = 0o177  # what is masked: nobody but the owner may connect
_FIRST_FD = 3  # of those that systemd hands over
_CREDENTIALS = struct.Struct("3i")


def serve(folder: Path, path: Path | None, peers: Collection[int], *, leash: bool = False) -> None:
    """Answer until told to end; with `leash`, until standard input does. Raises Broken, UsageError.

    `peers` are the users who may ask, beside our own.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))  # nothing is open that is not on the disk
    if leash:
        threading.Thread(target=_end_with_input, daemon=True).start()
    with held(folder):
        keys = StrictKeys.open(folder, SystemChance())
        listening = _given() or _made(path)
        log.info("signing for %s", keys.last.origin)
        one = threading.Lock()
        allowed = {os.geteuid(), *peers}
        while True:
            connection, _ = listening.accept()
            uid = _peer(connection)
            if uid is not None and uid not in allowed:
                log.warning("user %s may not ask, and was not answered", uid)
                connection.close()
                continue
            threading.Thread(target=_answer_all, args=(keys, one, connection), daemon=True).start()


def _end_with_input() -> None:
    while os.read(0, 1):  # `sys.stdin` would be locked by us when the process ends by itself
        pass
    os._exit(0)


def _given() -> socket.socket | None:
    """The socket that systemd made (sd_listen_fds)."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not os.environ.get("LISTEN_FDS"):
        return None
    return socket.socket(fileno=_FIRST_FD)


def _made(path: Path | None) -> socket.socket:
    if path is None:
        raise UsageError(
            "No socket is named, and systemd has given none.", "Nothing was started.",
            "answerable signer serve --socket PATH",
        )  # fmt: skip
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(_PRIVATE)
    try:
        if path.is_socket():  # of an earlier life; anything else is somebody's file
            path.unlink()
        listening.bind(str(path))
        listening.listen()
    except OSError as error:
        listening.close()
        raise Broken(
            f"The socket '{path}' cannot be made: {error.strerror or error}.",
            "Nothing was started.", f"ls -ld {path.parent}",
        ) from error  # fmt: skip
    finally:
        os.umask(mask)
    return listening


def _peer(connection: socket.socket) -> int | None:
    """The user who asks; None where the system does not say: the socket's mode stands alone."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(told)[1])


def _answer_all(keys: StrictKeys, one: threading.Lock, connection: socket.socket) -> None:
    with contextlib.suppress(OSError), connection, connection.makefile("rwb") as file:
        while line := file.readline(asking.LINE_BYTES_MAX):
            with one:
                told = _answer(keys, line)
            file.write(asking.encode(told) + b"\n")
            file.flush()


def _answer(keys: StrictKeys, line: bytes) -> asking.Told:
    try:
        return _done(keys, asking.decode_asked(line))
    except SaysNo as no:
        log.warning("not signed: %s", no)
        return no.no
    except AnswerableError as error:
        log.error("not signed: %s", failures.describe(error))
        return No(error.happened, error.not_done, error.next_command, is_for_now=True)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return No("that is nothing which a signer is asked")


def _done(keys: StrictKeys, asked: asking.Asked) -> asking.Told:
    match asked:
        case asking.Tree():
            return Signed(keys.sign_tree(asked.key, asked.body, asked.size, asked.proof))
        case asking.Word():
            return Signed(keys.sign_word(asked.key, asked.message))
        case asking.MakeNext():
            keys.make_next()
        case asking.TakeOver():
            keys.take_over(asked.key)
        case asking.DropNext():
            keys.drop_next()
        case asking.Who():
            pass
    return Standing(key=keys.key, next_key=keys.next_key, size=keys.last.size, root=keys.last.root)


def main(arguments: list[str] | None = None) -> int:
    """As the holder of a home starts it; `answerable signer serve` is for people."""
    parser = argparse.ArgumentParser(prog="answerable.adapters.signers.serve")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--socket", type=Path)
    given = parser.parse_args(arguments)
    failures.install()
    try:
        serve(given.folder, given.socket, (), leash=True)
    except AnswerableError as error:
        sys.stderr.write(f"error ({error.code}): {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
