"""Strangers who read a home while its worker is killed again and again: from its files, with the
verifier that shares no code with us, and from its database, read-only.

    readers.py files|database HOME

Reads until its standard input ends, then prints one JSON object with a sentence for each violation.
"""

import argparse
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "verify"))

import answerable_verify as independent  # noqa: E402 - a file of its own, found by its path

from answerable.adapters.engines.embedded import rows  # noqa: E402
from answerable.ledger.domain import SEAL_KIND  # noqa: E402
from answerable.ledger.note import VerifierKey  # noqa: E402
from answerable.ledger.verify import FeedVerifier  # noqa: E402

_PAUSE_S = 0.05
_PAGE = 2_000
_VIOLATIONS_MAX = 20


@dataclass
class Seen:
    """What a reader has read, and what did not hold."""

    looks: int = 0
    again: int = 0  # looks that met a change in the middle, and were taken again
    entries: int = 0
    checkpoints: int = 0  # distinct ones, each a continuation of the one before it
    violations: list[str] = field(default_factory=list)

    def violated(self, said: str) -> None:
        if len(self.violations) < _VIOLATIONS_MAX:
            self.violations.append(said)


class FileReader:
    """Verifies the whole published log, and that it begins with all that was verified before."""

    def __init__(self, home: Path, seen: Seen) -> None:
        self._folder, self._vkey = home / "ledger", home / "ledger.vkey"
        self._seen = seen
        self._last = ""
        self._head: independent.Head | None = None

    def look(self) -> None:
        note = (self._folder / "checkpoint").read_bytes().decode()
        if note == self._last:
            return
        for is_last in (False, False, True):
            try:
                self._verify(note)
                break
            except (independent.Wrong, OSError) as error:
                fresh = (self._folder / "checkpoint").read_bytes().decode()
                if is_last or fresh == note:
                    self._seen.violated(f"files: {error}")
                    break
                self._seen.again += 1
                note = fresh
        self._last = note

    def _verify(self, note: str) -> None:
        head = independent.read_head(note, [independent.verifier_key(self._vkey.read_text())])
        before = self._head
        independent.Log(independent.Folder(self._folder), head, [before] if before else []).read()
        if before is not None and head.size < before.size:
            self._seen.violated(f"files: {head.size} entries after {before.size} were published")
        self._head = head
        self._seen.entries = head.size
        self._seen.checkpoints += 1


class DatabaseReader:
    """Follows the feed from snapshot to snapshot, and compares state with it in each."""

    def __init__(self, home: Path, seen: Seen) -> None:
        self._home = home
        self._seen = seen
        self._position = 0
        self._received = 0
        self._seal = b""
        self._verifier: FeedVerifier | None = None

    def look(self) -> None:
        if self._verifier is None:
            vkey = VerifierKey.parse((self._home / "ledger.vkey").read_text())
            self._verifier = FeedVerifier([vkey])
        uri = f"{(self._home / 'answerable.db').absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10)) as database:
            database.execute("BEGIN")
            upto = rows.last_record(database)
            if upto < self._position:
                said = f"database: it ends at {upto}, after a reader saw record {self._position}"
                self._seen.violated(said)
                return
            while self._position < upto:
                self._take(database, self._verifier, min(self._position + _PAGE, upto))
            self._compare(database)

    def _take(self, database: sqlite3.Connection, verifier: FeedVerifier, end: int) -> None:
        for record in rows.page(database, self._position, end, None):
            self._position += 1
            if record.position != self._position:
                self._seen.violated(f"database: no record stands at {self._position}")
                self._position = record.position
            verifier.take(record)
            self._received += record.kind == "received"
            if record.kind == SEAL_KIND:
                self._seen.checkpoints += 1
                self._seal = record.data
        if verifier.problem is not None:
            self._seen.violated(f"database: {verifier.problem}")
        self._seen.entries = self._position

    def _compare(self, database: sqlite3.Connection) -> None:
        (kept,) = database.execute("SELECT count(*) FROM interaction").fetchone()
        if kept != self._received:
            self._seen.violated(f"database: {kept} interactions of {self._received} received")
        heads = [seal for (seal,) in database.execute("SELECT seal FROM log_head").fetchall()]
        if heads != ([self._seal] if self._seal else []):
            self._seen.violated("database: state is of another seal than the feed")


READERS: dict[str, Callable[[Path, Seen], FileReader | DatabaseReader]] = {
    "files": FileReader,
    "database": DatabaseReader,
}


def read_until(ended: threading.Event, which: str, home: Path) -> Seen:
    """Look again and again; what is not there yet, or is being recovered, is looked at later."""
    seen = Seen()
    reader = READERS[which](home, seen)
    while True:
        is_last = ended.is_set()
        try:
            reader.look()
            seen.looks += 1
        except FileNotFoundError:
            seen.again += 1
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) and "unable to open" not in str(error):
                seen.violated(f"{which}: {error}")
            seen.again += 1
        if is_last:
            return seen
        time.sleep(_PAUSE_S)


class Reading:
    """Readers in processes of their own; what they saw is there when the block has ended."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[str, object]] = {}

    @property
    def is_good(self) -> bool:
        """All of them read something, and nothing that they read was wrong."""
        return all(it["checkpoints"] and not it["violations"] for it in self.seen.values())


@contextmanager
def reading(home: Path) -> Iterator[Reading]:
    found = Reading()
    processes = {
        which: subprocess.Popen(
            [sys.executable, str(Path(__file__)), which, str(home)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for which in READERS
    }  # fmt: skip
    try:
        yield found
        for which, process in processes.items():
            found.seen[which] = json.loads(process.communicate(timeout=600)[0])
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=READERS)
    parser.add_argument("home", type=Path)
    given = parser.parse_args()
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    print(json.dumps(asdict(read_until(ended, given.which, given.home))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
