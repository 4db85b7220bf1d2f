"""Flip one byte of a home, look at it deeply, put the byte back: again and again.

Each flip must be found, with the file or the row that it is in; or be harmless, and shown to be:
every row of every table and every file that strangers get are what they were. Prints a table and
exits 1 where a flip was neither. `--all` flips every byte of a tiny home once: it takes hours.
"""

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random

from answerable.testing.lived import live_in
from answerable.worker.deep import DeepVerified, verify_deep

_DATABASES = ("answerable.db", "keys.db", "views.db")
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
_ROW = ("table ", "record ", "entry ")


@dataclass
class Home:
    """A home at rest, and how to put back whatever was done to it."""

    path: Path
    files: dict[Path, bytes] = field(default_factory=dict)
    dump: str = ""

    @classmethod
    def at_rest(cls, path: Path) -> "Home":
        home = cls(path)
        home.files = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
        home.dump = home.dumped()
        home.put_back()
        return home

    def put_back(self) -> None:
        """Reading a killed home folds its log in, as any opening does."""
        for file in self.path.glob("*.db*"):
            if file not in self.files:
                file.unlink()
        for file, data in self.files.items():
            if ".db" in file.name:
                file.write_bytes(data)

    def dumped(self) -> str:
        """A digest of all that anybody can read: rows, schema, and the files for strangers."""
        digest = sha256()
        for name in _DATABASES:
            with closing(sqlite3.connect(self.path / name)) as database:
                database.text_factory = bytes
                for row in _rows(database):
                    digest.update(repr(row).encode())
        folder = self.path / "ledger"
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file != folder / "published":  # a hint of the publisher's own
                digest.update(repr((file.relative_to(folder), file.read_bytes())).encode())
        digest.update((self.path / "ledger.vkey").read_bytes())
        return digest.hexdigest()


def _rows(database: sqlite3.Connection) -> Iterator[object]:
    yield database.execute("PRAGMA user_version").fetchone()
    schema = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2")
    for kind, name, *rest in schema.fetchall():
        yield kind, name, rest
        if kind == b"table":
            yield from database.execute(f'SELECT * FROM "{name.decode()}"')  # noqa: S608 - its own


@dataclass(frozen=True)
class Flip:
    """A byte to be flipped, in which kind of file."""

    kind: str
    home: Home
    file: Path
    at: int
    mask: int

    @property
    def named(self) -> str:
        return f"{self.file.relative_to(self.home.path)} at byte {self.at} ^ {self.mask:#04x}"


def targets(left: Home, killed: Home) -> dict[str, list[tuple[Home, Path]]]:
    """The files whose bytes are flipped, by kind; the log of a database is there only after a
    death."""
    tile = left.path / "ledger" / "tile"
    kinds = {
        "answerable.db": [(left, left.path / "answerable.db")],
        "answerable.db-wal": [(killed, killed.path / "answerable.db-wal")],
        "keys.db": [(left, left.path / "keys.db")],
        "views.db": [(left, left.path / "views.db")],
        "keys.db-wal": [(killed, killed.path / "keys.db-wal")],
        "tiles": [(left, file) for file in left.files if tile in file.parents
                  and tile / "entries" not in file.parents],
        "entry bundles": [(left, file) for file in left.files if tile / "entries" in file.parents],
        "checkpoint": [(left, left.path / "ledger" / "checkpoint")],
        "vkey": [(left, left.path / "ledger.vkey")],
        "secrets": [(left, left.path / "home.key"), (left, left.path / "signer.key")],
    }  # fmt: skip
    return {
        kind: [(home, file) for home, file in files if home.files.get(file)]
        for kind, files in kinds.items()
    }


def drawn(kinds: dict[str, list[tuple[Home, Path]]], flips: int, seed: int) -> Iterator[Flip]:
    """Each kind in turn, and in it any byte of any file."""
    random = Random(f"flips:{seed}")
    names = [kind for kind, files in kinds.items() if files]
    for number in range(flips):
        kind = names[number % len(names)]
        home, file = random.choice(kinds[kind])
        at, mask = random.randrange(len(home.files[file])), random.randrange(1, 256)
        yield Flip(kind, home, file, at, mask)


def every(kinds: dict[str, list[tuple[Home, Path]]], seed: int) -> Iterator[Flip]:
    random = Random(f"flips:{seed}")
    for kind, files in kinds.items():
        for home, file in files:
            for at in range(len(home.files[file])):
                yield Flip(kind, home, file, at, 1 << random.randrange(8))


def fate(flip: Flip) -> str:
    """What became of it: detected, harmless or missed; the home is as it was, afterwards."""
    data = bytearray(flip.home.files[flip.file])
    data[flip.at] ^= flip.mask
    flip.file.write_bytes(data)
    try:
        found = verify_deep(flip.home.path)
        if not found.verified:
            return "detected" if _is_located(flip, found) else "missed"
        return "harmless" if flip.home.dumped() == flip.home.dump else "missed"
    finally:
        flip.file.write_bytes(flip.home.files[flip.file])
        flip.home.put_back()


def _is_located(flip: Flip, found: DeepVerified) -> bool:
    """A problem names the file; for what is in the database its table, record or entry is enough,
    and a published file that is an entry's too."""
    for each in found.problems:
        if flip.file.name in each.where or str(flip.file.relative_to(flip.home.path)) in each.where:
            return True
        if flip.kind in ("answerable.db", "views.db") and each.where.startswith(_ROW):
            return True
        if flip.kind in ("tiles", "entry bundles") and each.where.startswith("entry "):
            return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="every byte of a tiny home")
    given = parser.parse_args()
    began = time.monotonic()
    fates: dict[str, Counter[str]] = {}
    missed: list[str] = []
    memory = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="answerable-flips-", dir=memory) as folder:
        lived = asyncio.run(live_in(Path(folder) / "home", rounds=1 if given.all else 2))
        kinds = targets(Home.at_rest(lived.left), Home.at_rest(lived.killed))
        flips = every(kinds, given.seed) if given.all else drawn(kinds, given.flips, given.seed)
        for flip in flips:
            what = fate(flip)
            fates.setdefault(flip.kind, Counter())[what] += 1
            if what == "missed":
                missed.append(flip.named)
                print(f"MISSED {flip.named}", file=sys.stderr, flush=True)
    print_table(fates, time.monotonic() - began)
    return 1 if missed or not fates else 0


def print_table(fates: dict[str, Counter[str]], seconds: float) -> None:
    columns = ("flips", "detected", "harmless", "missed")
    print(f"{'file':<18}" + "".join(f"{column:>10}" for column in columns))
    all_kinds: Counter[str] = Counter()
    for kind, fate_of in fates.items():
        all_kinds += fate_of
        print(_line(kind, fate_of))
    print(_line("all", all_kinds))
    verdict = "every flip was found, or shown to be harmless"
    print(f"{verdict if not all_kinds['missed'] else 'NOT KEPT'}; {seconds:.0f} s")


def _line(kind: str, fate_of: Counter[str]) -> str:
    counts = [fate_of.total(), *(fate_of[each] for each in ("detected", "harmless", "missed"))]
    return f"{kind:<18}" + "".join(f"{count:>10}" for count in counts)


if __name__ == "__main__":
    sys.exit(main())
