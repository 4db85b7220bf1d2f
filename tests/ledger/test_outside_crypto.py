"""Wycheproof: what our signatures, sealing, wrapping and commitments stand on errs nowhere known.

Each file says how many cases it has; each case is run, or counted among those that speak of sizes
which we never use. A file that is missing or a case that is passed over fails.
"""

import hmac
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap,
    aes_key_wrap_with_padding,
)

from answerable.ledger.bodies import expand
from answerable.ledger.note import verify_signature
from second import second_verifier
from vectors import vectors

Case = dict[str, Any]
Judge = Callable[[Case, Case], bool | None]
"""(group, case) to whether it holds; None where it is of a size that the library does not take."""


def of(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


def ed25519(group: Case, case: Case) -> bool:
    key = of(group["publicKey"], "pk")
    return verify_signature(key, of(case, "msg"), of(case, "sig"))


def strangers_ed25519(group: Case, case: Case) -> bool:
    public = Ed25519PublicKey.from_public_bytes(of(group["publicKey"], "pk"))
    key = second_verifier().Key("log", bytes(4), public)
    try:
        key.public.verify(of(case, "sig"), of(case, "msg"))
    except InvalidSignature:
        return False
    return True


def aes_gcm(group: Case, case: Case) -> bool | None:
    if not 64 <= group["ivSize"] <= 1024:
        return None
    cipher, sealed = AESGCM(of(case, "key")), of(case, "ct") + of(case, "tag")
    try:
        text = cipher.decrypt(of(case, "iv"), sealed, of(case, "aad"))
    except InvalidTag:
        return False
    assert cipher.encrypt(of(case, "iv"), text, of(case, "aad")) == sealed
    return text == of(case, "msg")


def aes_wrap(_group: Case, case: Case) -> bool:
    try:
        key = aes_key_unwrap(of(case, "key"), of(case, "ct"))
    except (InvalidUnwrap, ValueError):
        return False
    return key == of(case, "msg") and aes_key_wrap(of(case, "key"), key) == of(case, "ct")


def aes_kwp(_group: Case, case: Case) -> bool:
    try:
        key = aes_key_unwrap_with_padding(of(case, "key"), of(case, "ct"))
    except (InvalidUnwrap, ValueError):
        return False
    again = aes_key_wrap_with_padding(of(case, "key"), key)
    return key == of(case, "msg") and again == of(case, "ct")


def hkdf(_group: Case, case: Case) -> bool:
    salt, size = of(case, "salt"), case["size"]
    try:
        whole = HKDF(SHA256(), size, salt, of(case, "info")).derive(of(case, "ikm"))
    except ValueError:
        return False
    if size <= 32:  # what our own expanding makes
        extracted = hmac.digest(salt or bytes(32), of(case, "ikm"), "sha256")
        assert expand(extracted, of(case, "info"))[:size] == whole
    return whole == of(case, "okm")


def hmac_sha256(group: Case, case: Case) -> bool:
    tag = hmac.digest(of(case, "key"), of(case, "msg"), "sha256")
    return tag[: group["tagSize"] // 8] == of(case, "tag")


def mldsa_44(group: Case, case: Case) -> bool:
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    return _mldsa(mldsa.MLDSA44PublicKey, group, case)


def mldsa_65(group: Case, case: Case) -> bool:
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    return _mldsa(mldsa.MLDSA65PublicKey, group, case)


def _mldsa(kind: Any, group: Case, case: Case) -> bool:
    try:
        key = kind.from_public_bytes(of(group, "publicKey"))
        key.verify(of(case, "sig"), of(case, "msg"), of(case, "ctx") if "ctx" in case else b"")
    except (InvalidSignature, ValueError):
        return False
    return True


def mldsa_44_sign(group: Case, case: Case) -> bool | None:
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    context = of(case, "ctx") if "ctx" in case else b""
    if "msg" not in case:
        return None  # the hash of a message that is not told: nothing of ours signs that
    try:
        key = mldsa.MLDSA44PrivateKey.from_seed_bytes(of(group, "privateSeed"))
        signed = key.sign(of(case, "msg"), context)  # hedged: another signature each time
        key.public_key().verify(signed, of(case, "msg"), context)
        key.public_key().verify(of(case, "sig"), of(case, "msg"), context)
    except (InvalidSignature, ValueError):
        return False
    return bool(key.public_key().public_bytes_raw() == of(group, "publicKey"))


@pytest.mark.parametrize(
    ("name", "judge", "total", "passed_over"),
    [
        ("ed25519_test", ed25519, 151, 0),
        ("ed25519_test", strangers_ed25519, 151, 0),
        ("aes_gcm_test", aes_gcm, 316, 33),
        ("aes_wrap_test", aes_wrap, 165, 0),
        ("aes_kwp_test", aes_kwp, 254, 0),
        ("hkdf_sha256_test", hkdf, 86, 0),
        ("hmac_sha256_test", hmac_sha256, 174, 0),
        ("mldsa_44_verify_test", mldsa_44, 180, 0),
        ("mldsa_65_verify_test", mldsa_65, 210, 0),
        ("mldsa_44_sign_seed_test", mldsa_44_sign, 86, 8),
    ],
)
def test_each_case_is_judged_as_its_author_judged_it(
    name: str, judge: Judge, total: int, passed_over: int
) -> None:
    whole = json.loads(vectors("ledger", "wycheproof", f"{name}.json").read_bytes())
    seen: Counter[str] = Counter()
    wrong = []
    for group in whole["testGroups"]:
        for case in group["tests"]:
            verdict = judge(group, case)
            seen["passed over" if verdict is None else case["result"]] += 1
            if verdict is None or case["result"] == "acceptable":
                continue
            if verdict != (case["result"] == "valid"):
                wrong.append((case["tcId"], case["comment"]))
    assert wrong == []
    assert seen.total() == whole["numberOfTests"] == total
    assert seen["passed over"] == passed_over
    assert seen["valid"] > 0 < seen["invalid"]
