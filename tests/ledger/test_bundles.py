"""An answer goes to a stranger as one file, and whatever is changed in it is named."""

import asyncio
import os
import shutil
import zipfile
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import mkdtemp

import pytest

from answerable.base.errors import NotFound, UsageError
from answerable.ledger import bundle as form
from answerable.ledger.bundle import BundleDamaged
from answerable.ledger.note import (
    Checkpoint,
    NoteError,
    VerifierKey,
    verify_checkpoint,
    verify_note,
)
from answerable.ledger.verify_bundle import BundleVerified, verify_bundle
from answerable.worker import verbs
from answerable.worker.bundling.page import Row, Shown, Words, page
from answerable.worker.commands import call
from answerable.worker.verbs.bundles import BundleView
from offices import open_for, small_world

SOON = 2**53 - 1
SECRET = "Quexil"


@cache
def made() -> tuple[Path, VerifierKey, dict[str, int]]:
    """A folder with a bundle of each kind, the log's key, how many entries each answer has."""
    folder = Path(mkdtemp(prefix="answerable-bundles-"))

    async def scenario() -> tuple[VerifierKey, dict[str, int]]:
        world = await small_world(folder / "home")
        async with world.running() as life:
            for number in range(60):
                text = f"refund {SECRET}" if number % 10 == 0 else f"hello {SECRET}"
                await life.say(text, external_id=f"m{number}", sender=f"kim{number % 7}@a.example")
            await life.settled()
        async with open_for(world) as office:
            ids = {"everything": "", "agent": "support"}
            for seq in range(office.house.hall.committer.size):
                await office.index.follow(office.house.hall.engine)
                place = office.index.at(seq)
                entry = (await office.entry(place.id if place else ""))[0]
                if entry.kind == "decided" and entry.subject and entry.owner:
                    ids |= {
                        "decision": entry.id, "case": entry.case, "party": entry.subject.pid,
                        "owner": entry.owner.person,
                    }  # fmt: skip
            counts = {}
            for kind, of in ids.items():
                period = (0, SOON) if kind == "owner" else (None, None)
                verb = verbs.LedgerExport(str(folder / f"{kind}.zip"), kind, of, *period)
                view = await call(office, verb)
                assert isinstance(view, BundleView)
                counts[kind] = view.entries
            with pytest.raises(UsageError):
                await call(office, verbs.LedgerExport(str(folder / "case.zip"), "everything"))
            with pytest.raises(NotFound):
                await call(office, verbs.LedgerExport(str(folder / "no.zip"), "case", "cas_no"))
            with pytest.raises(UsageError):
                await call(office, verbs.LedgerExport(str(folder / "no.zip"), "owner", "per_1"))
            inside = folder / "home" / "x.zip"
            with pytest.raises(UsageError):
                await call(office, verbs.LedgerExport(str(inside), "everything"))
            return office.house.vkey, counts

    vkey, counts = asyncio.run(scenario())
    return folder, vkey, counts


def verified(kind: str) -> BundleVerified:
    folder, vkey, _ = made()
    return verify_bundle(folder / f"{kind}.zip", [vkey])


KINDS = ("decision", "case", "party", "owner", "agent", "everything")


@pytest.mark.parametrize("kind", KINDS)
def test_each_question_has_an_answer_that_verifies_with_nothing_but_the_key(kind: str) -> None:
    found = verified(kind)
    assert found.asked.kind == kind
    assert found.entries == made()[2][kind] > 0
    assert found.unread == ("index.html", "vkey")


@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_without_bodies_has_no_word_of_anybody(kind: str) -> None:
    data = (made()[0] / f"{kind}.zip").read_bytes()
    assert SECRET.encode() not in data
    assert b"a.example" not in data


def test_only_its_writer_may_read_it_and_nothing_else_is_left_beside_it() -> None:
    folder = made()[0]
    assert {path.stat().st_mode & 0o777 for path in folder.glob("*.zip")} == {0o600}
    assert {path.name for path in folder.iterdir()} == {"home", *(f"{kind}.zip" for kind in KINDS)}


def test_another_key_proves_nothing() -> None:
    other = VerifierKey(made()[1].name, bytes(32))
    with pytest.raises(BundleDamaged, match="checkpoint"):
        verify_bundle(made()[0] / "case.zip", [other])


def test_a_seal_is_no_checkpoint_and_a_checkpoint_no_seal(tmp_path: Path) -> None:
    folder, vkey, _ = made()
    with zipfile.ZipFile(folder / "case.zip") as lying:
        seal, checkpoint = lying.read(form.SEAL).decode(), lying.read("checkpoint").decode()
    verify_note(seal, [vkey])
    with pytest.raises(NoteError):
        verify_checkpoint(seal, [vkey])
    with pytest.raises(BundleDamaged, match="SEAL"):
        changed("case", tmp_path, but("SEAL", lambda _: checkpoint.encode()))


Change = Callable[[str, bytes], bytes | None]


def but(victim: str, change: Callable[[bytes], bytes | None]) -> Change:
    return lambda name, data: change(data) if name == victim else data


def written(path: Path, members: list[tuple[str, bytes]], **how: int) -> None:
    with zipfile.ZipFile(path, "w") as again:
        for name, data in members:
            info = zipfile.ZipInfo(name, form.EPOCH)
            info.create_system, info.external_attr = form.UNIX, how.get("mode", form.MODE)
            again.writestr(info, data, how.get("method", zipfile.ZIP_STORED))


def members_of(kind: str) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(made()[0] / f"{kind}.zip") as lying:
        return [(name, lying.read(name)) for name in lying.namelist()]


def changed(kind: str, folder: Path, change: Change) -> BundleVerified:
    members = [(name, change(name, data)) for name, data in members_of(kind)]
    written(folder / "b.zip", [(name, data) for name, data in members if data is not None])
    return verify_bundle(folder / "b.zip", [made()[1]])


def test_written_again_as_it_was_it_is_the_same_bytes(tmp_path: Path) -> None:
    changed("case", tmp_path, lambda _, data: data)
    assert (tmp_path / "b.zip").read_bytes() == (made()[0] / "case.zip").read_bytes()


@pytest.mark.parametrize("kind", ["case", "everything"])
def test_each_member_that_is_changed_or_missing_is_named(kind: str, tmp_path: Path) -> None:
    names = [name for name, _ in members_of(kind)]
    for victim in names:
        with pytest.raises(BundleDamaged):
            changed(kind, tmp_path, but(victim, lambda data: data[:-1] + bytes([data[-1] ^ 1])))
        with pytest.raises(BundleDamaged):
            changed(kind, tmp_path, but(victim, lambda _: None))


def test_a_flipped_byte_anywhere_is_found(tmp_path: Path) -> None:
    whole = (made()[0] / "decision.zip").read_bytes()
    for at in range(0, len(whole), max(len(whole) // 400, 1)):
        spoiled = bytearray(whole)
        spoiled[at] ^= 0x01
        (tmp_path / "b.zip").write_bytes(spoiled)
        with pytest.raises(BundleDamaged):
            verify_bundle(tmp_path / "b.zip", [made()[1]])


def test_each_byte_of_the_directory_and_the_end_is_looked_at(tmp_path: Path) -> None:
    whole = (made()[0] / "decision.zip").read_bytes()
    for at in range(whole.index(b"PK\x01\x02"), len(whole)):
        spoiled = bytearray(whole)
        spoiled[at] ^= 0x01
        (tmp_path / "b.zip").write_bytes(spoiled)
        with pytest.raises(BundleDamaged):
            verify_bundle(tmp_path / "b.zip", [made()[1]])


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../b", "a//b", "a/", ".", "x\\y", "a b", "\u00e9", "x" * 201]
)
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    written(tmp_path / "b.zip", [(name, b""), *members_of("case")])
    with pytest.raises(BundleDamaged):
        verify_bundle(tmp_path / "b.zip", [made()[1]])


def test_what_is_packed_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = [("answer.json", bytes(100_000_000)), ("MANIFEST", b""), ("SEAL", b"")]
    written(tmp_path / "b.zip", bomb, method=zipfile.ZIP_DEFLATED)
    assert (tmp_path / "b.zip").stat().st_size < 1_000_000
    with pytest.raises(BundleDamaged, match="stored"):
        verify_bundle(tmp_path / "b.zip", [made()[1]])


def test_a_link_a_second_member_of_a_name_and_hidden_bytes_are_refused(tmp_path: Path) -> None:
    path, keys = tmp_path / "b.zip", [made()[1]]
    written(path, members_of("case"), mode=0o120777 << 16)
    with pytest.raises(BundleDamaged, match="plain file"):
        verify_bundle(path, keys)
    twice = members_of("case")
    written(path, [twice[0], (twice[0][0].upper(), b""), *twice[1:]])
    with pytest.raises(BundleDamaged, match="twice"):
        verify_bundle(path, keys)
    whole = (made()[0] / "case.zip").read_bytes()
    for hidden in (b"hidden" + whole, whole + b"hidden"):
        path.write_bytes(hidden)
        with pytest.raises(BundleDamaged):
            verify_bundle(path, keys)
    for cut in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(BundleDamaged):
            verify_bundle(path, keys)
    with pytest.raises(BundleDamaged):
        verify_bundle(tmp_path / "none.zip", keys)


def test_a_member_that_begins_far_into_the_file_is_where_its_one_form_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond 2 GiB the library says where it begins in a field of its own; here, much earlier."""
    members, path, vkey = members_of("case"), tmp_path / "b.zip", made()[1]
    limit = 2 * max(len(data) for _, data in members)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    written(path, members)
    whole = path.read_bytes()
    field = whole.index(b"\x01\x00\x08\x00", whole.index(b"PK\x01\x02"))
    assert verify_bundle(path, [vkey]).entries
    path.write_bytes(whole[:field] + b"\x02" + whole[field + 1 :])
    with pytest.raises(BundleDamaged):
        verify_bundle(path, [vkey])
    path.write_bytes(whole)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", len(whole))
    with pytest.raises(BundleDamaged, match="not stored as it is"):
        verify_bundle(path, [vkey])


class _Looking(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def test_the_page_links_to_members_alone_and_runs_nothing() -> None:
    members = dict(members_of("decision"))
    looking = _Looking()
    looking.feed(members["index.html"].decode())
    assert "script" not in looking.tags
    assert set(looking.links) <= members.keys()
    assert "entries/" in " ".join(looking.links)
    assert "per_" in members["index.html"].decode()


def test_whatever_an_id_or_an_entry_says_it_is_text_on_the_page() -> None:
    hostile = "<script>alert(1)</script>\u202egnp\u200b"
    head = Checkpoint(hostile, 1, bytes(32))
    rows = [Row(0, hostile, hostile, hostile)]
    looking = _Looking()
    shown = Shown(form.Asked(kind="case", of=hostile), head, 1, 1)
    told = page(shown, rows, [Words(0, hostile, hostile)])
    looking.feed(told)
    assert "script" not in looking.tags
    assert not {"\u202e", "\u200b"} & set(told), "nothing on it turns a line around"


def test_a_disk_that_is_full_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with form.BundleWriter(tmp_path / "b.zip") as writer:
        writer.add("answer.json", b"{}")
        with pytest.raises(OSError, match="space"):
            writer.finish("seal")
    assert list(tmp_path.iterdir()) == []


def teardown_module() -> None:
    shutil.rmtree(made()[0], ignore_errors=True)
