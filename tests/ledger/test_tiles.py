"""What is published is what C2SP tlog-tiles says, and can be made again from the entries."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from answerable.adapters.signers.file import FileSigner
from answerable.base.errors import Broken
from answerable.ledger.note import (
    VerifierKey,
    checkpoint_body,
    note_text,
    parse_checkpoint,
    sign_note,
    verify_checkpoint,
)
from answerable.ledger.tiles import (
    TileMissing,
    TileReader,
    TilesAhead,
    TileWriter,
    decode_bundle,
    decode_tile,
    encode_bundle,
    entries_path,
    read_checkpoint,
    tile_path,
)
from answerable.ledger.tree import (
    consistency_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from vectors import vectors

SIGNER = FileSigner("log.example/home", bytes(32))
TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


def entries_of(size: int) -> list[bytes]:
    return [f"entry {index}".encode() for index in range(size)]


def checkpoint_of(entries: list[bytes]) -> str:
    root = root_of(leaf_hash(entry) for entry in entries)
    return asyncio.run(sign_note(checkpoint_body(SIGNER.name, len(entries), root), SIGNER))


def published(folder: Path, *sizes: int) -> TileWriter:
    writer = TileWriter(folder, sync=False)
    for size in sizes:
        entries = entries_of(size)
        first = writer.size_on_disk()
        writer.publish(first, entries[first:], checkpoint_of(entries))
    return writer


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_paths_are_those_of_the_specification() -> None:
    assert tile_path(0, 0) == "tile/0/000"
    assert tile_path(1, 1234067) == "tile/1/x001/x234/067"
    assert tile_path(2, 1000, 17) == "tile/2/x001/000.p/17"
    assert entries_path(70_000) == "tile/entries/x070/000"
    assert entries_path(3, 255) == "tile/entries/003.p/255"


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_is_read_as_it_was_written_and_not_when_cut(entries: list[bytes]) -> None:
    data = encode_bundle(entries)
    assert decode_bundle(data) == entries
    if data:
        with pytest.raises(TileMissing):
            decode_bundle(data[:-1])


def test_what_no_bundle_or_tile_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="65536"):
        encode_bundle([bytes(65_536)])
    with pytest.raises(TileMissing):
        decode_tile(bytes(33))
    with pytest.raises(TileMissing):
        decode_tile(bytes(32 * 257))


def test_a_tree_of_70_000_has_the_tiles_that_the_specification_counts(tmp_path: Path) -> None:
    published(tmp_path, 70_000)
    tiles = [name for name in files_in(tmp_path) if name.startswith("tile/")]
    assert sum(name.startswith("tile/0/") for name in tiles) == 273 + 1
    assert "tile/0/273.p/112" in tiles
    assert "tile/entries/273.p/112" in tiles
    assert [name for name in tiles if name.startswith("tile/1/")] == [
        "tile/1/000",
        "tile/1/001.p/17",
    ]
    assert [name for name in tiles if name.startswith("tile/2/")] == ["tile/2/000.p/1"]


def test_a_tree_of_256_is_one_full_tile_and_a_partial_one_above(tmp_path: Path) -> None:
    published(tmp_path, 100, 256)
    assert set(files_in(tmp_path)) == {
        "checkpoint",
        "tile/0/000",
        "tile/1/000.p/1",
        "tile/entries/000",
    }


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=400), min_size=1, max_size=5))
def test_however_it_was_published_it_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int]
) -> None:
    sizes = [sum(steps[: n + 1]) for n in range(len(steps))]
    piecemeal, at_once = tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("b")
    for size in sizes:
        published(piecemeal, size)  # a writer that was just started, each time
    published(at_once, sizes[-1])
    kept = files_in(piecemeal)
    assert files_in(at_once).items() <= kept.items()
    reader = TileReader(piecemeal, sizes[-1])
    assert list(reader.entries()) == entries_of(sizes[-1])
    for size in sizes:  # a reader who holds an older checkpoint still finds what it speaks of
        assert list(TileReader(piecemeal, size).entries()) == entries_of(size)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_proofs_come_out_of_the_tiles(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "proofs"
    if not folder.exists():
        published(folder, 700)
    leaves = [leaf_hash(entry) for entry in entries_of(700)]
    size = data.draw(st.integers(min_value=1, max_value=700))
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    older = data.draw(st.integers(min_value=1, max_value=size))
    reader = TileReader(folder, size)
    root = root_of(leaves[:size])
    assert reader.entry(index) == entries_of(700)[index]
    verify_inclusion(leaves[index], index, size, reader.inclusion_proof(index), root)
    proof = consistency_proof(older, size, reader.node)
    verify_consistency(older, size, proof, root_of(leaves[:older]), root)


def test_publishing_twice_changes_nothing(tmp_path: Path) -> None:
    writer = published(tmp_path, 300)
    before = files_in(tmp_path)
    writer.publish(0, entries_of(300), checkpoint_of(entries_of(300)))
    assert files_in(tmp_path) == before


def test_a_crash_before_the_checkpoint_is_made_good(tmp_path: Path) -> None:
    published(tmp_path, 250)
    old = (tmp_path / "checkpoint").read_bytes()
    published(tmp_path, 260)
    (tmp_path / "checkpoint").write_bytes(old)  # as if it had died before the last rename
    writer = TileWriter(tmp_path)
    assert writer.size_on_disk() == 250
    published(tmp_path, 260)
    fresh = tmp_path / "fresh"
    published(fresh, 260)
    assert TileWriter(tmp_path).size_on_disk() == 260
    assert read_checkpoint(tmp_path) == read_checkpoint(fresh)


@pytest.mark.parametrize(
    "name", ["checkpoint", "tile/0/001.p/44", "tile/entries/001.p/44", "tile/1/000.p/1"]
)
def test_damaged_files_are_built_again(tmp_path: Path, name: str) -> None:
    published(tmp_path, 300)
    whole = files_in(tmp_path)
    damaged = bytearray(whole[name])
    damaged[-1] ^= 1
    for content in (bytes(damaged), whole[name][:-1], b""):
        (tmp_path / name).write_bytes(content)
        writer = TileWriter(tmp_path, sync=False)
        assert writer.size_on_disk() in {0, 300}  # a checkpoint's signature is not looked at
        writer.publish(0, entries_of(300), checkpoint_of(entries_of(300)))
        if name != "checkpoint":
            assert writer.size_on_disk() == 300
        writer.rebuild(entries_of(300), checkpoint_of(entries_of(300)))
        assert files_in(tmp_path) == whole


def test_rebuilding_removes_what_is_not_the_ledgers(tmp_path: Path) -> None:
    writer = published(tmp_path / "a", 10, 300)
    writer.rebuild(iter(entries_of(20)), checkpoint_of(entries_of(20)))
    published(tmp_path / "b", 20)
    assert files_in(tmp_path / "a") == files_in(tmp_path / "b")


def test_a_checkpoint_that_is_not_over_these_entries_is_not_published(tmp_path: Path) -> None:
    writer = published(tmp_path, 10)
    before = files_in(tmp_path)
    other = [*entries_of(19), b"another"]
    with pytest.raises(TilesAhead):
        writer.publish(10, entries_of(20)[10:], checkpoint_of(other))
    with pytest.raises(TilesAhead):  # a ledger put back to an earlier state
        writer.publish(0, entries_of(5), checkpoint_of(entries_of(5)))
    with pytest.raises(ValueError, match="left out"):
        writer.publish(11, entries_of(20)[11:], checkpoint_of(entries_of(20)))
    assert files_in(tmp_path) == before
    published(tmp_path, 20)


def test_a_full_disk_leaves_the_published_log_as_it_was(tmp_path: Path) -> None:
    writer = published(tmp_path, 200)
    blocked = tmp_path / "tile" / "1"
    blocked.write_bytes(b"")  # where a folder must be
    with pytest.raises(Broken, match="could not be written"):
        writer.publish(200, entries_of(300)[200:], checkpoint_of(entries_of(300)))
    assert writer.size_on_disk() == 200
    assert list(TileReader(tmp_path, 200).entries()) == entries_of(200)
    blocked.unlink()
    writer.publish(200, entries_of(300)[200:], checkpoint_of(entries_of(300)))
    assert writer.size_on_disk() == 300


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TileMissing, match="nothing was published"):
        read_checkpoint(tmp_path)
    with pytest.raises(TileMissing, match="is not there"):
        TileReader(tmp_path, 5).entry(0)
    with pytest.raises(TileMissing, match="no entry 5"):
        TileReader(tmp_path, 5).entry(5)
    published(tmp_path, 5)
    with pytest.raises(TileMissing, match="whole subtree"):
        TileReader(tmp_path, 5).node(2, 1)


def test_another_implementations_log_is_read_and_written_byte_for_byte(tmp_path: Path) -> None:
    log = vectors("ledger", "tessera-testlog", "testdata", "log")
    vkey = VerifierKey.parse(TESSERA_KEY)
    entries = list(TileReader(log, 15).entries())
    assert entries[:3] == [b"one", b"two", b"three"]
    for size in range(16):
        checkpoint = (log / f"checkpoint.{size}").read_text()
        head = verify_checkpoint(checkpoint, [vkey])
        assert head.size == size
        assert head.root == root_of(leaf_hash(entry) for entry in entries[:size])
        assert parse_checkpoint(note_text(checkpoint)) == head
        writer = TileWriter(tmp_path)
        writer.publish(writer.size_on_disk(), entries[writer.size_on_disk() : size], checkpoint)
    theirs = {
        name: data
        for name, data in files_in(log).items()
        if name == "checkpoint" or name.startswith("tile/")
    }
    assert files_in(tmp_path) == theirs
