"""`bench`: how fast this machine is at governed interactions, and where the time goes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.talk import AsJson, out, out_json, out_table

if TYPE_CHECKING:
    from answerable.testing.bench.day import Measured
    from answerable.testing.bench.floor import Floor


def bench(
    interactions: Annotated[int, typer.Option(help="how many", min=100)] = 5_000,
    concurrency: Annotated[int, typer.Option(help="customers at once", min=1, max=4_096)] = 64,
    stages: Annotated[bool, typer.Option(help="and where it goes, beside its floor")] = False,
    on: Annotated[Path, typer.Option(help="a folder on the disk to measure")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Measure governed interactions in process.

    Each is received, judged twice, done once, answered, and recorded, durable at every step.
    With --stages it runs twice: undisturbed for the times, then sampled for where they go.
    """
    from tempfile import TemporaryDirectory

    from answerable.base.errors import UsageError

    if not on.is_dir():
        raise UsageError(f"--on {on}: no folder is there.", "Nothing was measured.", _HELP)
    with TemporaryDirectory(prefix="answerable-bench-", dir=on) as folder:
        if stages:
            _measure_stages(Path(folder), interactions, concurrency, as_json=as_json)
        else:
            _measure(Path(folder), interactions, concurrency, as_json=as_json)


_HELP = "answerable bench --help"


def _measure(folder: Path, interactions: int, concurrency: int, *, as_json: bool) -> None:
    import asyncio

    from answerable.testing.bench.day import run

    measured = asyncio.run(run(folder / "home", interactions, concurrency))
    if as_json:
        out_json(_plain(measured))
    else:
        _say(measured)


def _measure_stages(folder: Path, interactions: int, concurrency: int, *, as_json: bool) -> None:
    import asyncio
    from dataclasses import asdict

    from answerable.testing.bench.day import POLICY, run
    from answerable.testing.bench.floor import measure

    home = folder / "home"
    measured = asyncio.run(run(home, interactions, concurrency))
    floor = measure(home, interactions=interactions, commits=measured.commits, policy=POLICY)
    again = run(folder / "sampled", interactions, concurrency, is_sampled=True)
    sampled = asyncio.run(again)
    if as_json:
        told = [{"stage": s, "work": k, "samples": n} for (s, k), n in sampled.samples.items()]
        out_json(_plain(measured) | {"samples": told, "floor_us": asdict(floor)})
        return
    _say(measured)
    _say_stages(measured, sampled)
    _say_floor(measured, sampled, floor)


def _plain(measured: "Measured") -> dict[str, object]:
    from dataclasses import asdict

    told = asdict(measured)
    del told["samples"]
    return told | {"cpu_us_each": measured.cpu_us_each}


def _say(measured: "Measured") -> None:
    each = measured.interactions
    out(f"{each} interactions, {measured.concurrency} at once, in {measured.seconds:.1f} s")
    out(f"  {each / measured.seconds:,.0f} a second, {measured.cpu_us_each:,.0f} us of CPU each")
    out(f"  p50 {measured.p50_ms:.1f} ms, p99 {measured.p99_ms:.1f} ms from message to reply")
    out(f"  {measured.commits / each:.2f} commits and {measured.records / each:.1f} records each")
    out(f"  {measured.bytes_on_disk / each:,.0f} bytes on disk each, the warm-up included")


def _say_stages(measured: "Measured", sampled: "Measured") -> None:
    """The CPU of the undisturbed run, shared out as the sampled one saw it."""
    from answerable.testing.bench.day import STAGES
    from answerable.testing.bench.sampler import KINDS, LOOP, SEAL, WRITE

    us = _us_a_sample(measured, sampled)
    rows = []
    for stage in (*STAGES, SEAL, WRITE, LOOP):
        seen = {kind: sampled.samples.get((stage, kind), 0) * us for kind in KINDS}
        wall = measured.stages_ms.get(stage)
        rows.append({
            "stage": stage,
            "wall p50 ms": f"{wall:.2f}" if wall else "",
            "CPU us": f"{sum(seen.values()):.0f}",
            **{kind: f"{one:.0f}" if one >= 1 else "" for kind, one in seen.items()},
        })  # fmt: skip
    out("")
    out("Microseconds of CPU for one interaction, by stage and by kind of work:")
    out_table(rows, "Nothing was seen.")


def _say_floor(measured: "Measured", sampled: "Measured", floor: "Floor") -> None:
    from dataclasses import asdict

    us = _us_a_sample(measured, sampled)
    rows = []
    for kind, least in asdict(floor).items():
        seen = sum(count for (_, one), count in sampled.samples.items() if one == kind) * us
        if kind != "fsync":
            rows.append({
                "work": kind, "us": f"{seen:.0f}", "floor us": f"{least:.0f}",
                "times the floor": f"{seen / least:.1f}",
            })  # fmt: skip
    out("")
    out("Beside its floor: the same work on this machine with nothing around it.")
    out_table(rows, "Nothing was seen.")
    waits = measured.seconds / measured.interactions * 1e6
    out(f"fsync alone: {floor.fsync:,.0f} us of the {waits:,.0f} us between two interactions")


def _us_a_sample(measured: "Measured", sampled: "Measured") -> float:
    return measured.cpu_us_each / (sum(sampled.samples.values()) or 1)
