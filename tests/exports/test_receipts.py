"""A COSE receipt of an entry is good for who speaks SCITT, and each hostile one is refused."""

import asyncio
import base64
import contextlib
import json
import math
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st

from answerable.exports.cbor import CborError, Tag, decode, encode
from answerable.exports.cose import PublicKey, is_signed, read_sign1, to_be_signed
from answerable.exports.receipt import ReceiptError, make_receipt, verify_receipt
from answerable.ledger.tiles import TileReader
from small_ledger import SIGNER, ledger_of
from vectors import vectors

NOT_OUR_STRUCTURE = {"valid-ccf-vds2"}  # a log of another kind
FAILS_IN_ITS_STATEMENT = {"fail-bad-statement-sig"}  # whose receipt is good
KEY = Ed25519PublicKey.from_public_bytes(SIGNER.public_key)


def test_the_receipt_of_every_entry_is_good_and_of_no_other(tmp_path: Path) -> None:
    ledger = ledger_of(300)
    ledger.publish(tmp_path)
    reader, entries = TileReader(tmp_path, 300), ledger.data()
    for index in (0, 1, 255, 256, 299):
        path = reader.inclusion_proof(index)
        made = asyncio.run(make_receipt(entries[index], index, 300, path, SIGNER))
        proven = verify_receipt(made, entries[index], KEY)
        assert (proven.index, proven.size, proven.root) == (index, 300, ledger.tree.root())
        with pytest.raises(ReceiptError):
            verify_receipt(made, entries[index - 1], KEY)
        for at in range(len(made)):
            changed = bytearray(made)
            changed[at] ^= 1
            with contextlib.suppress(ReceiptError):
                other = verify_receipt(bytes(changed), entries[index], KEY)
                assert (other.index, other.root) == (index, proven.root)
                assert other.size != 300  # a receipt signs the root; of the size only its shape


def test_each_receipt_that_others_published_is_judged_as_they_do() -> None:
    folder = vectors("ledger", "scitt-cose")
    judged = 0
    for name in ("v1", "receipt-v1"):
        for case in sorted(folder.joinpath(name).glob("*/expected.json")):
            expected = json.loads(case.read_bytes())
            said = expected.get("ok", expected.get("receipt_valid"))
            if case.parent.name in NOT_OUR_STRUCTURE:
                said = False
            leaf = expected.get("leaf_entry_hex") or expected.get("leaf_entry") or "00"
            entry = bytes.fromhex(leaf)
            for receipt in sorted(case.parent.glob("receipt*.cose")):
                assert is_good(case.parent, receipt, entry) == said, receipt
                judged += 1
    assert judged == 8 + 1 + 16


def is_good(case: Path, receipt: Path, entry: bytes) -> bool:
    key = load_pem_public_key((case / "log-key.pub").read_bytes())
    assert isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey)
    try:
        verify_receipt(receipt.read_bytes(), entry, key)
    except ReceiptError:
        return False
    return True


def test_each_signed_statement_that_others_published_is_judged_as_they_do() -> None:
    judged = 0
    for case in sorted(vectors("ledger", "scitt-cose", "v1").glob("*/expected.json")):
        expected = json.loads(case.read_bytes())
        key = load_pem_public_key((case.parent / "issuer-key.pub").read_bytes())
        assert isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey)
        statement = read_sign1((case.parent / "statement.cose").read_bytes())
        message = to_be_signed(statement.protected, statement.payload or b"")
        is_bad = case.parent.name in FAILS_IN_ITS_STATEMENT
        assert expected["statement_signature_valid"] is not is_bad
        assert is_signed(statement.headers[1], key, message, statement.signature) is not is_bad
        judged += 1
    assert judged == 8


def test_each_cose_example_is_judged_as_its_group_does() -> None:
    judged = 0
    for path in sorted(vectors("ledger", "cose").glob("*/*.json")):
        case = json.loads(path.read_bytes())
        given_ = case["input"].get("sign0")
        if given_ is None:
            continue  # a COSE_Sign of several signers: eddsa-sig-*
        key = key_of(given_["key"])
        if key is None:
            continue  # Ed448
        judged += 1
        external = bytes.fromhex(given_.get("external", ""))
        assert is_good_example(case, key, external) is not case.get("fail", False), path.name
    assert judged == 10


def is_good_example(case: dict[str, dict[str, str]], key: PublicKey, external: bytes) -> bool:
    try:
        sign1 = read_sign1(bytes.fromhex(case["output"]["cbor"]))
        algorithm = sign1.headers.get(1, sign1.unprotected.get(1))
    except CborError:
        return False
    message = to_be_signed(sign1.protected, sign1.payload or b"", external)
    return is_signed(algorithm, key, message, sign1.signature)


def key_of(key: dict[str, str]) -> PublicKey | None:
    if key["crv"] == "Ed25519":
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(key["x_hex"]))
    if key["crv"] == "P-256":
        x, y = (int.from_bytes(base64.urlsafe_b64decode(key[name] + "=="), "big") for name in "xy")
        return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    return None


def test_the_cbor_that_others_wrote_is_read_where_it_lies_in_our_subset() -> None:
    examples = json.loads(vectors("ledger", "cbor", "examples.json").read_bytes())
    plain = [each for each in examples["integers"] if -(2**64) <= each < 2**64]
    plain += [*examples["strings"], *examples["embedded"], False, True, None]
    whole = base64.b64decode(vectors("ledger", "cbor", "examples.cbor.b64").read_bytes())
    assert len(plain) == 15 + 6 + 1 + 3
    for value in plain:
        assert decode(encode(value)) == value
        assert encode(value) in whole
    for refused in examples["floats"]:
        assert isinstance(refused, float) or math.isnan(refused)
    with pytest.raises(CborError):
        decode(whole)  # floats are in it


values = st.recursive(
    st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=20)
    | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.integers(-99, 999) | st.text(max_size=4), inner, max_size=4)
    | st.builds(Tag, st.integers(0, 2**64 - 1), inner),
    max_leaves=12,
)  # fmt: skip


@given(values)
def test_what_was_written_is_read_again_in_one_way(value: object) -> None:
    data = encode(value)  # type: ignore[arg-type]
    again = decode(data)
    assert encode(again) == data
    with pytest.raises(CborError):
        decode(data + b"\x00")
    with pytest.raises(CborError):
        decode(data[:-1])


@given(st.binary(max_size=80))
def test_what_is_read_is_what_would_be_written(data: bytes) -> None:
    try:
        value = decode(data)
    except CborError:
        return
    assert sorted(encode(value)) == sorted(data)  # keys may have stood in another order
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        "1801", "190001", "1b0000000000000001", "5f4101ff", "9fff", "f97c00", "fb3ff199999999999a",
        "a201010102", "a1f500", "f7", "f0", "f820", "9bffffffffffffffff",
        "62c328", "81" * 40 + "00", "",
    ],
)  # fmt: skip
def test_another_encoding_is_refused(data: str) -> None:
    with pytest.raises(CborError):
        decode(bytes.fromhex(data))
