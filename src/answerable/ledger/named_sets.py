"""Policy sets and releases beside an answer: each is known by the digest that entries name."""

from collections.abc import Iterator, Mapping
from hashlib import sha256

import msgspec

from answerable.ledger.strict import read_json

_BEGINS = b"answerable-policy-set/1\n"


class _Source(msgspec.Struct, frozen=True):
    """What a policy set's digest is of; other fields may stand beside it."""

    schema: str
    files: Mapping[str, str]


def policy_set_digest(data: bytes) -> str:
    """Of a member `policies/<digest>.json`. Raises ValueError where it is no policy set."""
    try:
        source = msgspec.convert(read_json(data), _Source)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no policy set: {error}") from None
    whole = sha256(_BEGINS)
    for part in (source.schema, *_parts(source.files)):
        text = part.encode("utf-8", "surrogatepass")
        whole.update(b"%d\n" % len(text))
        whole.update(text)
    return whole.hexdigest()


def _parts(files: Mapping[str, str]) -> Iterator[str]:
    for name, text in sorted(files.items()):
        yield name
        yield text


def release_digest(data: bytes) -> str:
    """Of a member `releases/<digest>.json`."""
    return sha256(data).hexdigest()
