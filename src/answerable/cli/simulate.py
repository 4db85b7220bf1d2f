"""`simulate`: worlds in which everything goes wrong, each held against the promises."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.talk import AsJson, out, out_json, talk

if TYPE_CHECKING:
    from answerable.testing.simulator.run import Verdict

_SEEDS = 300


def simulate(
    seeds: Annotated[
        int | None, typer.Option(help="how many worlds", min=1, show_default=str(_SEEDS))
    ] = None,
    seed: Annotated[int | None, typer.Option(help="this one world alone")] = None,
    first: Annotated[int, typer.Option(help="the first of them")] = 1,
    until_stopped: Annotated[bool, typer.Option(help="go on until Ctrl-C")] = False,
    keep: Annotated[Path | None, typer.Option(help="leave the home of --seed here")] = None,
    as_json: AsJson = False,
) -> None:
    """Run drawn worlds of faults; report broken promises.

    A world is its seed: the same number is the same world, to the byte, on any machine.
    """
    from itertools import count

    from answerable.base.errors import UsageError
    from answerable.testing.simulator.many import simulate_many
    from answerable.testing.simulator.run import simulate as live

    if seed is not None and (seeds is not None or until_stopped):
        raise UsageError("--seed is one world alone.", "No world was run.", _HELP)
    if keep is not None and (seed is None or keep.exists()):
        problem = "something is there already" if seed is not None else "it needs --seed"
        raise UsageError(f"--keep {keep}: {problem}.", "No world was run.", _HELP)
    if seed is not None:
        is_kept = _show(live(seed, keep), as_json=as_json)
    else:
        numbers = count(first) if until_stopped else range(first, first + (seeds or _SEEDS))
        may_stop = KeyboardInterrupt if until_stopped else ()
        is_kept = _sum_up(simulate_many(numbers), may_stop, as_json=as_json)
    if not is_kept:
        raise typer.Exit(1)


_HELP = "answerable simulate --help"
_SAY_EACH = 1_000


def _sum_up(
    verdicts: Iterable["Verdict"],
    may_stop: type[BaseException] | tuple[()],
    *,
    as_json: bool,
) -> bool:
    worlds = steps = entries = 0
    broken: list[Verdict] = []
    try:
        for verdict in verdicts:
            worlds, steps, entries = worlds + 1, steps + verdict.steps, entries + verdict.entries
            if not verdict.is_kept:
                broken.append(verdict)
                _tell(verdict)
            if worlds % _SAY_EACH == 0:
                talk(f"{worlds} worlds, of which {len(broken)} broke a promise")
    except may_stop:  # what was seen so far is the answer
        pass
    if as_json:
        told = [{"seed": one.seed, "violations": _seen(one)} for one in broken]
        out_json({"worlds": worlds, "steps": steps, "entries": entries, "broken": told})
    else:
        out(f"{worlds} worlds, {steps} steps, {entries} ledger entries")
        out(f"{len(broken)} of them broke a promise")
    return not broken


def _show(verdict: "Verdict", *, as_json: bool) -> bool:
    if as_json:
        happened = dict(sorted(verdict.happened.items()))
        out_json({
            "seed": verdict.seed, "digest": verdict.digest, "steps": verdict.steps,
            "entries": verdict.entries, "happened": happened, "violations": _seen(verdict),
        })  # fmt: skip
        return verdict.is_kept
    out(f"seed {verdict.seed}: {verdict.steps} steps, {verdict.entries} ledger entries")
    out(f"digest {verdict.digest}")
    for what, times in sorted(verdict.happened.items()):
        out(f"  {times} x {what}")
    if verdict.is_kept:
        out("every promise was kept")
    else:
        _tell(verdict)
    return verdict.is_kept


def _seen(verdict: "Verdict") -> list[str]:
    return [str(one) for one in verdict.violations]


def _tell(verdict: "Verdict") -> None:
    for seen in _seen(verdict):
        out(f"seed {verdict.seed}: {seen}")
    talk(f"  replay it: answerable simulate --seed {verdict.seed}")
