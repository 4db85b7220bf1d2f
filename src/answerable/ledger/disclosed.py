"""A sealed body as it is given away: its ciphertext, and what opens it for who has this file.

The rules are docs/bundle.md's, under *bodies*. A narrow key opens one body and nothing else; a
whole key also shows that the ciphertext was not made to open to two texts, and opens whatever else
it sealed, for whoever comes by that. So which of the two is given is said by who asks.
"""

import base64
import hmac
from dataclasses import dataclass
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from answerable.ledger.bodies import ALG, KEY_BYTES, NONCE_BYTES, expand, new_kid
from answerable.ledger.domain import Entry
from answerable.ledger.keyed import hmac_sha256
from answerable.ledger.note import NoteError, decode_base64
from answerable.ledger.strict import read_from

_COMMITTING = "decided"
_BEGINS, _BETWEEN = b'{"action":', b',"request":'


class NotDisclosed(ValueError):
    """A given body is not what its entry sealed; the text says why."""


class _Member(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """`bodies/<index>.json`: fields in the order of the alphabet."""

    alg: str
    ciphertext: str
    commit_key: str | None = None
    content_key: str | None = None
    id: str
    index: int
    key: str | None = None
    kid: str


@dataclass(frozen=True, slots=True)
class Disclosed:
    """The words, and how much is shown of them."""

    words: bytes
    is_bound_by_key: bool  # no second key opens this ciphertext to a second text
    is_committed: bool  # the entry's own commitments are over these words


def disclose(
    entry: Entry, ciphertext: bytes, key: bytes, *, is_whole: bool, shows_commitment: bool = True
) -> bytes:
    """The member for the body of `entry`. What shows that its words are those that the entry
    commits to also tests guesses at all that was decided under the same key."""
    if entry.body is None:
        raise ValueError(f"entry {entry.seq} has no body")
    opens: dict[str, str] = {}
    if is_whole:
        opens["key"] = _text(key)
    else:
        opens["content_key"] = _text(expand(key, b"answerable/body/" + entry.id.encode()))
        if entry.kind == _COMMITTING and shows_commitment:
            opens["commit_key"] = _text(expand(key, b"answerable/commit"))
    member = _Member(
        alg=ALG, ciphertext=_text(ciphertext), id=entry.id, index=entry.seq, kid=entry.body.kid,
        **opens,
    )  # fmt: skip
    return msgspec.json.encode(member)


def open_disclosed(data: bytes, entry: Entry) -> Disclosed:
    """What a member says, if it is what `entry` sealed. Raises NotDisclosed."""
    member = _read(data)
    sealed = entry.body
    if sealed is None or (member.index, member.id) != (entry.seq, entry.id):
        raise NotDisclosed("it is of another entry")
    if (member.alg, member.kid) != (sealed.alg, sealed.kid):
        raise NotDisclosed("it is under another key than its entry names")
    ciphertext = _bytes(member.ciphertext)
    if sha256(ciphertext).hexdigest() != sealed.sha256:
        raise NotDisclosed("its ciphertext is not the one that its entry commits to")
    content_key, commit_key = _keys(member)
    if member.commit_key is not None and entry.kind != _COMMITTING:
        raise NotDisclosed("it has a commitment key, and its entry commits to no words")
    words = _opened(content_key, member.id, ciphertext)
    if commit_key is not None and entry.kind == _COMMITTING:
        _check_commitments(entry, commit_key, words)
    is_committed = commit_key is not None and entry.action is not None and bool(entry.policy)
    return Disclosed(words, member.key is not None, is_committed)


def _read(data: bytes) -> _Member:
    try:
        member = msgspec.json.decode(data, type=_Member)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotDisclosed(f"it cannot be read: {error}") from None
    if msgspec.json.encode(member) != data:
        raise NotDisclosed("it is not in canonical form")
    return member


def _keys(member: _Member) -> tuple[bytes, bytes | None]:
    """The content key, and the commitment key where there is one."""
    if member.key is not None:
        if member.content_key is not None or member.commit_key is not None:
            raise NotDisclosed("it has a whole key and a narrow one")
        key = _key(member.key)
        if not hmac.compare_digest(new_kid(key), member.kid):
            raise NotDisclosed("its key is not the one that its entry commits to")
        content_key = expand(key, b"answerable/body/" + member.id.encode())
        return content_key, expand(key, b"answerable/commit")
    if member.content_key is None:
        raise NotDisclosed("it has no key")
    narrow = None if member.commit_key is None else _key(member.commit_key)
    return _key(member.content_key), narrow


def _opened(content_key: bytes, id_: str, ciphertext: bytes) -> bytes:
    nonce, sealed = ciphertext[:NONCE_BYTES], ciphertext[NONCE_BYTES:]
    try:
        return AESGCM(content_key).decrypt(nonce, sealed, id_.encode())
    except (InvalidTag, ValueError):
        raise NotDisclosed("its key does not open its ciphertext") from None


def _check_commitments(entry: Entry, commit_key: bytes, words: bytes) -> None:
    action, request = _intent(words)
    if entry.action is not None and entry.action.commit != _commit(commit_key, "action", action):
        raise NotDisclosed("its action is not the one that its entry commits to")
    asked = action if request == b"null" else request
    used = entry.policy[-1].context if entry.policy else None
    if used is not None and used != _commit(commit_key, "request", asked):
        raise NotDisclosed("its request is not the one that its entry commits to")


def _intent(words: bytes) -> tuple[bytes, bytes]:
    """The bytes of the action and of the request, as they stand there."""
    try:
        text = words.decode()
        begins, between = _BEGINS.decode(), _BETWEEN.decode()
        if not text.startswith(begins):
            raise NotDisclosed("it does not begin as a decision's body does")
        _, end = read_from(text, len(begins))
        if not text.startswith(between, end):
            raise NotDisclosed("it does not go on as a decision's body does")
        _, last = read_from(text, end + len(between))
        if text[last:] != "}":
            raise NotDisclosed("it goes on where a decision's body ends")
    except (ValueError, RecursionError) as error:
        raise NotDisclosed(f"what it opens to cannot be read: {error}") from None
    return text[len(begins) : end].encode(), text[end + len(between) : last].encode()


def _commit(commit_key: bytes, name: str, data: bytes) -> str:
    label = name.encode()
    return hmac_sha256(commit_key, len(label).to_bytes(4, "big") + label + data).hex()


def _key(text: str) -> bytes:
    key = _bytes(text)
    if len(key) != KEY_BYTES:
        raise NotDisclosed(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    return key


def _bytes(text: str) -> bytes:
    try:
        return decode_base64(text)
    except NoteError:
        raise NotDisclosed("something in it is not base64") from None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
