"""Signature lines of keys that a verifier does not hold are passed over: keys and kinds change."""

from pathlib import Path

import pytest

from answerable.ledger import mldsa
from answerable.ledger.cosignature import ML_DSA_44, CosignerKey, cosign
from answerable.ledger.note import note_text
from answerable.ledger.verify_tiles import verify_tiles
from second import second_verifier
from small_ledger import SIGNER, ledger_of


def second_line(text: str) -> str:
    """The log's own name, another kind of key (C2SP tlog-cosignature, type 6)."""
    key = mldsa.private_key(b"m" * 32)
    return cosign(CosignerKey(SIGNER.name, ML_DSA_44, key.public_bytes()), key.sign, text, 0)


@pytest.mark.parametrize("is_first", [False, True])
@pytest.mark.parametrize("is_broken", [False, True])
def test_an_ml_dsa_line_beside_the_logs_own_says_nothing_to_who_has_no_key_of_it(
    tmp_path: Path, *, is_first: bool, is_broken: bool
) -> None:
    folder = tmp_path / "ledger"
    ledger_of(7).publish(folder)
    file = folder / "checkpoint"
    note = file.read_text(encoding="utf-8")
    text, own = note_text(note), note.rpartition("\n\n")[2]
    more = second_line("other.example\n" + text.partition("\n")[2] if is_broken else text)
    lines = [more, own] if is_first else [own, more]
    file.write_text(f"{text}\n{''.join(lines)}", encoding="utf-8")
    vkey = SIGNER.vkey.encode()
    assert verify_tiles(folder, [SIGNER.vkey]).problem is None
    assert second_verifier().main([str(folder), "--vkey", vkey]) == 0
    file.write_text(f"{text}\n{more}", encoding="utf-8")
    assert verify_tiles(folder, [SIGNER.vkey]).problem is not None
    assert second_verifier().main([str(folder), "--vkey", vkey]) != 0, "that line alone is none"
