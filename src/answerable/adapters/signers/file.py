"""A signing key in a file that only its owner may read: the signer of a single home."""

import base64
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from answerable.base.chance import Chance
from answerable.base.errors import Broken
from answerable.ledger.note import NoteError, VerifierKey, check_name, decode_base64, key_id
from answerable.store.files import SecretLost, read_or_create_private

_PREFIX = "PRIVATE+KEY"
_ED25519 = b"\x01"
_SEED_BYTES = 32


class FileSigner:
    """Signs with the Ed25519 key of a file. Signing takes some 50 us, so it is done inline.

    The file is one line `PRIVATE+KEY+<name>+<id>+<base64>`, the form of
    `golang.org/x/mod/sumdb/note`, so that the key can be taken to the ecosystem's own tools.
    """

    def __init__(self, name: str, seed: bytes) -> None:
        self._name = name
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public_key = self._key.public_key().public_bytes_raw()

    @classmethod
    def open(
        cls, path: Path, *, name: str, chance: Chance, may_create: bool = True
    ) -> "FileSigner":
        """Load the key of the log `name`, or make one where there is no file. Raises Broken.

        With `may_create=False`, for a log that was signed before, raises SecretLost instead: under
        another key the whole log would no longer verify.
        """
        check_name(name)

        def make() -> bytes:
            if not may_create:
                raise SecretLost(path, "nothing more can be signed so that auditors accept it")
            return _write(name, chance.token(_SEED_BYTES))

        data = read_or_create_private(path, make)
        try:
            return _read(data, name)
        except (NoteError, UnicodeDecodeError, ValueError):
            raise Broken(  # without the cause, whose text may quote the key
                f"'{path}' does not hold the signing key of '{name}'.",
                "Nothing was signed.",
                "put back the key that this log was signed with",
            ) from None

    @property
    def name(self) -> str:
        return self._name

    @property
    def public_key(self) -> bytes:
        return self._public_key

    @property
    def vkey(self) -> VerifierKey:
        """What an outsider needs to verify."""
        return VerifierKey(self._name, self._public_key)

    async def sign(self, message: bytes) -> bytes:
        return self.sign_now(message)

    def sign_now(self, message: bytes) -> bytes:
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"FileSigner({self.vkey.encode()!r})"


def _write(name: str, seed: bytes) -> bytes:
    identity = key_id(name, FileSigner(name, seed).public_key).hex()
    return f"{_PREFIX}+{name}+{identity}+{base64.b64encode(_ED25519 + seed).decode()}\n".encode()


def _read(data: bytes, name: str) -> FileSigner:
    prefix = f"{_PREFIX}+{name}+"
    text = data.decode().strip()
    identity, _, encoded = text.removeprefix(prefix).partition("+")
    key = decode_base64(encoded)
    if not text.startswith(prefix) or key[:1] != _ED25519:
        raise ValueError
    signer = FileSigner(name, key[1:])
    if signer.vkey.id.hex() != identity:
        raise ValueError
    return signer
