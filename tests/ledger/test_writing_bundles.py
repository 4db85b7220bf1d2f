"""A file that leaves is what its asker was told, or is not there: nothing half lies about."""

import asyncio
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from answerable.base.errors import AnswerableError, Busy
from answerable.ledger.archive import ArchiveWriter
from answerable.ledger.bundle import Answer, BundleWriter
from answerable.ledger.note import sign_note
from answerable.ledger.port import Signer
from answerable.testing.world import OWNER, SPECIALIST
from answerable.worker import verbs
from answerable.worker.commands import bundles, call
from answerable.worker.commands.office import Office
from answerable.worker.verbs.bundles import BundleView
from exported import export, story


@contextmanager
def a_disk_that_takes(size: int) -> Iterator[None]:
    """No file of this process grows beyond that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("writes", [BundleWriter, ArchiveWriter])
def test_a_disk_that_is_full_keeps_nothing_of_it(
    writes: type[BundleWriter | ArchiveWriter], tmp_path: Path
) -> None:
    words = b"Quexil" * 10_000
    with (
        a_disk_that_takes(20_000),
        pytest.raises(OSError, match="large"),
        writes(tmp_path / "answerable-x.zip") as writer,
    ):
        writer.add("answer.json", words)
    assert list(tmp_path.iterdir()) == []


def test_two_that_write_the_same_file_at_once_do_not_write_into_one_another(
    tmp_path: Path,
) -> None:
    """Who asked for no words is not told of a file that has somebody else's."""

    async def told(office: Office) -> None:
        for late in range(12):
            path = tmp_path / f"{late}.zip"
            both = (export(office, path, "case"), _later(office, path, late))
            found = await asyncio.gather(*both, return_exceptions=True)
            refused = [one for one in found if isinstance(one, AnswerableError)]
            assert len(refused) == 1, found
            given = found[0][0] if isinstance(found[0], tuple) else found[1]
            assert isinstance(given, BundleView)
            with zipfile.ZipFile(path) as lying:
                answer = msgspec.json.decode(lying.read("answer.json"), type=Answer)
                bodies = [name for name in lying.namelist() if name.startswith("bodies/")]
            assert answer.asked.kind == ("case" if given is not found[1] else "everything")
            assert (len(bodies), path.stat().st_size) == (given.bodies, given.bytes)

    story(tmp_path, told)
    assert not [one for one in tmp_path.iterdir() if one.name.endswith(".tmp")]


async def _later(office: Office, path: Path, turns: int) -> object:
    for _ in range(turns):
        await asyncio.sleep(0)
    return await call(office, verbs.LedgerExport(str(path), "everything"))


def test_words_of_who_is_erased_while_the_file_is_made_do_not_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told(office: Office) -> None:
        hall = office.house.hall
        party = hall.db.execute("SELECT id FROM party").fetchone()[0]

        async def erased_meanwhile(text: str, signer: Signer) -> str:
            for by in (OWNER, SPECIALIST):
                await call(office, verbs.PartyErase(party, by, "asked by letter"))
            return await sign_note(text, signer)

        monkeypatch.setattr(bundles, "sign_note", erased_meanwhile)
        with pytest.raises(Busy, match="went while"):
            await export(office, tmp_path / "x.zip", "party")

    story(tmp_path, told)
    assert [one.name for one in tmp_path.iterdir()] == ["home"]
