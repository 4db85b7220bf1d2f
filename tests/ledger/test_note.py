"""A note is trusted when a known key signed it, byte for byte; the outside vectors agree."""

import asyncio
import json
from pathlib import Path
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.adapters.signers.file import FileSigner
from answerable.base.chance import SeededChance
from answerable.base.errors import Broken
from answerable.ledger.note import (
    Checkpoint,
    NoteError,
    VerifierKey,
    checkpoint_body,
    note_text,
    parse_checkpoint,
    sign_note,
    verify_checkpoint,
    verify_note,
    verify_signature,
)
from vectors import vectors

ROOT = bytes(range(32))
SIGNER = FileSigner("log.example/home", bytes(32))


class NoteVectors(TypedDict):
    keys: dict[str, str]
    bad_vkeys: list[str]
    bad_messages: list[str]
    skey: str
    text: str
    peterSig: str
    enochSig: str
    good: str
    c2sp_signed_note_example: dict[str, str]


def load() -> NoteVectors:
    path = vectors("ledger", "note", "signed_note_vectors.json")
    loaded: NoteVectors = json.loads(path.read_text())
    return loaded


def signed(text: str) -> str:
    return asyncio.run(sign_note(text, SIGNER))


def test_the_good_note_is_read_with_either_key_and_with_both() -> None:
    cases = load()
    keys = [VerifierKey.parse(vkey) for vkey in cases["keys"].values()]
    for known in (keys, keys[:1], keys[1:]):
        assert verify_note(cases["good"], known) == cases["text"]
    example = cases["c2sp_signed_note_example"]
    text = verify_note(example["note"], [VerifierKey.parse(example["vkey"])])
    assert text == "This is an example message.\n"


def test_keys_are_written_as_they_were_read() -> None:
    for vkey in load()["keys"].values():
        assert VerifierKey.parse(vkey).encode() == vkey


def test_bad_keys_and_bad_notes_are_refused() -> None:
    cases = load()
    keys = [VerifierKey.parse(vkey) for vkey in cases["keys"].values()]
    for vkey in cases["bad_vkeys"]:
        with pytest.raises(NoteError):
            VerifierKey.parse(vkey)
    for message in cases["bad_messages"]:
        with pytest.raises(NoteError):
            verify_note(message, keys)


def test_we_sign_as_others_sign(tmp_path: Path) -> None:
    cases = load()
    file = tmp_path / "peter.key"
    file.write_text(cases["skey"] + "\n")
    file.chmod(0o600)
    peter = FileSigner.open(file, name="PeterNeumann", chance=SeededChance(0))
    assert asyncio.run(sign_note(cases["text"], peter)) == f"{cases['text']}\n{cases['peterSig']}"


def test_a_note_that_no_known_key_signed_is_refused() -> None:
    other = FileSigner("log.example/home", b"\x01" * 32)
    with pytest.raises(NoteError, match="No known key"):
        verify_note(signed("text\n"), [other.vkey])
    with pytest.raises(NoteError, match="No known key"):
        verify_note(signed("text\n"), [])


def test_one_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    other = FileSigner("witness.example", b"\x01" * 32)
    ours = signed("text\n")
    theirs = asyncio.run(sign_note("another\n", other)).rpartition("\n\n")[2]
    assert verify_note(ours + theirs, [SIGNER.vkey]) == "text\n"  # unknown: ignored
    with pytest.raises(NoteError, match=r"witness\.example"):
        verify_note(ours + theirs, [SIGNER.vkey, other.vkey])


@pytest.mark.parametrize("text", ["no newline", "", "tab\t\n", "return\r\n"])
def test_text_that_is_not_a_notes_text_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        signed(text)


@given(st.integers(min_value=0, max_value=10_000), st.integers(min_value=1, max_value=255))
def test_no_byte_of_a_signed_checkpoint_can_be_changed(at: int, flip: int) -> None:
    note = bytearray(signed(checkpoint_body(SIGNER.name, 7, ROOT)).encode())
    note[at % len(note)] ^= flip
    with pytest.raises((NoteError, UnicodeDecodeError)):
        verify_checkpoint(note.decode(), [SIGNER.vkey])


@given(st.integers(min_value=0, max_value=2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_is_read_as_it_was_written(size: int, root: bytes) -> None:
    head = Checkpoint("log.example/home", size, root, ("extension",))
    assert parse_checkpoint(head.body()) == head
    assert note_text(signed(head.body())) == head.body()
    assert verify_checkpoint(signed(head.body()), [SIGNER.vkey]) == head


@pytest.mark.parametrize(
    "body",
    [
        "",
        "origin\n1\n",
        "origin\n01\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "origin\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "origin\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        "origin\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
        "origin\n1\nAAAA\n",
        "origin\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "origin\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
        "\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    ],
)
def test_a_checkpoint_that_is_not_written_as_it_must_be_is_refused(body: str) -> None:
    with pytest.raises(NoteError):
        parse_checkpoint(body)


def test_a_log_cannot_speak_for_another() -> None:
    note = signed(checkpoint_body("other.example", 7, ROOT))
    with pytest.raises(NoteError, match=r"other\.example"):
        verify_checkpoint(note, [SIGNER.vkey])


def test_a_checkpoint_that_cannot_be_is_not_written() -> None:
    for origin, size, root in [("", 1, ROOT), ("a\nb", 1, ROOT), ("a", -1, ROOT), ("a", 1, b"")]:
        with pytest.raises(NoteError):
            checkpoint_body(origin, size, root)


def test_signatures_agree_with_the_outside_vectors() -> None:
    groups = json.loads(vectors("ledger", "wycheproof", "ed25519_test.json").read_bytes())
    for group in groups["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            is_good = verify_signature(key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
            assert is_good == (case["result"] == "valid"), case["tcId"]


def test_a_signer_is_the_same_after_a_restart_and_its_file_is_its_owners_only(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.key"
    first = FileSigner.open(path, name="log.example/home", chance=SeededChance(1))
    again = FileSigner.open(path, name="log.example/home", chance=SeededChance(2))
    assert first.vkey == again.vkey
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_signers_key_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    signer = FileSigner.open(path, name="log.example/home", chance=SeededChance(1))
    secret = path.read_text().strip().rpartition("+")[2]
    assert secret not in repr(signer)
    path.write_text(path.read_text().replace("log.example", "other.example"))
    with pytest.raises(Broken) as error:
        FileSigner.open(path, name="log.example/home", chance=SeededChance(1))
    assert secret not in str(error.value)


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    FileSigner.open(path, name="log.example/home", chance=SeededChance(1))
    path.chmod(0o644)
    with pytest.raises(Broken, match="may be read by others"):
        FileSigner.open(path, name="log.example/home", chance=SeededChance(1))


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"PRIVATE+KEY+log.example/home+00000000+AQ=="]
)
def test_a_damaged_key_file_is_named_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(Broken, match="does not hold the signing key"):
        FileSigner.open(path, name="log.example/home", chance=SeededChance(1))
    assert path.read_bytes() == content
