"""Whose key is in a process of its own: asks it over a Unix socket, and starts it where it is ours.

The process is one of two: of another user, started by somebody else, who alone can read the key;
or a child of whoever holds the home, which ends with it and is started again when it dies.
"""

import asyncio
import contextlib
import hashlib
import os
import select
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from answerable.adapters.signers import asking
from answerable.adapters.signers.asking import No, Signed, Standing
from answerable.ledger.note import VerifierKey, verify_signature
from answerable.ledger.unsealed import SignerAway, SignerRefused

SOCKET = "signer.sock"  # in the home
FOLDER = "signer"  # in the home
_ANSWER_S = 10.0
_START_S = 15.0
_END_S = 5.0
_ATTEMPTS = 4
_AGAIN_S = 0.05
_NO_SIGNER = "what answers is no signer"
_PATH_BYTES_MAX = 100  # sun_path holds 104 bytes on macOS, 108 on Linux

T = TypeVar("T", Standing, Signed)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the signer of a home is. With a `folder` it is a child of who holds the home."""

    socket: Path
    folder: Path | None = None


class Line:
    """The connection to the signer. Any thread may ask; one at a time is answered."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._path = _short(place.socket)
        self._connection: socket.socket | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._one = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Of the child, where there is one."""
        return None if self._child is None else self._child.pid

    @property
    def is_open(self) -> bool:
        """Whether the other end has not gone, as far as is known without asking: what is not asked
        says nothing until it goes."""
        if self._connection is None:
            return False
        looking = select.poll()
        looking.register(self._connection, select.POLLIN)
        return not looking.poll(0)

    def ask(self, asked: asking.Asked, returns: type[T]) -> T:
        """Asked again where a process is gone: each thing asked can be repeated.

        Raises SignerAway, SignerRefused.
        """
        with self._one:
            for left in reversed(range(_ATTEMPTS)):
                try:
                    told = self._told(asked)
                    break
                except OSError as error:
                    self._hang_up()
                    if not left or isinstance(error, TimeoutError):
                        raise self._away(error.strerror or str(error)) from error
                    time.sleep(_AGAIN_S)  # one that is being killed still takes connections
        if isinstance(told, No) and told.is_for_now:
            raise SignerAway(
                str(self.place.socket), told.why.rstrip("."), told.next_command or self._look
            )
        if isinstance(told, No):
            raise SignerRefused(
                f"The signer at '{self.place.socket}' refuses: {told.why}.", told.not_done,
                told.next_command or self._look,
            )  # fmt: skip
        if not isinstance(told, returns):
            raise self._away(_NO_SIGNER)
        return told

    def connect(self) -> None:
        """Raises SignerAway."""
        with self._one:
            if self.is_open:
                return
            self._hang_up()
            try:
                self._connect()
            except OSError as error:
                raise self._away(error.strerror or str(error)) from error

    def close(self) -> None:
        """Hang up; a child of ours ends."""
        with self._one:
            self._hang_up()
            self._forget_child()

    def _forget_child(self) -> None:
        """It ends when its standard input does; nothing of it is lost if it is killed."""
        child, self._child = self._child, None
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_END_S)
        child.kill()
        child.wait()
        self._path.unlink(missing_ok=True)

    def _told(self, asked: asking.Asked) -> asking.Told:
        connection = self._connection or self._connect()
        connection.sendall(asking.encode(asked) + b"\n")
        data = b""
        while not data.endswith(b"\n"):
            part = connection.recv(65_536)
            if not part:
                raise ConnectionResetError("it ended before it had answered")
            data += part
            if len(data) > asking.LINE_BYTES_MAX:
                raise OSError(_NO_SIGNER)
        try:
            told: asking.Told = asking.decode_told(data)
        except msgspec.DecodeError as error:
            raise OSError(_NO_SIGNER) from error
        return told

    def _connect(self) -> socket.socket:
        until = time.monotonic() + _START_S
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(_ANSWER_S)
            try:
                connection.connect(str(self._path))
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                if self.place.folder is None or time.monotonic() > until:
                    raise
                self._start(self.place.folder)
                time.sleep(0.02)
            except OSError:
                connection.close()
                raise
            else:
                self._connection = connection
                return connection

    def _start(self, folder: Path) -> None:
        """Have a child that runs. Raises OSError where it ends at once."""
        if self._child is not None:
            code = self._child.poll()
            if code is None:
                return
            self._forget_child()
            if code > 0:
                raise OSError(f"it ended with exit code {code}, and has said why")
        command = [sys.executable, "-P", "-m", "answerable.adapters.signers.serve", str(folder)]
        self._child = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--socket", str(self._path)], stdin=subprocess.PIPE, process_group=0
        )

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _away(self, why: str) -> SignerAway:
        return SignerAway(str(self.place.socket), why.rstrip("."), self._look)

    @property
    def _look(self) -> str:
        if self.place.folder is None:
            return "start it again where it runs: `systemctl status answerable-signer`"
        return f"answerable signer show --state {self.place.folder}"


class ProcessSigner:
    """One key of the signer process; a StrictSigner."""

    def __init__(self, line: Line, vkey: VerifierKey) -> None:
        self._line = line
        self.vkey = vkey
        self._thread = ThreadPoolExecutor(1, "answerable-signer")

    @property
    def name(self) -> str:
        return self.vkey.name

    @property
    def public_key(self) -> bytes:
        return self.vkey.public_key

    async def ready(self) -> None:
        if not self._line.is_open:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._line.connect)

    async def signed_last(self) -> tuple[int, bytes]:
        standing = await self._ask(asking.Who(), Standing)
        if self.vkey.encode() not in (standing.key, standing.next_key):
            raise SignerRefused(
                f"The signer has another key now, {standing.key}.",
                "Nothing was signed.",
                "answerable doctor",
            )
        return standing.size, standing.root

    async def sign(self, message: bytes) -> bytes:
        word = asking.Word(key=self.vkey.encode(), message=message)
        return self._right(message, (await self._ask(word, Signed)).signature)

    async def sign_tree(self, body: bytes, size: int, proof: Sequence[bytes]) -> bytes:
        tree = asking.Tree(key=self.vkey.encode(), body=body, size=size, proof=tuple(proof))
        return self._right(body, (await self._ask(tree, Signed)).signature)

    def _right(self, message: bytes, signature: bytes) -> bytes:
        """A seal that does not verify is never written: with it the log would be broken for good.
        Raises SignerRefused."""
        if verify_signature(self.public_key, message, signature):
            return signature
        raise SignerRefused(
            f"What the signer answered is no signature of its key, {self.vkey.encode()}.",
            "It was not written.",
            "answerable doctor",
        )

    async def _ask(self, asked: asking.Asked, returns: type[T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._line.ask, asked, returns)


def _short(path: Path) -> Path:
    """A socket's path, where it is not too long for one; else one in a folder of our own user,
    the same for each process that looks for it."""
    path = path.absolute()
    if len(str(path).encode()) <= _PATH_BYTES_MAX:
        return path
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"answerable-{os.geteuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.geteuid() or stat.S_IMODE(folder.stat().st_mode) != 0o700:
        raise OSError(f"'{folder}' is another user's")
    return folder / SOCKET
