"""ML-DSA-44 (FIPS 204), where the installed `cryptography` and its OpenSSL have it.

Public keys have 1312 bytes, signatures 2420, and a private key is its seed of 32.
"""

from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from answerable.base.errors import Broken

PUBLIC_BYTES = 1312
SIGNATURE_BYTES = 2420


class NoMlDsa(Broken):
    """The installed `cryptography` cannot make or check ML-DSA signatures."""

    code = "no_ml_dsa"

    def __init__(self) -> None:
        super().__init__(
            "The installed `cryptography` has no ML-DSA-44.",
            "Nothing was signed, and no ML-DSA signature was believed.",
            "pip install --upgrade cryptography",
        )


class MlDsaKey(Protocol):
    def public_bytes(self) -> bytes:
        """1312 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """2420 bytes."""
        ...


def private_key(seed: bytes) -> MlDsaKey:
    """The key of a seed of 32 bytes. Raises NoMlDsa."""
    return _Key(seed)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Raises NoMlDsa: what cannot be checked is not said to be wrong."""
    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import (  # noqa: PLC0415 - new in 47
            MLDSA44PublicKey,
        )

        MLDSA44PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (ImportError, UnsupportedAlgorithm) as error:
        raise NoMlDsa from error
    except (InvalidSignature, ValueError):
        return False
    return True


class _Key:
    def __init__(self, seed: bytes) -> None:
        try:
            from cryptography.hazmat.primitives.asymmetric.mldsa import (  # noqa: PLC0415 - new in 47
                MLDSA44PrivateKey,
            )

            self._key = MLDSA44PrivateKey.from_seed_bytes(seed)
        except (ImportError, UnsupportedAlgorithm) as error:
            raise NoMlDsa from error

    def public_bytes(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)
