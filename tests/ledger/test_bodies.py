"""A body opens with its key, under its id, unchanged, and in no other way."""

import hmac
import json

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from answerable.ledger import bodies
from answerable.ledger.bodies import BodyUnreadable, commit, expand, new_kid, open_body, seal
from vectors import vectors

KEY = bytes(range(32))
NONCE = bytes(12)


@given(st.binary(max_size=300), st.text(max_size=40), st.binary(min_size=12, max_size=12))
def test_what_was_sealed_is_what_opens(plaintext: bytes, body_id: str, nonce: bytes) -> None:
    sealed = seal(KEY, body_id, plaintext, nonce)
    assert open_body(KEY, new_kid(KEY), body_id, sealed) == plaintext
    assert len(sealed) == 12 + len(plaintext) + 16


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_no_byte_of_a_sealed_body_can_be_changed(at: int, flip: int) -> None:
    sealed = bytearray(seal(KEY, "bod_1", b"Where is my order?", NONCE))
    sealed[at % len(sealed)] ^= flip
    with pytest.raises(BodyUnreadable):
        open_body(KEY, new_kid(KEY), "bod_1", bytes(sealed))


def test_a_body_does_not_open_under_another_id_or_key() -> None:
    sealed = seal(KEY, "bod_1", b"text", NONCE)
    other = bytes(32)
    with pytest.raises(BodyUnreadable, match="not as it was sealed"):
        open_body(KEY, new_kid(KEY), "bod_2", sealed)
    with pytest.raises(BodyUnreadable, match="not as it was sealed"):
        open_body(other, new_kid(other), "bod_1", sealed)
    with pytest.raises(BodyUnreadable, match="The key is not"):
        open_body(other, new_kid(KEY), "bod_1", sealed)
    with pytest.raises(BodyUnreadable, match="cut short"):
        open_body(KEY, new_kid(KEY), "bod_1", sealed[:27])


def test_sealing_twice_under_one_id_repeats_nothing() -> None:
    first = seal(KEY, "bod_1", b"text", NONCE)
    again = seal(KEY, "bod_1", b"text", b"\x01" * 12)
    assert first[12:] != again[12:]


def test_a_nonce_or_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="nonce"):
        seal(KEY, "bod_1", b"", b"short")
    with pytest.raises(ValueError, match="key"):
        seal(b"short", "bod_1", b"", NONCE)
    with pytest.raises(BodyUnreadable):
        open_body(b"short", new_kid(KEY), "bod_1", bytes(40))


def test_errors_show_neither_key_nor_text() -> None:
    sealed = seal(KEY, "bod_1", b"secret words", NONCE)
    with pytest.raises(BodyUnreadable) as error:
        open_body(KEY, new_kid(KEY), "bod_2", sealed)
    shown = f"{error.value} {error.value!r}"
    assert KEY.hex() not in shown
    assert "secret words" not in shown
    assert error.value.__suppress_context__


@given(st.text(max_size=20), st.binary(max_size=20), st.text(max_size=20), st.binary(max_size=20))
def test_two_commitments_are_equal_only_for_the_same_name_and_data(
    name1: str, data1: bytes, name2: str, data2: bytes
) -> None:
    are_same = (name1, data1) == (name2, data2)
    assert (commit(KEY, name1, data1) == commit(KEY, name2, data2)) == are_same
    assert commit(KEY, name1, data1) != commit(bytes(32), name1, data1)


def test_a_key_id_is_of_letters_that_go_anywhere() -> None:
    kid = new_kid(KEY)
    assert len(kid) == 32
    assert set(kid) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert new_kid(KEY) == kid != new_kid(bytes(32))


def test_expanding_agrees_with_the_outside_vectors() -> None:
    groups = json.loads(vectors("ledger", "wycheproof", "hkdf_sha256_test.json").read_bytes())
    checked = 0
    for group in groups["testGroups"]:
        for case in group["tests"]:
            if case["result"] != "valid" or not 0 < case["size"] <= 32:
                continue
            salt = bytes.fromhex(case["salt"]) or bytes(32)
            extracted = hmac.digest(salt, bytes.fromhex(case["ikm"]), "sha256")
            okm = expand(extracted, bytes.fromhex(case["info"]))[: case["size"]]
            assert okm.hex() == case["okm"], case["tcId"]
            checked += 1
    assert checked > 20


def test_commitments_are_hmac_as_the_outside_vectors_have_it() -> None:
    groups = json.loads(vectors("ledger", "wycheproof", "hmac_sha256_test.json").read_bytes())
    for group in groups["testGroups"]:
        for case in group["tests"]:
            tag = hmac.digest(bytes.fromhex(case["key"]), bytes.fromhex(case["msg"]), "sha256")
            is_same = tag.hex()[: group["tagSize"] // 4] == case["tag"]
            assert is_same == (case["result"] == "valid"), case["tcId"]


def test_sealing_is_aes_gcm_as_the_outside_vectors_have_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups = json.loads(vectors("ledger", "wycheproof", "aes_gcm_test.json").read_bytes())
    checked = 0
    for group in groups["testGroups"]:
        if (group["ivSize"], group["keySize"]) != (96, 256):
            continue
        for case in group["tests"]:
            key, nonce, aad, text, ct, tag = (
                bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "msg", "ct", "tag")
            )
            if not _is_text(aad):
                sealed = nonce + AESGCM(key).encrypt(nonce, text, aad)
            else:
                monkeypatch.setattr(bodies, "expand", lambda _key, _info, key=key: key)
                sealed = seal(KEY, aad.decode(), text, nonce)
                monkeypatch.undo()
            assert (sealed == nonce + ct + tag) == (case["result"] == "valid"), case["tcId"]
            checked += 1
    assert checked > 30


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
