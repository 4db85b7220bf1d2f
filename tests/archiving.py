"""A home in which enough has ended to be put away, and what tests ask of it."""

import asyncio
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from answerable.ledger.archive import KINDS
from answerable.ledger.tiles import WIDTH, entries_path
from answerable.ledger.verify_archive import ArchiveVerified
from answerable.rails.port import Incoming
from answerable.worker import verbs
from answerable.worker.commands import call
from answerable.worker.commands.office import Office
from answerable.worker.deep import DeepVerified, verify_deep
from answerable.worker.publisher import TILES
from answerable.worker.verbs.archives import ArchiveView
from answerable.worker.verification import HomeVerified, verify_archive_of, verify_home
from offices import open_for, small_world

SOON = 2**53 - 1  # whatever has ended by now
MESSAGES = 150


@cache
def lived() -> Path:
    """A home in which more than two bundles of entries have ended, to copy from."""
    home = Path(mkdtemp(prefix="answerable-archive-")) / "home"

    async def scenario() -> None:
        world = await small_world(home)
        async with world.running() as life:
            for number in range(MESSAGES):
                text = "refund 10" if number % 10 == 0 else "hello"
                await life.say(text, external_id=f"m{number}", sender=f"kim{number % 7}@a.example")
            await life.settled()
        async with open_for(world) as office:
            assert office.house.hall.committer.size > 2 * WIDTH

    asyncio.run(scenario())
    return home


async def put_away(office: Office, to: Path, *, before_us: int = SOON) -> ArchiveView:
    verb = verbs.LedgerArchive(str(to), before_us, "", is_meant=True)
    view = await call(office, verb)
    assert isinstance(view, ArchiveView)
    return view


async def whole(home: Path) -> HomeVerified:
    return await asyncio.to_thread(verify_home, home)


async def looked_at_deeply(home: Path) -> DeepVerified:
    return await asyncio.to_thread(verify_deep, home)


async def alone(home: Path, archive: Path, vkey: str = "") -> ArchiveVerified:
    return await asyncio.to_thread(verify_archive_of, home, archive, vkey)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def bodies_in(office: Office, first: int, end: int) -> list[int]:
    """The indexes in a range whose bodies of archived kinds are in the home."""
    await office.index.follow(office.house.hall.engine)
    found = []
    for seq in range(first, end):
        place = office.index.at(seq)
        assert place is not None
        record = await office.record_at(place.position)
        if record.body is not None and record.kind in KINDS:
            found.append(seq)
    return found


def bundles(home: Path, view: ArchiveView) -> list[bool]:
    numbers = range(view.first // WIDTH, view.end // WIDTH)
    return [(home / TILES / entries_path(number)).exists() for number in numbers]


async def office_says(
    office: Office, external_id: str, text: str = "hello", sender: str = "lee@a.example"
) -> None:
    message = Incoming(external_id=external_id, sender=sender, text=text, rail="email")
    await call(office, verbs.MessagesAccept((message,)))


async def settled(office: Office) -> None:
    while office.house.journal.backlog or office.dispatcher.in_flight:
        await asyncio.sleep(0.005)
