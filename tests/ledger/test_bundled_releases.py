"""What a release was made of leaves with what it decided, also when it is loaded no more."""

import asyncio
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from answerable.agents import kept
from answerable.agents.domain import Release
from answerable.compose import house
from answerable.ledger import bundle as form
from answerable.ledger.bundle import BundleDamaged, BundleWriter
from answerable.ledger.note import sign_note
from answerable.ledger.verify_bundle import verify_bundle
from answerable.testing.world import Till, World
from answerable.worker import verbs
from answerable.worker.commands import call
from answerable.worker.commands.office import Office
from answerable.worker.verbs.bundles import BundleView
from offices import open_for, small_world
from stories import support


async def outlived(folder: Path) -> tuple[World, Release]:
    """A home whose first release decided something, and is not loaded any more."""
    world = await small_world(folder / "home")
    async with world.running() as life:
        await life.say("refund", external_id="m1")
        await life.settled()
        first = life.house.hall.releases["support"]
    return replace(world, agent=support(Till(), deadline_s=11.0)), first


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as lying:
        return {name: lying.read(name) for name in lying.namelist()}


async def exported(office: Office, to: Path, kind: str) -> BundleView:
    await office.index.follow(office.house.hall.engine)
    of = ""
    for seq in range(office.house.hall.committer.size):
        place = office.index.at(seq)
        if kind == "decision" and place and place.kind == "decided":
            of = place.id
    found = await call(office, verbs.LedgerExport(str(to), kind, of))
    assert isinstance(found, BundleView)
    return found


@pytest.mark.parametrize("kind", ["decision", "everything"])
def test_it_is_carried_for_each_entry_that_names_it(kind: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        world, first = await outlived(tmp_path)
        async with open_for(world) as office:
            assert office.house.hall.releases["support"].digest != first.digest
            view = await exported(office, tmp_path / "it.zip", kind)
            key = office.house.vkey
        held = members(tmp_path / "it.zip")
        assert held[f"releases/{first.digest}.json"] == first.manifest
        assert sha256(first.manifest).hexdigest() == first.digest
        assert (view.missing, verify_bundle(tmp_path / "it.zip", [key]).lacking) == ((), ())

    asyncio.run(scenario())


def test_of_a_home_that_kept_none_the_file_and_its_verifier_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        with monkeypatch.context() as before:
            before.setattr(house, "keep", lambda _, policy: policy)
            world, first = await outlived(tmp_path)
        async with open_for(world) as office:
            view = await exported(office, tmp_path / "it.zip", "decision")
            key = office.house.vkey
        named = f"release {first.id}"
        assert view.missing == (named,)
        assert named in members(tmp_path / "it.zip")["index.html"].decode()
        found = verify_bundle(tmp_path / "it.zip", [key])
        assert found.lacking == (named,)
        assert named in found.sentence

    asyncio.run(scenario())


@pytest.mark.parametrize("folder", ["policies", "releases"])
def test_one_that_no_entry_names_is_refused(folder: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        world, _ = await outlived(tmp_path)
        async with open_for(world) as office:
            await exported(office, tmp_path / "it.zip", "decision")
            held = members(tmp_path / "it.zip")
            stray = held[next(name for name in held if name.startswith(folder))] + b" "
            held[f"{folder}/{sha256(stray).hexdigest()}.json"] = stray
            await signed_again(office, tmp_path / "again.zip", held)
            with pytest.raises(BundleDamaged, match="named by none"):
                verify_bundle(tmp_path / "again.zip", [office.house.vkey])

    asyncio.run(scenario())


async def signed_again(office: Office, to: Path, held: dict[str, bytes]) -> None:
    """By who holds the key."""
    lines = held.pop(form.SEAL).decode().split("\n")
    asked = form.Asked(kind="decision", of=lines[4].split('"')[-2])
    held.pop(form.MANIFEST)
    with BundleWriter(to) as writer:
        for name in sorted(held):
            writer.add(name, held[name])
        head = (lines[1][4:], int(lines[2][5:]), lines[3][5:])
        text = form.seal_text(head, asked, int(lines[5][5:]), writer.manifest)
        writer.finish(await sign_note(text, office.house.hall.committer.signer))


def test_what_is_kept_is_believed_by_its_digest_alone() -> None:
    assert kept.kept_manifest(b'{"manifest":"other"}', "0" * 64) is None
    assert kept.kept_manifest(b'{"files":{}}', "0" * 64) is None
    assert kept.kept_manifest(b"\xff", "0" * 64) is None
