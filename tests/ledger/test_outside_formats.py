"""Notes, canonical JSON and a log that others made: read by us, and by the stranger's file."""

import json
import re
from pathlib import Path

import msgspec
import pytest
import rfc8785

from answerable.ledger.domain import decode_entry, encode_entry
from answerable.ledger.note import NoteError, VerifierKey, verify_note
from answerable.ledger.tiles import TileReader
from answerable.ledger.tree import leaf_hash
from second import second_verifier
from small_ledger import SIGNER, ledger_of
from vectors import vectors

TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
TESSERA_FILES = 47


def test_each_bad_note_and_key_is_refused_by_both_and_the_good_are_read() -> None:
    second = second_verifier()
    cases = json.loads(vectors("ledger", "note", "signed_note_vectors.json").read_bytes())
    ours = [VerifierKey.parse(vkey) for vkey in cases["keys"].values()]
    theirs = [second.verifier_key(vkey) for vkey in cases["keys"].values()]
    assert len(cases["bad_vkeys"]) == 2
    for vkey in cases["bad_vkeys"]:
        with pytest.raises(NoteError):
            VerifierKey.parse(vkey)
        with pytest.raises(ValueError, match=r"its id|not an Ed25519|base64|[Pp]adding"):
            second.verifier_key(vkey)
    assert len(cases["bad_messages"]) == 7
    for note in cases["bad_messages"]:
        with pytest.raises(NoteError):
            verify_note(note, ours)
        with pytest.raises(ValueError, match=r"."):
            second.read_note(note, theirs)
    example = cases["c2sp_signed_note_example"]
    good = [(cases["good"], cases["keys"].values()), (example["note"], [example["vkey"]])]
    for note, vkeys in good:
        text, signers = second.read_note(note, [second.verifier_key(vkey) for vkey in vkeys])
        assert len(signers) == len(list(vkeys))
        assert text == verify_note(note, [VerifierKey.parse(vkey) for vkey in vkeys])


def test_a_note_may_have_a_hundred_signatures_for_everyone_and_no_more() -> None:
    second = second_verifier()
    ledger = ledger_of(1)
    text, line = ledger.checkpoint.rsplit("\n\n", 1)
    for count, is_good in ((100, True), (101, False)):
        note = f"{text}\n\n{line * count}"
        for read, key in (
            (verify_note, SIGNER.vkey),
            (second.read_note, second.verifier_key(SIGNER.vkey.encode())),
        ):
            try:
                read(note, [key])
            except (NoteError, ValueError):
                assert not is_good
            else:
                assert is_good


def test_what_rfc_8785_writes_is_canonical_where_it_lies_in_our_subset() -> None:
    second = second_verifier()
    inputs = sorted(vectors("ledger", "jcs", "input").iterdir())
    assert len(inputs) == 6
    for case in inputs:
        expected = (case.parents[1] / "output" / case.name).read_bytes()
        in_hex = (case.parents[1] / "outhex" / f"{case.stem}.txt").read_text()
        assert bytes.fromhex(in_hex) == expected
        assert rfc8785.dumps(json.loads(case.read_bytes())) == expected
        looks = re.fullmatch(second.pattern("m"), expected.decode(), re.ASCII) is not None
        assert looks == (case.name in {"french.json", "unicode.json", "weird.json"}), case.name
        assert _is_map_in_subset(expected) == (case.name == "unicode.json")
        change = b'{"change":%s,"id":"e","kind":"stop","seq":0,"ts":1,"v":1}' % expected
        if _is_map_in_subset(expected):
            assert encode_entry(decode_entry(change)) == change
            assert json.loads(second.match_entry(change)["change"]) == json.loads(expected)
            continue
        with pytest.raises(ValueError, match=r"canonical|ASCII"):
            second.match_entry(change)


def _is_map_in_subset(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=dict[str, str | int])
    except msgspec.DecodeError:
        return False
    return all(map(str.isascii, json.loads(data)))


def test_a_log_that_another_implementation_wrote_is_read_at_each_of_its_sizes() -> None:
    second = second_verifier()
    log = vectors("ledger", "tessera-testlog", "testdata", "log")
    files = {path for path in log.rglob("*") if path.is_file() and ".state" not in path.parts}
    assert len(files) == TESSERA_FILES
    key = second.verifier_key(TESSERA_KEY)
    tree = second.Log(second.Folder(log), second.Head(15, b""), [])
    for size in range(16):
        head = second.read_head((log / f"checkpoint.{size}").read_text(), [key])
        assert (head.size, head.root) == (size, tree.root())
        entries, is_whole = (
            second.read_entries(second.Folder(log), 0, size + 1) if size < 15 else ([], True)
        )
        if size < 15:
            assert is_whole, size
            assert entries == list(TileReader(log, size + 1).entries())
            leaf = leaf_hash(entries[size])
            assert second.read_hashes(second.Folder(log), 0, 0, size + 1)[size] == leaf
            tree.add(leaf)
    assert tree.above == []
    last = (log / "checkpoint").read_text()
    assert second.read_head(last, [key]).size == 15
    assert Path(log / "checkpoint.15").read_text() == last
