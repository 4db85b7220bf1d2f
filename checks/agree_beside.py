"""What is not a log alone, drawn for `verifiers_agree.py`: of 25, 19 bundles, 2 complete answers,
2 logs with closes, 2 logs that witnesses cosigned."""

import argparse
import random
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import answerable_answers as second
import answerable_verify as first

import agree_answers
from agree_bundles import (
    OF_A_HEADER,
    Exported,
    drawn,
    index_of,
    is_beyond,
    ours_of_bundle,
    place_of,
    pool,
)

VERIFY = Path(__file__).parents[1] / "verify"
PROCESS_EACH = 20  # a process takes ten times as long as a call


class Judged(NamedTuple):
    """What was shown, and the first bad entry by each verifier; None where it holds."""

    what: str
    verdicts: list[object]
    is_left: bool = False  # the first file leaves it to the second


class Beside:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bundles = pool(folder)
        self._logs = agree_answers.answers()
        self._quorums = agree_answers.Quorums(folder)
        self.processes = 0

    def one(self, seed: int, *, honest: bool) -> Judged:
        chance = random.Random(2 * seed + honest)
        match chance.randrange(25):
            case 0 | 1:
                path = self._folder / "answer.json"
                what, found = agree_answers.answer(path, self._logs, chance, honest=honest)
                return Judged(f"answer: {what}", list(found))
            case 2 | 3:
                what, found = agree_answers.closes(self._folder / "closed", chance, honest=honest)
                return Judged(f"closes: {what}", list(found))
            case 4 | 5:
                what, found = self._quorums.one(chance, honest=honest)
                return Judged(f"quorum: {what}", list(found))
            case _:
                return self._bundle(seed, chance, honest=honest)

    def _bundle(self, seed: int, chance: random.Random, *, honest: bool) -> Judged:
        path = self._folder / "shown.zip"
        bundle, what = drawn(path, self._bundles, chance, honest=honest)
        ours, theirs, of_first = ours_of_bundle(path, bundle), *by_files(path, bundle)
        if ours == OF_A_HEADER and theirs is not None:
            ours = theirs
        verdicts: list[object] = [index_of(ours), index_of(theirs)]
        is_left = of_first is None and theirs is not None and is_beyond(what, theirs)
        if not is_left:
            verdicts.append(index_of(of_first))
        if seed % PROCESS_EACH == 0:
            self.processes += 1
            status = by_process(path, bundle)
            if status != int(theirs is not None):
                verdicts.append(f"exit {status}")
        return Judged(f"bundle: {what} of {bundle.name}", verdicts, is_left)


def by_files(path: Path, bundle: Exported) -> tuple[int | str | None, int | str | None]:
    """By the second file, and by the first."""
    key = first.verifier_key(bundle.signer.vkey.encode())
    given = argparse.Namespace(
        path=path, folder=path, vkey=[key], earlier=[], quorum=None, proof=None, entry=None
    )
    found: list[int | str | None] = []
    for run in (second.run, first.run):
        try:
            run(given)
        except first.Wrong as wrong:
            found.append(place_of(wrong.member or wrong.index or 0))
        except (OSError, ValueError):
            found.append(0)
        else:
            found.append(None)
    return found[0], found[1]


def by_process(path: Path, bundle: Exported) -> int:
    command = [sys.executable, str(VERIFY / "answerable_answers.py"), str(path)]
    command += ["--vkey", bundle.signer.vkey.encode(), "--json"]
    return subprocess.run(command, check=False, capture_output=True).returncode
