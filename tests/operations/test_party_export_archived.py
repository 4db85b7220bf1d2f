"""What was put away is named in the answer to an access request, with the file that it lies in."""

import asyncio
import json
import zipfile
from pathlib import Path

from answerable.ledger.tiles import WIDTH
from answerable.testing.world import OWNER, World
from answerable.worker import verbs
from answerable.worker.commands import call
from answerable.worker.verbs.access import AccessView
from archiving import put_away
from offices import open_for


def test_what_was_put_away_is_named_with_its_file_and_its_sender_is_still_known(
    world: World, to: Path, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with open_for(world) as office:
            archive = await put_away(office, to)
            assert archive.end >= 2 * WIDTH
            hall, file = office.house.hall, tmp_path / "party.zip"
            party = hall.parties.find(hall.keyring.identifier_hash("email", "kim3@a.example"))
            assert party is not None
            view = await call(office, verbs.PartyExport(str(file), party.id, OWNER))
            assert isinstance(view, AccessView)
            with zipfile.ZipFile(file) as held:
                about = json.loads(held.read("about.json"))
                page = held.read("index.html").decode()
            gone = [one for one in about["withheld"] if one["why"] == "archived"]
            assert len(gone) == view.archived > 0
            assert view.withheld == 0
            assert all(Path(archive.file).name in one["where"] for one in gone)
            assert Path(archive.file).name in page
            assert {one["why"] for one in about["withheld"]} == {"archived"}
            assert [one["display"] for one in about["identifiers"]] == ["kim3@a.example"]
            assert "(erased)" not in json.dumps(about)

    asyncio.run(scenario())
