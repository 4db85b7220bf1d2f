"""A witness's own keys, in a file of its own: one line `PRIVATE+KEY+<name>+<id>+<base64>` a key."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from answerable.base.chance import Chance
from answerable.base.errors import Broken
from answerable.ledger import mldsa
from answerable.ledger.cosignature import ED25519, ML_DSA_44, CosignerKey, cosign
from answerable.ledger.note import NoteError, decode_base64
from answerable.store.files import read_or_create_private

KEY_FILE = "witness.key"
_PREFIX = "PRIVATE+KEY"
_SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Cosigner:
    """One private key of a witness."""

    key: CosignerKey
    _sign: Callable[[bytes], bytes] = field(repr=False)

    def line(self, body: str, at_s: int) -> str:
        """Its cosignature over a checkpoint's text, as a line of a note."""
        return cosign(self.key, self._sign, body, at_s)


def make_keys(folder: Path, name: str, chance: Chance, *, with_ml_dsa: bool) -> list[Cosigner]:
    """New keys for a witness that has none. Raises Broken; keys that are there stay."""
    if (folder / KEY_FILE).exists():
        raise Broken(
            f"'{folder / KEY_FILE}' is there already.",
            "No key was made: another one would not be believed where this one is known.",
            f"answerable witness show --state {folder}",
        )
    types = (ED25519, ML_DSA_44) if with_ml_dsa else (ED25519,)
    lines = [_encode(name, type_, chance.token(_SEED_BYTES)) for type_ in types]
    read_or_create_private(folder / KEY_FILE, "".join(lines).encode)
    return read_keys(folder)


def read_keys(folder: Path) -> list[Cosigner]:
    """The keys of the witness whose folder it is. Raises Broken."""

    def none_there() -> bytes:
        raise Broken(
            f"'{folder}' has no key of a witness.",
            "Nothing was started.",
            f"answerable witness new-key NAME --state {folder}",
        )

    data = read_or_create_private(folder / KEY_FILE, none_there)
    try:
        found = [_decode(line) for line in data.decode().splitlines()]
    except (NoteError, ValueError):
        found = []
    if not found:
        raise Broken(  # without the cause, whose text may quote the key
            f"'{folder / KEY_FILE}' does not hold the keys of a witness.",
            "Nothing was started.",
            "put back the file from a backup",
        ) from None
    return found


def _cosigner(name: str, type_: int, seed: bytes) -> Cosigner:
    if type_ == ED25519:
        own = Ed25519PrivateKey.from_private_bytes(seed)
        return Cosigner(CosignerKey(name, type_, own.public_key().public_bytes_raw()), own.sign)
    if type_ != ML_DSA_44:
        raise ValueError
    large = mldsa.private_key(seed)
    return Cosigner(CosignerKey(name, type_, large.public_bytes()), large.sign)


def _encode(name: str, type_: int, seed: bytes) -> str:
    identity = _cosigner(name, type_, seed).key.id.hex()
    typed = base64.b64encode(bytes([type_]) + seed).decode()
    return f"{_PREFIX}+{name}+{identity}+{typed}\n"


def _decode(line: str) -> Cosigner:
    private, key, name, identity, encoded = line.split("+", 4)
    typed = decode_base64(encoded)
    found = _cosigner(name, typed[0], typed[1:])
    if f"{private}+{key}" != _PREFIX or found.key.id.hex() != identity:
        raise ValueError
    return found
