"""A log that asks a witness, and a witness to ask: in this process, or in one of its own."""

import asyncio
import base64
import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from answerable.adapters.signers.file import FileSigner
from answerable.base.chance import SeededChance
from answerable.ledger.cosignature import CosignerKey
from answerable.ledger.note import checkpoint_body, sign_note
from answerable.ledger.tree import CompactRange, consistency_proof, leaf_hash, node_hash
from answerable.witness.keys import make_keys
from answerable.witness.state import LogFiles

Answer = tuple[int, str, str]
"""Status, content type, text."""


class Log:
    """A log of small leaves that signs whatever it is told to: any size, any history."""

    def __init__(self, origin: str = "log.example/home", seed: int = 1) -> None:
        self.signer = FileSigner(origin, SeededChance(seed).token(32))
        self.leaves: list[bytes] = []

    def grow(self, count: int, text: str = "entry") -> "Log":
        first = len(self.leaves)
        self.leaves += [leaf_hash(f"{text} {n}".encode()) for n in range(first, first + count)]
        return self

    def forked_at(self, size: int) -> "Log":
        """Another history of the same log, from there on."""
        other = Log()
        other.signer, other.leaves = self.signer, self.leaves[:size]
        return other

    def checkpoint(self, size: int | None = None, *extensions: str) -> str:
        tree = CompactRange()
        for leaf in self.leaves[:size]:
            tree.append(leaf)
        body = checkpoint_body(self.signer.name, tree.size, tree.root(), extensions)
        return asyncio.run(sign_note(body, self.signer))

    def node(self, level: int, index: int) -> bytes:
        if not level:
            return self.leaves[index]
        return node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))

    def proof(self, old: int, size: int | None = None) -> list[bytes]:
        """Nothing from nothing."""
        return consistency_proof(old, size or len(self.leaves), self.node) if old else []

    def asks(self, old: int, size: int | None = None) -> bytes:
        """The body of a request from `old` to a size, or to all that is there."""
        return request(old, self.proof(old, size), self.checkpoint(size))


def request(old: int | str, proof: list[bytes], note: str) -> bytes:
    lines = [f"old {old}", *(base64.b64encode(each).decode() for each in proof), "", note]
    return "\n".join(lines).encode()


def made(
    state: Path, *logs: Log, ml_dsa: bool = False, name: str = "witness.example/w1", seed: int = 7
) -> Path:
    """The folder of a witness that knows these logs."""
    state.mkdir(exist_ok=True)
    make_keys(state, name, SeededChance(seed), with_ml_dsa=ml_dsa)
    for log in logs:
        LogFiles(state, log.signer.name).add_key(log.signer.vkey)
    return state


def post(port: int, body: bytes) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/add-checkpoint", body)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type", ""), answer.read().decode()
    finally:
        connection.close()


@contextmanager
def served(
    state: Path, *, port: int = 0, faults: str = ""
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A witness in a process of its own, and the port that it listens on."""
    code = f"{faults}\nfrom answerable.cli import main\nmain()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "witness", "serve", "--state", str(state), "--port",
         str(port)],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()
    try:
        assert "answers on http://127.0.0.1:" in line, line + process.stderr.read()
        yield process, int(line.rsplit(":", 1)[1].split("/")[0])
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def keys_of(state: Path) -> list[CosignerKey]:
    from answerable.witness.keys import read_keys  # noqa: PLC0415 - beside its only use

    return [each.key for each in read_keys(state)]


def cosigned(
    home: Path, states: list[Path], at_us: int, name: str = "", *, keeps: bool = True
) -> str:
    """The published checkpoint with the word of each witness, in the folder where such lie."""
    from answerable.base.clock import ManualClock  # noqa: PLC0415
    from answerable.ledger.note import note_text, parse_checkpoint  # noqa: PLC0415
    from answerable.ledger.tiles import TileReader  # noqa: PLC0415
    from answerable.witness.keys import read_keys  # noqa: PLC0415
    from answerable.witness.service import Witness  # noqa: PLC0415

    folder = home / "ledger"
    note = (folder / "checkpoint").read_text("utf-8")
    head = parse_checkpoint(note_text(note))
    lines = ""
    for state in states:
        files = LogFiles(state, head.origin)
        old = files.seen(keys_of(state)).size
        reader = TileReader(folder, head.size)
        proof = consistency_proof(old, head.size, reader.node) if old else []
        witness = Witness(state, read_keys(state), ManualClock(at_us))
        lines += asyncio.run(witness.add_checkpoint(request(old, proof, note)))
    if keeps:
        (folder / "cosigned").mkdir(exist_ok=True)
        (folder / "cosigned" / (name or str(head.size))).write_text(note + lines, "utf-8")
    return note + lines


def policy_of(states: dict[str, Path], quorum: str) -> str:
    """Witnesses by name, and the lines that say which of them are enough."""
    lines = [f"witness {name} {keys_of(state)[0].encode()}\n" for name, state in states.items()]
    return "".join(lines) + quorum
