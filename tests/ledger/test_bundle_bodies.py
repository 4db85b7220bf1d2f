"""Words leave with an answer for who may read them, written down before; all else stays sealed."""

import json
from pathlib import Path

import pytest

from answerable.ledger import bundle as form
from answerable.ledger.bundle import BundleDamaged
from answerable.ledger.domain import decode_entry
from answerable.ledger.note import VerifierKey, sign_note
from answerable.ledger.verify_bundle import BundleVerified, verify_bundle
from answerable.people.errors import PersonUnknown
from answerable.worker import verbs
from answerable.worker.commands import call
from answerable.worker.commands.office import Office
from exported import Exported, export, made, members, story
from second import second_verifier
from small_bundle import write


def verified(path: Path, key: VerifierKey) -> BundleVerified:
    return verify_bundle(path, [key])


@pytest.mark.parametrize("kind", ["decision", "case", "party", "everything"])
def test_its_owner_is_given_the_words_and_the_ledger_says_so(kind: str, tmp_path: Path) -> None:
    path, (view, key) = made(tmp_path, kind)
    found, held = verified(path, key), members(path)
    assert found.bodies == view.bodies > 0
    assert found.committed > 0
    assert found.bound == 0
    answer = json.loads(held["answer.json"])["bodies"]
    assert len(answer["given"]) == view.bodies
    assert answer["read"] == view.read
    if kind != "everything":
        read = decode_entry(held[f"entries/{view.read}.json"])
        assert (read.kind, read.changed("bodies")) == ("access.read", str(view.bodies))
        assert "@" not in held[f"entries/{view.read}.json"].decode()
    page = held["index.html"].decode()
    assert "Quexil" in page
    assert "<script" not in page
    assert second_verifier().main([str(path), "--vkey", key.encode()]) == 0


@pytest.mark.parametrize("kind", ["party", "everything"])
def test_a_strangers_file_sees_a_body_that_is_lacking_or_another(kind: str, tmp_path: Path) -> None:
    path, (_, key) = made(tmp_path, kind)
    held = members(path)
    body = next(name for name in held if name.startswith("bodies/"))
    manifest, seal = held.pop("MANIFEST"), held.pop("SEAL")
    vkey = ("--vkey", key.encode())
    for wrong in ({name: held[name] for name in held if name != body}, held | {body: b"{}"}):
        other = write(tmp_path / "other.zip", wrong, seal, manifest)
        assert second_verifier().main([str(other), *vkey]) == 1
    same = write(tmp_path / "same.zip", held, seal, manifest)
    assert second_verifier().main([str(same), *vkey]) == 0


def test_whole_keys_show_that_there_is_no_second_reading(tmp_path: Path) -> None:
    path, (view, key) = made(tmp_path, "case", is_whole=True)
    assert verified(path, key).bound == view.bodies > 0


def test_a_party_and_an_owner_are_answered_whole(tmp_path: Path) -> None:
    path, (_, key) = made(tmp_path, "party")
    assert verified(path, key).is_complete
    other, (_, key) = made(tmp_path / "two", "case")
    assert not verified(other, key).is_complete


def test_policy_sets_and_releases_that_decided_lie_beside_the_decision(tmp_path: Path) -> None:
    path, (view, _) = made(tmp_path, "decision")
    names = members(path).keys()
    assert view.missing == ()
    assert any(name.startswith("policies/") for name in names)
    assert any(name.startswith("releases/") for name in names)


def test_who_answers_for_nothing_is_given_nothing(tmp_path: Path) -> None:
    path, found = tmp_path / "case.zip", list[Exported]()

    async def told(office: Office) -> None:
        await call(office, verbs.PersonAdd("eve@acme.example", "Eve"))
        found.append(await export(office, path, "case", by="eve@acme.example"))

    story(tmp_path, told)
    view, key = found[0]
    assert (view.bodies, view.withheld > 0) == (0, True)
    assert verified(path, key).bodies == 0
    assert b"Quexil" not in path.read_bytes()
    told_of = json.loads(members(path)["answer.json"])["bodies"]["withheld"]
    assert {one["why"] for one in told_of} == {"not_allowed"}


def test_who_is_nobody_is_refused_and_nothing_is_written_down(tmp_path: Path) -> None:
    async def told(office: Office) -> None:
        before = office.house.hall.committer.size
        with pytest.raises(PersonUnknown):
            await export(office, tmp_path / "x.zip", "case", by="nobody@acme.example")
        assert office.house.hall.committer.size == before
        assert not (tmp_path / "x.zip").exists()

    story(tmp_path, told)


def test_bodies_that_were_not_written_down_before_do_not_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told(office: Office) -> None:
        async def broken(_: object) -> object:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(office.house.hall.committer, "commit", broken)
        with pytest.raises(OSError, match="space"):
            await export(office, tmp_path / "x.zip", "case")

    story(tmp_path, told)
    assert not list(tmp_path.glob("*.zip*"))


@pytest.mark.parametrize("folder", ["bodies/", "policies/", "releases/", "completeness"])
def test_what_lies_beside_is_checked_even_where_its_writer_signed_it(
    folder: str, tmp_path: Path
) -> None:
    """The company itself writes and signs another body, set or proof: its entries say otherwise."""
    path, again = tmp_path / "party.zip", tmp_path / "again.zip"

    async def told(office: Office) -> None:
        _, key = await export(office, path, "party")
        held = members(path)
        victim = next(name for name in held if name.startswith(folder))
        held[victim] = _spoiled(held[victim])
        text = held[form.SEAL].decode().partition("\n\n")[0] + "\n"
        await _signed_again(office, again, held, text)
        with pytest.raises(BundleDamaged, match=victim.partition("/")[0]):
            verify_bundle(again, [key])

    story(tmp_path, told)


def _spoiled(data: bytes) -> bytes:
    for old, new in ((b'"index":', b'"index":1'), (b"permit", b"forbid"), (b'"agent"', b'"agenT"')):
        if old in data:
            return data.replace(old, new, 1)
    return data.replace(b'"close":', b'"close":1', 1)


async def _signed_again(office: Office, to: Path, held: dict[str, bytes], text: str) -> None:
    with form.BundleWriter(to) as writer:
        for name in sorted(held.keys() - {form.MANIFEST, form.SEAL}):
            writer.add(name, held[name])
        lines = text.split("\n")
        asked = form.Asked(kind="party", of=json.loads(held["answer.json"])["asked"]["of"])
        head = (lines[1][4:], int(lines[2][5:]), lines[3][5:])
        made = int(lines[5][5:])
        seal = form.seal_text(head, asked, made, writer.manifest)
        writer.finish(await sign_note(seal, office.house.hall.committer.signer))
