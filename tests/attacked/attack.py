"""An attack: really carried out, and who caught it where. `ATTACKS` is the list of all."""

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from answerable.ledger.verify_tiles import verify_tiles
from second import second_verifier
from small_ledger import KEYS, SIGNER

Holds = Literal["nothing", "the disk", "the signing key", "the key and one witness", "the company"]


@dataclass(frozen=True, slots=True)
class Caught:
    by: str
    where: str


Carried = Callable[[Path], Caught | None]
"""Carries the attack out in an empty folder; None where nobody noticed."""


@dataclass(frozen=True, slots=True)
class Attack:
    """`seen` is what whoever catches it says: a pattern, so that it is caught for that reason."""

    name: str
    holds: Holds
    seen: str
    carried: Carried


ATTACKS: dict[str, Attack] = {}


def attack(name: str, *, holds: Holds, seen: str) -> Callable[[Carried], Carried]:
    def listed(carried: Carried) -> Carried:
        assert name not in ATTACKS, name
        ATTACKS[name] = Attack(name, holds, seen, carried)
        return carried

    return listed


def both(folder: Path, *earlier: str) -> Caught | None:
    """The verdict of ours and of the stranger's file on a published log, if both refuse it."""
    found = verify_tiles(folder, KEYS, earlier).problem
    saved = []
    for number, text in enumerate(earlier):
        path = folder.parent / f"saved-{number}"
        path.write_text(text)
        saved += ["--earlier", str(path)]
    report = stranger(str(folder), *saved)
    if found is None or report["ok"]:
        return None
    theirs = report["first_bad_index"] or 0  # none, where it is the key or the whole
    if theirs != found.index:
        return Caught("both verifiers", f"ours at {found.index}, the stranger's at {theirs}")
    return Caught("both verifiers", f"entry {found.index}: {found.problem}")


def stranger(*arguments: str) -> dict[str, object]:
    """What the stranger's file reports."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        second_verifier().main([*arguments, "--vkey", SIGNER.vkey.encode(), "--json"])
    report: dict[str, object] = json.loads(told.getvalue())
    return report


def refused(
    by: str, error: type[Exception] | tuple[type[Exception], ...], does: Callable[[], object]
) -> Caught | None:
    """Whoever raises that error has caught it, and says where."""
    try:
        does()
    except error as told:
        return Caught(by, str(told).split(" Next:", maxsplit=1)[0][:150])
    return None
