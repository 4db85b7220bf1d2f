"""Nothing of a ledger can be changed, left out, put in or put back without being found."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from answerable.adapters.signers.file import FileSigner
from answerable.engine.port import Record
from answerable.ledger.domain import SEAL_KIND, AgentRef, LeafProblem, Owner, PolicyUse, Seal
from answerable.ledger.note import NoteError
from answerable.ledger.tiles import decode_bundle, encode_bundle
from answerable.ledger.tree import leaf_hash
from answerable.ledger.verify import FeedVerifier, Verified, verify_feed
from answerable.ledger.verify_tiles import verify_tiles
from small_ledger import KEYS, SIGNER, Ledger, feed, ledger_of


@pytest.fixture
def ledger() -> Ledger:
    """Ten entries in three batches: 0-2, 3, 4-9."""
    return ledger_of(3, 1, 6)


def verdict(records: Sequence[Record], *earlier: str) -> Verified:
    return asyncio.run(verify_feed(feed(records), KEYS, earlier))


def problem(records: Sequence[Record], *earlier: str) -> LeafProblem:
    found = verdict(records, *earlier).problem
    assert found is not None
    return found


def at_entry(ledger: Ledger, index: int) -> int:
    """Where the entry of this index lies in the feed."""
    return next(n for n, r in enumerate(ledger.records) if r.key == f"ent_{index}")


def with_record(records: Sequence[Record], at: int, record: Record) -> list[Record]:
    return [*records[:at], record, *records[at + 1 :]]


def with_seal(records: Sequence[Record], at: int, **changed: object) -> list[Record]:
    seal = msgspec.structs.replace(msgspec.json.decode(records[at].data, type=Seal), **changed)
    return with_record(records, at, replace(records[at], data=msgspec.json.encode(seal)))


def seals(ledger: Ledger) -> list[int]:
    return [n for n, r in enumerate(ledger.records) if r.kind == SEAL_KIND]


def test_a_whole_ledger_is_good(ledger: Ledger) -> None:
    assert verdict(ledger.records) == Verified(10, ledger.tree.root().hex(), 3, None)
    assert verdict([]) == Verified(0, Ledger().tree.root().hex(), 0, None)


def test_every_changed_byte_of_an_entry_is_found_and_located(ledger: Ledger) -> None:
    for index in (0, 3, 6):
        at = at_entry(ledger, index)
        record = ledger.records[at]
        for byte in range(len(record.data)):
            for flip in (0x01, 0x10, 0x80):
                data = bytearray(record.data)
                data[byte] ^= flip
                changed = with_record(ledger.records, at, replace(record, data=bytes(data)))
                found = problem(changed)
                assert found.index == index
                assert "it is not what was signed" in found.problem


def test_every_changed_byte_of_a_body_is_found_and_located(ledger: Ledger) -> None:
    at = at_entry(ledger, 4)
    record = ledger.records[at]
    assert record.body is not None
    for byte in range(len(record.body)):
        body = bytearray(record.body)
        body[byte] ^= 1
        changed = with_record(ledger.records, at, replace(record, body=bytes(body)))
        assert problem(changed) == LeafProblem(4, "its body is not the one that it commits to")


def test_a_body_taken_away_or_put_there_is_found(ledger: Ledger) -> None:
    at = at_entry(ledger, 4)
    gone = with_record(ledger.records, at, replace(ledger.records[at], body=None))
    assert problem(gone) == LeafProblem(4, "its body is missing")
    at = at_entry(ledger, 5)
    more = with_record(ledger.records, at, replace(ledger.records[at], body=b"more"))
    assert problem(more) == LeafProblem(5, "it has a body that it does not commit to")


def test_every_changed_byte_of_a_seal_is_found_and_laid_to_the_seal(ledger: Ledger) -> None:
    at = seals(ledger)[2]
    record = ledger.records[at]
    for byte in range(len(record.data)):
        data = bytearray(record.data)
        data[byte] ^= 1
        found = problem(with_record(ledger.records, at, replace(record, data=bytes(data))))
        assert 4 <= found.index < 10
        assert "seal" in found.problem or "signed checkpoint" in found.problem
        assert "it is not what was signed" not in found.problem


def test_the_seals_own_fields_are_held_to_its_signature(ledger: Ledger) -> None:
    at = seals(ledger)[2]
    seal = msgspec.json.decode(ledger.records[at].data, type=Seal)
    other = "00" * 32
    altered = [*seal.leaves[:2], other, *seal.leaves[3:]]
    assert problem(with_seal(ledger.records, at, leaves=tuple(altered))) == LeafProblem(
        6, "it is what was signed, but its leaf in the seal was altered"
    )
    assert problem(with_seal(ledger.records, at, root=other)).index == 4
    assert "compact range" in problem(with_seal(ledger.records, at, range=(other,))).problem
    assert problem(with_seal(ledger.records, at, size=11)).index == 4
    assert problem(with_seal(ledger.records, at, leaves=seal.leaves[1:])).index == 4
    renamed = replace(ledger.records[at], key="ckp_11")
    assert problem(with_record(ledger.records, at, renamed)).index == 4


@pytest.mark.parametrize("index", [0, 2, 3, 5, 9])
def test_an_entry_left_out_is_named(ledger: Ledger, index: int) -> None:
    at = at_entry(ledger, index)
    found = problem([*ledger.records[:at], *ledger.records[at + 1 :]])
    assert found.index == index


@pytest.mark.parametrize("index", [0, 4, 9])
def test_an_entry_kept_under_another_kind_or_key_is_named(ledger: Ledger, index: int) -> None:
    at = at_entry(ledger, index)
    for changed in (
        replace(ledger.records[at], kind="stop"),
        replace(ledger.records[at], kind="step"),
        replace(ledger.records[at], key="ent_other"),
    ):
        assert problem(with_record(ledger.records, at, changed)).index == index


def test_entries_that_changed_places_are_found(ledger: Ledger) -> None:
    for first, second in ((4, 5), (5, 9), (2, 3), (0, 9)):
        records = list(ledger.records)
        one, two = at_entry(ledger, first), at_entry(ledger, second)
        records[one], records[two] = records[two], records[one]
        assert problem(records).index == first


def test_an_entry_put_in_between_is_found(ledger: Ledger) -> None:
    at = at_entry(ledger, 5)
    found = problem([*ledger.records[: at + 1], ledger.records[at], *ledger.records[at + 1 :]])
    assert found.index == 6


def test_a_seal_left_out_or_signed_by_a_stranger_is_found(ledger: Ledger) -> None:
    first, second, last = seals(ledger)
    records = ledger.records
    assert problem([*records[:second], *records[second + 1 :]]).index == 3
    assert problem([*records[:first], *records[first + 1 :]]).index == 0
    assert problem([*records[:last], *records[last + 1 :]]) == LeafProblem(
        4, "no signed checkpoint covers it"
    )
    stranger = FileSigner(SIGNER.name, b"\x01" * 32)
    forged = ledger_of(3, 1)
    forged.batch(6, stranger)
    assert problem(forged.records).index == 4


def test_the_first_of_several_problems_is_named(ledger: Ledger) -> None:
    records = list(ledger.records)
    for index in (8, 6):
        at = at_entry(ledger, index)
        data = records[at].data.replace(b'"v":1', b'"v":2')
        records[at] = replace(records[at], data=data)
    assert problem(records).index == 6
    moved = replace(ledger.records[at_entry(ledger, 5)])
    data = moved.data.replace(b"pty_3", b"pty_2")  # breaks pty_3's count, but only at 8
    assert data != moved.data
    assert (
        problem(with_record(ledger.records, at_entry(ledger, 5), replace(moved, data=data))).index
        == 5
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"seq": 9}, "says that it is entry 9"),
        ({"owner": None, "oseq": None}, "names no accountable owner"),
        ({"owner": None}, "names no accountable owner"),
        ({"oseq": None}, "counter of 'per_ada' is 0, not 2"),
        ({"oseq": 3}, "counter of 'per_ada' is 3, not 2"),
        ({"owner": Owner(person="per_eve", accepted_at=0), "oseq": 2}, "'per_eve' is 2, not 1"),
        ({"kind": "outcome", "owner": None}, "counts for an owner whom it does not name"),
        ({"owner": Owner(person="per_ada", accepted_at=5)}, "'per_ada' accepted nothing at 5"),
        ({"owner": Owner(person="per_ada", accepted_at=9)}, "'per_ada' accepted nothing at 9"),
        ({"owner": Owner(person="per_ada", accepted_at=1)}, "and 'per_ben' accepted at 1"),
        ({"owner": Owner(person="per_ada", accepted_at=0, via="per_ben")}, "accepted at 0"),
        ({"agent": AgentRef(id="sales", release="rel_1")}, "accepted at 0 was 'support'"),
        ({"agent": AgentRef(id="support", release="rel_2")}, "'rel_2' was not registered"),
        ({"policy": (PolicyUse(context="00", set="set_2", verdict="allow"),)}, "not its release's"),
    ],
)
def test_what_the_key_holder_signed_wrongly_is_found(
    changed: dict[str, object], reason: str
) -> None:
    ledger = ledger_of(8)
    entry, body = ledger.entry(**changed)  # a decision of per_ada's
    ledger.seal([ledger.add(entry, body).hex()])
    found = problem(ledger.records)
    assert found.index == 8
    assert reason in found.problem


def test_a_decision_left_out_by_the_key_holder_is_missed_by_the_counters() -> None:
    ledger = ledger_of(2)
    ledger.next("s/pty_1")  # counted, never written
    ledger.batch(5)
    found = problem(ledger.records)
    assert found == LeafProblem(3, "its counter of 'pty_1' is 2, not 1")


def test_an_entry_that_is_not_canonical_is_found_though_it_was_signed() -> None:
    for spaced in (b'{"change":{"\xc3\xa9":1},', b"{ "):
        ledger = ledger_of(1)
        data = ledger.records[0].data.replace(b"{", spaced, 1)
        again = Ledger()
        again.tree.append(leaf_hash(data))
        again.records.append(replace(ledger.records[0], data=data))
        again.seal([leaf_hash(data).hex()])
        assert problem(again.records) == LeafProblem(0, "it is not in canonical form")


def test_a_cut_tail_is_found_by_who_saved_a_checkpoint(ledger: Ledger) -> None:
    kept = ledger_of(3, 1)
    assert verdict(kept.records).problem is None
    found = problem(kept.records, ledger.checkpoint)
    assert found.index == 4
    assert "speaks of 10 entries" in found.problem
    assert verdict(ledger.records, kept.checkpoint, ledger.checkpoint).problem is None


def test_a_history_rewritten_by_the_key_holder_is_found_by_who_saved_a_checkpoint(
    ledger: Ledger,
) -> None:
    forged = ledger_of(3)
    entry, body = forged.entry(ts=1)
    forged.seal([forged.add(entry, body).hex()])
    forged.batch(6)
    assert verdict(forged.records).problem is None
    saved = ledger_of(3).checkpoint, ledger_of(3, 1).checkpoint, ledger.checkpoint
    assert problem(forged.records, *saved).index == 3
    found = problem(forged.records, saved[2])
    assert found.index == 0
    assert "before 10" in found.problem
    assert verdict(forged.records, saved[0]).problem is None


def test_two_forks_cannot_both_be_shown_to_one_auditor(ledger: Ledger) -> None:
    fork = ledger_of(3)
    entry, body = fork.entry(actor="per_other")
    fork.seal([fork.add(entry, body).hex()])
    assert verdict(fork.records).problem is None
    assert verdict(ledger.records).problem is None
    assert problem(ledger.records, fork.checkpoint).index == 0
    verifier = FeedVerifier(KEYS)
    verifier.against(ledger_of(3).checkpoint)
    verifier.against(fork.checkpoint)
    for record in ledger.records:
        verifier.take(record)
    found = verifier.finish().problem
    assert found is not None
    assert found.index == 3


def test_an_earlier_checkpoint_that_nobody_known_signed_is_refused(ledger: Ledger) -> None:
    stranger = FileSigner(SIGNER.name, b"\x01" * 32)
    other = Ledger()
    other.batch(3, stranger)
    with pytest.raises(NoteError):
        verdict(ledger.records, other.checkpoint)


def test_published_files_are_good_and_fit_the_feed(tmp_path: Path) -> None:
    ledger = ledger_of(300, 250, 1)
    ledger.publish(tmp_path)
    assert verify_tiles(tmp_path, KEYS) == Verified(551, ledger.tree.root().hex(), 1, None)
    assert verdict(ledger.records, (tmp_path / "checkpoint").read_text()).problem is None
    assert verify_tiles(tmp_path, KEYS, [ledger_of(300).checkpoint]).problem is None
    found = verify_tiles(tmp_path, KEYS, [ledger_of(299, 300).checkpoint]).problem
    assert found is not None
    assert found.index == 551


def test_every_changed_byte_of_a_published_entry_is_found_and_located(tmp_path: Path) -> None:
    ledger = ledger_of(10)
    ledger.publish(tmp_path)
    bundle = tmp_path / "tile" / "entries" / "000.p" / "10"
    data = bundle.read_bytes()
    entries = decode_bundle(data)
    start = len(encode_bundle(entries[:4]))
    for byte in range(start, start + 2 + len(entries[4])):
        changed = bytearray(data)
        changed[byte] ^= 0x01
        bundle.write_bytes(bytes(changed))
        found = verify_tiles(tmp_path, KEYS).problem
        assert found is not None
        assert found.index == 4
        assert "it is not what was signed" in found.problem or byte < start + 2


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("tile/0/000", 255),
        ("tile/0/001", 511),
        ("tile/0/002.p/39", 550),
        ("tile/1/000.p/2", 256),
        ("tile/entries/000", 255),
        ("tile/entries/002.p/39", 550),
    ],
)
def test_a_damaged_file_is_found_and_located(tmp_path: Path, name: str, index: int) -> None:
    ledger_of(551).publish(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    found = verify_tiles(tmp_path, KEYS).problem
    assert found is not None
    assert found.index == index
    for content in (whole[:-1], whole + b"\x00\x00", b""):
        (tmp_path / name).write_bytes(content)
        assert verify_tiles(tmp_path, KEYS).problem is not None
    (tmp_path / name).unlink()
    assert verify_tiles(tmp_path, KEYS).problem is not None


def test_files_without_a_checkpoint_of_a_known_key_are_not_believed(tmp_path: Path) -> None:
    ledger_of(9).publish(tmp_path)
    stranger = FileSigner(SIGNER.name, b"\x01" * 32)
    assert verify_tiles(tmp_path, [stranger.vkey]).problem is not None
    (tmp_path / "checkpoint").unlink()
    assert verify_tiles(tmp_path, KEYS).problem is not None


def test_files_rewritten_throughout_do_not_fit_the_signed_root(tmp_path: Path) -> None:
    ledger = ledger_of(9)
    ledger.publish(tmp_path)
    signed = (tmp_path / "checkpoint").read_bytes()
    other = ledger_of(8)
    entry, body = other.entry(ts=1)
    other.seal([other.add(entry, body).hex()])
    other.publish(tmp_path / "other")
    (tmp_path / "other" / "checkpoint").write_bytes(signed)
    found = verify_tiles(tmp_path / "other", KEYS).problem
    assert found is not None
    assert "not the signed root" in found.problem


def test_counters_are_checked_in_published_files_too(tmp_path: Path) -> None:
    ledger = ledger_of(2)
    ledger.next("s/pty_1")
    ledger.batch(5)
    ledger.publish(tmp_path)
    found = verify_tiles(tmp_path, KEYS).problem
    assert found == LeafProblem(3, "its counter of 'pty_1' is 2, not 1")
