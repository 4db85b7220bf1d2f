"""A file that leaves is what its asker was told, or is not there: nothing half lies about."""

import asyncio
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from answerable.base.errors import AnswerableError, Broken, Busy, UsageError
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


@pytest.mark.parametrize("name", [
        "there.zip", "leads-nowhere.zip", "no-folder/x.zip", "there.zip/x.zip", f"{'x' * 300}.zip",
        "nul\0.zip",
    ],
)  # fmt: skip
def test_a_place_where_no_file_can_come_to_be_is_refused_before_anything_is_written_down(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "there.zip").write_text("somebody's")
    (tmp_path / "leads-nowhere.zip").symlink_to(tmp_path / "nowhere")

    async def told(office: Office) -> None:
        size = office.house.hall.committer.size
        with pytest.raises(UsageError):
            await export(office, tmp_path / name, "party")
        assert office.house.hall.committer.size == size

    story(tmp_path, told)
    assert (tmp_path / "there.zip").read_text() == "somebody's"
    assert not (tmp_path / "nowhere").exists()


def test_what_cannot_be_read_in_the_home_is_not_said_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told(office: Office) -> None:
        gone = office.house.home / "ledger" / "rotations" / "7"

        async def lost(*_: object) -> object:
            raise FileNotFoundError(2, "No such file or directory", str(gone))

        monkeypatch.setattr(bundles, "handing_members", lost)
        with pytest.raises(Broken, match="rotations/7' cannot be read") as found:
            await export(office, tmp_path / "x.zip", "case")
        assert found.value.not_done == "No file is there; the ledger says that it was asked for."

    story(tmp_path, told)
    assert [one.name for one in tmp_path.iterdir()] == ["home"]
