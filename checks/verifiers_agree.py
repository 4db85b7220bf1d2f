"""Do all verifiers say the same of what is honest or changed? `verifiers_agree.py --each N`.

Three of four times: logs of 1 to 600 entries are published, and shown honest and changed: a byte
flipped in any file, an entry edited, dropped or two swapped, with the tiles made to fit or not (but
without the key), a file cut or gone. Each time a proof of one entry is made as well, and changed
likewise. Each fourth time: bundles that homes exported (every question, with and without bodies,
with whole keys), complete answers, closes that lie, logs that witnesses cosigned, changed without
the key and, sealed again, with it; see `agree_changes.py` for what is harmless.

Ours and the stranger's files judge all, and must name the same first bad entry; where the first
file leaves something to the second, it may accept it. Go's `sumdb/note` and `tlog` judge each
proof, `verify/proof.sh` some, where they are installed. A disagreement, an honest one refused or a
changed one believed is printed with its seed; exit code 1.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "verify")]

import answerable_answers as second  # noqa: E402 - files of their own, found by their path
import answerable_verify as stranger  # noqa: E402

from agree_beside import Beside  # noqa: E402
from answerable.ledger.note import NoteError  # noqa: E402
from answerable.ledger.proof import prove, verify_proof  # noqa: E402
from answerable.ledger.tiles import TileReader, TileWriter, decode_bundle, encode_bundle  # noqa: E402
from answerable.ledger.tree import ProofError  # noqa: E402
from answerable.ledger.verify_tiles import verify_tiles  # noqa: E402
from small_ledger import SIGNER, Ledger, ledger_of  # noqa: E402

SIZES = (1, 2, 7, 64, 255, 256, 257, 600)
VKEY = SIGNER.vkey.encode()
KEY = stranger.verifier_key(VKEY)
GOCODE = Path("/usr/share/gocode")
SHELL_EACH = 50  # a shell takes a hundred times as long
_AT_ONCE = 200


@dataclass
class Proof:
    """A proof that was judged by both of ours, for the others to judge."""

    seed: int
    proof: Path
    entry: Path
    holds: bool


@dataclass
class Seen:
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)

    def judged(self, seed: int, what: str, *, honest: bool, verdicts: list[object]) -> None:
        self.counts[f"{'honest' if honest else 'changed'} {what.partition(':')[0]}"] += 1
        if len(set(verdicts)) > 1 or (verdicts[0] is None) != honest:
            self.wrong.append(f"seed {seed}: {what}: honest {honest}, {verdicts}")


def strangers(**given: object) -> int | None:
    """The first bad index, by the stranger's file; None where it holds."""
    arguments = {"folder": None, "proof": None, "entry": None, "earlier": [], "vkey": [KEY]}
    try:
        stranger.run(argparse.Namespace(**arguments | given))
    except stranger.Wrong as wrong:
        return wrong.index or 0
    except (OSError, ValueError):
        return 0
    return None


def seconds(path: Path, quorum: object = None) -> int | str | None:
    """The first bad index, or member, by the stranger's second file; None where it holds."""
    arguments = {"path": path, "earlier": [], "vkey": [KEY], "quorum": quorum}
    try:
        second.run(argparse.Namespace(**arguments))
    except stranger.Wrong as wrong:
        return wrong.member or wrong.index or 0
    except (OSError, ValueError):
        return 0
    return None


def ours(folder: Path) -> int | None:
    problem = verify_tiles(folder, [SIGNER.vkey]).problem
    return problem.index if problem else None


def ours_of_proof(proof: Path, entry: Path) -> bool:
    try:
        verify_proof(proof.read_bytes().decode(), entry.read_bytes(), [SIGNER.vkey])
    except (NoteError, ProofError, UnicodeDecodeError):
        return False
    return True


# ------------------------------------------------------------------------------- what is changed

Change = Callable[[Path, random.Random], None]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def flip(folder: Path, chance: random.Random) -> None:
    """One bit of one file."""
    path = chance.choice(_files(folder))
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(data))


def cut(folder: Path, chance: random.Random) -> None:
    path = chance.choice(_files(folder))
    path.write_bytes(path.read_bytes()[:-1])


def gone(folder: Path, chance: random.Random) -> None:
    files = [path for path in _files(folder) if "tile" in path.parts]
    chance.choice(files).unlink()


def _rewritten(folder: Path, chance: random.Random, change: Callable[[list[bytes]], None]) -> None:
    """Entries changed in their bundle; every second time all tiles are made to fit them."""
    bundles = [path for path in _files(folder) if "entries" in path.parts]
    lists = [decode_bundle(path.read_bytes()) for path in bundles]
    entries = [entry for each in lists for entry in each]
    before = list(entries)
    change(entries)
    if entries == before:
        entries[0] += b" "
    if chance.random() < 1 / 2 and len(entries) == len(before):
        checkpoint = (folder / "checkpoint").read_text()
        writer = _Forger(folder, sync=False)
        writer.rebuild(entries, checkpoint)
        return
    at = 0
    for path, each in zip(bundles, lists, strict=True):
        path.write_bytes(encode_bundle(entries[at : at + len(each)]))
        at += len(each)


class _Forger(TileWriter):
    """Writes tiles that fit the entries, whatever the checkpoint says."""

    def _compare(self, head: object) -> None:
        del head


def edit(folder: Path, chance: random.Random) -> None:
    def change(entries: list[bytes]) -> None:
        at = chance.randrange(len(entries))
        entries[at] = entries[at].replace(b"ent_", b"ent-", 1)

    _rewritten(folder, chance, change)


def drop(folder: Path, chance: random.Random) -> None:
    def change(entries: list[bytes]) -> None:
        entries.pop(chance.randrange(len(entries)))

    _rewritten(folder, chance, change)


def swap(folder: Path, chance: random.Random) -> None:
    def change(entries: list[bytes]) -> None:
        one, other = (chance.randrange(len(entries)) for _ in range(2))
        entries[one], entries[other] = entries[other], entries[one]

    _rewritten(folder, chance, change)


CHANGES: dict[str, Change] = {
    "flip": flip, "cut": cut, "gone": gone, "edit": edit, "drop": drop, "swap": swap,
}  # fmt: skip


def changed_proof(text: bytes, chance: random.Random) -> bytes:
    """Another proof: a flipped bit, a line gone, 70 times there, or two lines swapped.

    A signature that is there twice is as good as once, so only lines before it are repeated.
    """
    while True:
        lines = text.split(b"\n")
        one, other = (chance.randrange(len(lines) - 1) for _ in range(2))
        match chance.randrange(4):
            case 0:
                data = bytearray(text)
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
                made = bytes(data)
            case 1:
                made = b"\n".join(lines[:one] + lines[one + 1 :])
            case 2:
                one %= text.partition(b"\n\n")[0].count(b"\n") + 1
                made = b"\n".join(lines[:one] + lines[one : one + 1] * 70 + lines[one + 1 :])
            case _:
                lines[one], lines[other] = lines[other], lines[one]
                made = b"\n".join(lines)
        if made != text:
            return made


# ------------------------------------------------------------------------------- the rounds


class Round:
    def __init__(self, folder: Path, seen: Seen) -> None:
        self._folder, self._seen = folder, seen
        self._logs: dict[int, Ledger] = {}
        for size in SIZES:
            self._logs[size] = ledger_of(size)
            self._logs[size].publish(folder / str(size))

    def one(self, seed: int, *, honest: bool) -> None:
        chance = random.Random(seed)
        size = chance.choice(SIZES)
        shown, what = self._folder / str(size), "log"
        if not honest:
            name = chance.choice(list(CHANGES))
            what, shown = f"log: {name} of {size}", self._folder / "shown"
            shutil.rmtree(shown, ignore_errors=True)
            shutil.copytree(self._folder / str(size), shown)
            CHANGES[name](shown, chance)
        verdicts: list[object] = [ours(shown), strangers(folder=shown), seconds(shown)]
        self._seen.judged(seed, what, honest=honest, verdicts=verdicts)
        self._proof(seed, size, chance, honest=honest)

    def _proof(self, seed: int, size: int, chance: random.Random, *, honest: bool) -> None:
        ledger, index = self._logs[size], chance.randrange(size)
        reader = TileReader(self._folder / str(size), size)
        text, data = prove(index, ledger.checkpoint, reader).encode().encode(), ledger.data()[index]
        if not honest and chance.random() < 1 / 4:
            data = ledger.data()[index - 1] if size > 1 else data + b" "
        elif not honest:
            text = changed_proof(text, chance)
        proof, entry = (self._folder / f"{seed}-{honest}.{end}" for end in ("proof", "entry"))
        proof.write_bytes(text)
        entry.write_bytes(data)
        verdicts = [ours_of_proof(proof, entry), strangers(proof=proof, entry=entry) is None]
        holds: list[object] = [None if verdict else "no" for verdict in verdicts]
        self._seen.judged(seed, f"proof: of {index} in {size}", honest=honest, verdicts=holds)
        self._seen.proofs.append(Proof(seed, proof, entry, verdicts[0]))


def by_go(folder: Path, proofs: list[Proof], seen: Seen) -> None:
    """Each proof by Go's own packages."""
    if shutil.which("go") is None or not (GOCODE / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        seen.counts["without Go, which is not installed"] = 1
        return
    program = folder / "check-proofs"
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": str(GOCODE), "GOFLAGS": "-mod=mod"}
    environment["GOCACHE"] = str(folder / "cache")
    command: list[str | Path] = ["go", "build", "-o", program, ROOT / "verify" / "go" / "main.go"]
    subprocess.run(command, check=True, env=environment)
    for first in range(0, len(proofs), _AT_ONCE):
        some = proofs[first : first + _AT_ONCE]
        files = [path for each in some for path in (each.proof, each.entry)]
        done = subprocess.run(
            [program, VKEY, *files], check=False, capture_output=True, text=True, errors="replace"
        )
        said = [line[:3] for line in done.stdout.split("\n") if line[:3] in ("ok ", "no ")]
        for each, verdict in zip(some, said, strict=True):
            compare("Go", each, verdict == "ok ", seen)


def by_shell(folder: Path, proofs: list[Proof], seen: Seen) -> None:
    """Some of the proofs by openssl and sha256sum."""
    if shutil.which("openssl") is None or shutil.which("basenc") is None:
        seen.counts["without a shell's openssl and basenc, which are not installed"] = 1
        return
    (folder / "vkey").write_text(f"{VKEY}\n")
    script = ROOT / "verify" / "proof.sh"
    for each in proofs[::SHELL_EACH]:
        command: list[str | Path] = ["sh", script, each.proof, each.entry, folder / "vkey"]
        done = subprocess.run(command, check=False, capture_output=True)
        compare("shell", each, done.returncode == 0, seen)


def compare(who: str, proof: Proof, holds: bool, seen: Seen) -> None:  # noqa: FBT001 - a verdict
    seen.counts[f"proofs by {who}"] += 1
    if holds != proof.holds:
        text = proof.proof.read_bytes()[:400]
        seen.wrong.append(f"seed {proof.seed}: {who} says {holds}, we {proof.holds}: {text!r}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--each", type=int, default=10_000, help="how many honest, how many changed"
    )
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--only", choices=("logs", "beside"), help="not each fourth something else")
    given = parser.parse_args()
    seen = Seen()
    folder = Path(tempfile.mkdtemp(prefix="agree-"))
    try:
        rounds, beside = Round(folder, seen), None if given.only == "logs" else Beside(folder)
        for seed in range(given.seed, given.seed + given.each):
            for honest in (True, False):
                if beside is None or (given.only is None and seed % 4):
                    rounds.one(seed, honest=honest)
                    continue
                judged = beside.one(seed, honest=honest)
                seen.judged(seed, judged.what, honest=honest, verdicts=judged.verdicts)
                seen.counts["changed bundle left to the second file"] += judged.is_left
        seen.counts["bundles by a process as well"] = beside.processes if beside else 0
        by_go(folder, seen.proofs, seen)
        by_shell(folder, seen.proofs, seen)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(seen.wrong[:20]))
    print(", ".join(f"{count} {name}" for name, count in sorted(seen.counts.items())))
    print(f"{len(seen.wrong)} disagreements or wrong verdicts")
    return 1 if seen.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
