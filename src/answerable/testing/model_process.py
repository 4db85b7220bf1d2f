"""The stub as a process of its own, for the time of a test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from answerable.testing.model_stub import Line, Script, read_books


@dataclass(frozen=True, slots=True)
class ModelStub:
    """Where it listens, and what its books say."""

    address: str
    books: Path

    def model(self, protocol: str = "openai", **more: str | int) -> dict[str, str | int]:
        """What an agent declares to think with it: no key, no price that anybody knows."""
        base_url = f"{self.address}/v1" if protocol == "openai" else self.address
        return {"use": f"{protocol}:stub-1", "base_url": base_url, **more}

    @property
    def lines(self) -> list[Line]:
        return read_books(self.books)


@contextmanager
def model_stub(folder: Path, script: Script) -> Iterator[ModelStub]:
    """An endpoint that answers by the script, until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    where, books = folder / "script.json", folder / "books.jsonl"
    where.write_bytes(msgspec.json.encode(script))
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "answerable.testing.model_stub", str(where), str(books)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert process.stdout is not None
        yield ModelStub(process.stdout.readline().strip(), books)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
