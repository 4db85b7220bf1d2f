"""A bundle that a small home has exported."""

import asyncio
import zipfile
from collections.abc import Callable
from pathlib import Path

from answerable.ledger.note import VerifierKey
from answerable.testing.world import OWNER
from answerable.worker import verbs
from answerable.worker.commands import call
from answerable.worker.commands.office import Office
from answerable.worker.verbs.bundles import BundleView
from offices import open_for, small_world

SECRET = "Quexil <script>alert(1)</script>"
Exported = tuple[BundleView, VerifierKey]


async def export(
    office: Office, to: Path, kind: str, *, by: str = OWNER, is_whole: bool = False
) -> Exported:
    hall = office.house.hall
    await office.index.follow(hall.engine)
    of = ""
    for seq in range(hall.committer.size):
        place = office.index.at(seq)
        entry = (await office.entry(place.id))[0] if place else None
        if entry is not None and entry.kind == "decided" and entry.subject:
            ids = {"decision": entry.id, "case": entry.case, "party": entry.subject.pid}
            of = ids.get(kind, "")
    verb = verbs.LedgerExport(str(to), kind, of, None, None, by, is_whole)
    view = await call(office, verb)
    assert isinstance(view, BundleView)
    return view, office.house.vkey


def story(folder: Path, told: Callable[[Office], object]) -> None:
    async def run() -> None:
        world = await small_world(folder / "home")
        async with world.running() as life:
            for number in range(3):
                text = f"refund {SECRET}"
                await life.say(text, external_id=f"m{number}", sender="kim@a.example")
            await life.settled()
        async with open_for(world) as office:
            result = told(office)
            if asyncio.iscoroutine(result):
                await result

    asyncio.run(run())


def made(folder: Path, kind: str, *, is_whole: bool = False) -> tuple[Path, Exported]:
    path, found = folder / f"{kind}.zip", list[Exported]()

    async def told(office: Office) -> None:
        found.append(await export(office, path, kind, is_whole=is_whole))

    story(folder, told)
    return path, found[0]


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as lying:
        return {name: lying.read(name) for name in lying.namelist()}
