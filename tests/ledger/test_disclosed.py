"""A body that is given away is what its entry sealed, or it is refused with the reason."""

import base64
import json
from dataclasses import dataclass
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from answerable.ledger import bodies
from answerable.ledger.disclosed import NotDisclosed, disclose, open_disclosed
from answerable.ledger.domain import Action, BodyRef, Entry, Kind, PolicyUse, encode_entry
from answerable.ledger.named_sets import policy_set_digest
from answerable.policy.load import load
from second import answers_verifier

KEY, OTHER, NONCE = b"k" * 32, b"o" * 32, b"n" * 12
ACTION = b'{"kind":"tool","tool":"refund","arguments":{"amount":4.50,"to":"A{\\"1}"}}'
REQUEST = b'{"agent":"support","name":"refund"}'


@dataclass
class Given:
    entry: Entry
    ciphertext: bytes


def given(
    kind: Kind = "decided", words: bytes = b"", *, key: bytes = KEY, **changed: object
) -> Given:
    words = words or b'{"action":' + ACTION + b',"request":' + REQUEST + b"}"
    ciphertext = bodies.seal(key, "dec_1", words, NONCE)
    request = bodies.commit(key, "request", REQUEST)
    fields: dict[str, object] = {
        "action": Action(kind="tool", name="refund", commit=bodies.commit(key, "action", ACTION)),
        "policy": (PolicyUse(set="s", context=request, verdict="allow"),),
        "body": body_ref(key, ciphertext),
    }
    entry = Entry(v=1, id="dec_1", seq=7, ts=1, kind=kind, **(fields | changed))  # type: ignore[arg-type]
    return Given(entry, ciphertext)


def body_ref(key: bytes, ciphertext: bytes) -> BodyRef:
    digest = sha256(ciphertext).hexdigest()
    return BodyRef(alg="A256GCM", kid=bodies.new_kid(key), sha256=digest)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def changed(data: bytes, **fields: object) -> bytes:
    known = json.loads(data) | fields
    kept = {name: value for name, value in known.items() if value is not None}
    return json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()


def refused(data: bytes, entry: Entry) -> str:
    with pytest.raises(NotDisclosed) as why:
        open_disclosed(data, entry)
    return str(why.value)


def test_a_whole_key_shows_the_words_their_key_and_their_commitments() -> None:
    one = given()
    found = open_disclosed(disclose(one.entry, one.ciphertext, KEY, is_whole=True), one.entry)
    assert ACTION in found.words
    assert found.is_bound_by_key
    assert found.is_committed


def test_a_narrow_key_opens_one_body_and_is_not_the_key() -> None:
    one = given()
    data = disclose(one.entry, one.ciphertext, KEY, is_whole=False)
    found = open_disclosed(data, one.entry)
    assert (found.is_bound_by_key, found.is_committed) == (False, True)
    assert b64(KEY).encode() not in data
    content_key = base64.b64decode(json.loads(data)["content_key"])
    other = bodies.seal(KEY, "dec_2", b"another", NONCE)
    with pytest.raises(Exception):  # noqa: B017, PT011 - InvalidTag, whatever it is called
        AESGCM(content_key).decrypt(other[:12], other[12:], b"dec_2")


def test_a_commitment_key_is_given_with_decisions_alone() -> None:
    said = given("received", b"hello")
    data = disclose(said.entry, said.ciphertext, KEY, is_whole=False)
    assert "commit_key" not in json.loads(data)
    assert open_disclosed(data, said.entry).words == b"hello"


def test_a_ciphertext_with_two_faces_is_refused_where_the_whole_key_is_given() -> None:
    """The company seals under one key, names that key, and shows another one that opens it too."""
    one = given("received", b"hello")
    data = disclose(one.entry, one.ciphertext, OTHER, is_whole=True)
    assert "not the one that its entry commits to" in refused(data, one.entry)


def test_other_words_under_a_narrow_key_break_the_commitments_of_a_decision() -> None:
    """The second face of a ciphertext, in effect: what opens is not what was committed to."""
    two = given(words=b'{"action":{"kind":"reply"},"request":' + REQUEST + b"}")
    data = disclose(two.entry, two.ciphertext, KEY, is_whole=False)
    assert "its action" in refused(data, two.entry)
    three = given(words=b'{"action":' + ACTION + b',"request":{"agent":"other"}}')
    data = disclose(three.entry, three.ciphertext, KEY, is_whole=False)
    assert "its request" in refused(data, three.entry)


def test_what_a_person_did_is_committed_to_in_the_place_of_a_request() -> None:
    words = b'{"action":' + ACTION + b',"request":null}'
    used = PolicyUse(
        set="answerable", context=bodies.commit(KEY, "request", ACTION), verdict="deny"
    )
    one = given(words=words, policy=(used,))
    data = disclose(one.entry, one.ciphertext, KEY, is_whole=False)
    assert open_disclosed(data, one.entry).is_committed


def test_a_ciphertext_that_was_moved_to_another_party_does_not_open() -> None:
    one = given()
    moved = given(body=body_ref(OTHER, one.ciphertext))
    data = disclose(moved.entry, one.ciphertext, OTHER, is_whole=True)
    assert "does not open" in refused(data, moved.entry)


def test_each_field_that_is_changed_is_refused() -> None:
    one = given()
    whole = disclose(one.entry, one.ciphertext, KEY, is_whole=True)
    narrow = disclose(one.entry, one.ciphertext, KEY, is_whole=False)
    flipped = one.ciphertext[:-1] + bytes([one.ciphertext[-1] ^ 1])
    for data in (
        changed(whole, index=8), changed(whole, id="dec_2"), changed(whole, kid="x"),
        changed(whole, alg="none"), changed(whole, ciphertext=b64(flipped)),
        changed(whole, key=b64(KEY[:31])), changed(whole, key=None),
        changed(whole, content_key=b64(KEY)), changed(whole, more=1),
        changed(whole, key=b64(KEY).rstrip("=")), changed(narrow, content_key=b64(OTHER)),
        changed(narrow, commit_key=b64(OTHER)), changed(narrow, content_key=None),
        whole + b"\n", whole.replace(b'"alg"', b'"alg":"A256GCM","alg"'), b"", b"[" * 100_000,
    ):  # fmt: skip
        refused(data, one.entry)
    no_body = given(body=None)
    refused(whole, no_body.entry)


def test_a_body_with_a_key_twice_is_read_by_nobody() -> None:
    twice = b'{"action":{"to":"A","to":"B"},"request":' + REQUEST + b"}"
    one = given(words=twice)
    data = disclose(one.entry, one.ciphertext, KEY, is_whole=False)
    assert "twice" in refused(data, one.entry)


def test_the_digest_of_a_policy_set_is_made_again_from_what_is_kept_of_it() -> None:
    kept = load({"shop.cedar": '@id("a") permit (principal, action, resource);'})
    assert policy_set_digest(kept.source) == kept.digest
    other = kept.source.replace(b"permit", b"forbid")
    assert policy_set_digest(other) != kept.digest
    for wrong in (b"", b"[]", b'{"schema":1,"files":{}}', b'{"schema":"","schema":"","files":{}}'):
        with pytest.raises(ValueError, match="no policy set"):
            policy_set_digest(wrong)


def by_second(data: bytes, entry: Entry) -> object:
    """What the stranger's file says of it: whether key and words are bound, or why not."""
    second = answers_verifier()
    try:
        return second.check_body(data, json.loads(encode_entry(entry)))
    except ValueError as error:
        return str(error)


def test_what_a_decision_goes_on_with_is_read_by_nobody() -> None:
    """A program that reads JSON would take the last `action` for the one that was decided."""
    more = b'{"action":' + ACTION + b',"request":' + REQUEST + b',"action":{"kind":"reply"}}'
    for is_whole in (True, False):
        one = given(words=more)
        data = disclose(one.entry, one.ciphertext, KEY, is_whole=is_whole)
        assert "it goes on" in refused(data, one.entry)
        assert "it goes on" in str(by_second(data, one.entry))


@pytest.mark.parametrize("lacks", [{"action": None}, {"policy": ()}])
def test_words_that_an_entry_commits_to_in_part_are_not_called_committed(
    lacks: dict[str, object],
) -> None:
    one = given(**lacks)  # type: ignore[arg-type]
    data = disclose(one.entry, one.ciphertext, KEY, is_whole=True)
    found = open_disclosed(data, one.entry)
    assert (found.is_bound_by_key, found.is_committed) == (True, False)
    assert by_second(data, one.entry) == (True, False)
