"""A proof file shows that one entry is in the ledger, to somebody who has nothing else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.adapters.signers.file import FileSigner
from answerable.ledger.note import NoteError
from answerable.ledger.proof import Proof, parse_proof, prove, verify_proof
from answerable.ledger.tiles import TileReader
from answerable.ledger.tree import ProofError
from small_ledger import KEYS, ledger_of


def proof_of(folder: Path, index: int, *batches: int) -> tuple[str, bytes]:
    ledger = ledger_of(*batches)
    ledger.publish(folder)
    reader = TileReader(folder, sum(batches))
    return prove(index, ledger.checkpoint, reader).encode(), ledger.data()[index]


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 9), (4, 9), (8, 9), (299, 300)])
def test_an_entry_is_proven_with_nothing_but_its_bytes_and_the_key(
    tmp_path: Path, index: int, size: int
) -> None:
    text, entry = proof_of(tmp_path, index, size)
    assert verify_proof(text, entry, KEYS).size == size


def test_a_proof_shows_no_other_entry_and_no_other_place(tmp_path: Path) -> None:
    text, entry = proof_of(tmp_path, 4, 9)
    with pytest.raises(ProofError):
        verify_proof(text, entry + b" ", KEYS)
    with pytest.raises(ProofError):
        verify_proof(text.replace("index 4", "index 5"), entry, KEYS)
    stranger = FileSigner("log.example/home", b"\x01" * 32)
    with pytest.raises(NoteError):
        verify_proof(text, entry, [stranger.vkey])


def test_no_byte_of_a_proof_can_be_changed(tmp_path: Path) -> None:
    text, entry = proof_of(tmp_path, 4, 9)
    data = text.encode()
    for at in range(len(data)):
        for flip in (1, 2, 0x20, 0x80):
            changed = bytearray(data)
            changed[at] ^= flip
            with pytest.raises((ProofError, NoteError, UnicodeDecodeError)):
                verify_proof(changed.decode(), entry, KEYS)


@given(st.binary(max_size=40), st.integers(min_value=0, max_value=2**63 - 1), st.integers(0, 5))
def test_a_proof_is_read_as_it_was_written(extra: bytes, index: int, hashes: int) -> None:
    proof = Proof(index, tuple(bytes([n]) * 32 for n in range(hashes)), "a\n\nb\n", extra)
    assert parse_proof(proof.encode()) == proof


def test_the_form_is_the_one_of_the_specification() -> None:
    proof = Proof(5, (bytes(32),), "checkpoint\n", b"more")
    assert proof.encode() == (
        "c2sp.org/tlog-proof@v1\n"
        "extra bW9yZQ==\n"
        "index 5\n"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
        "\n"
        "checkpoint\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a proof\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v1\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 01\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex nine\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra !!\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\ncheckpoint\n",
    ],
)
def test_what_is_not_a_proof_is_refused(text: str) -> None:
    with pytest.raises((ProofError, NoteError)):
        parse_proof(text)


def test_a_proof_is_made_for_the_checkpoint_it_carries(tmp_path: Path) -> None:
    ledger = ledger_of(9)
    ledger.publish(tmp_path)
    with pytest.raises(ProofError, match="of 9 entries"):
        prove(4, ledger.checkpoint, TileReader(tmp_path, 8))
