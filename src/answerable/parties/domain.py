"""A party is a random pseudonym; its identifiers are keyed hashes."""

import re
import string
import unicodedata

import msgspec

_PHONE_NOISE = re.compile(r"[\s().\-/\u2010-\u2015]")
_BRACKETED = re.compile(r"[^<>]*<\s*([^<>\s]+)\s*>\Z")
_ADDRESS = re.compile(r"[^\s@<>,;:\"\\()\[\]]+@[^\s@<>,;:\"\\()\[\]]+\Z")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})  # controls, and what writes backwards


class Party(msgspec.Struct, frozen=True):
    id: str
    kid: str  # the key of everything that is stored about this party after resolve
    is_new: bool = False  # it is durable with the next barrier: nothing else is known of it


class LegalHold(msgspec.Struct, frozen=True):
    """A party that may not be erased, since the entry with this ledger index."""

    party: str
    since: int
    by: str


class Asked(msgspec.Struct, frozen=True):
    """An erasure that one person asked for. Until another one says yes it is none, and then no."""

    party: str
    since: int
    by: str
    expires_at: int  # microseconds UTC


class Erased(msgspec.Struct, frozen=True):
    party: str
    at: int  # ledger index


class NoAddress(ValueError):
    """What a message says about its sender is not one address."""


def address_of(kind: str, sender: str) -> str:
    """The one address in a rail's display form: who is speaking, and where the reply goes.

    Both from the same reading, so that nobody can be one person to us and another to the mail
    system. Raises NoAddress where there could be two, or none, or control characters.
    """
    text = unicodedata.normalize("NFC", sender).strip()
    if not text or _has_invisible(text):
        raise NoAddress("it is empty or has control characters")
    if kind != "email" or "@" not in text:
        return text
    bracketed = _BRACKETED.match(text)
    address = bracketed[1] if bracketed else text
    if not _ADDRESS.match(address):
        raise NoAddress("it is not exactly one email address")
    return address


def _has_invisible(text: str) -> bool:
    if text.isascii():
        return not text.isprintable()
    return any(unicodedata.category(char) in _INVISIBLE for char in text)


def normalise(kind: str, address: str) -> str:
    """The exact form under which an address is found again.

    Only what the standards call equal is made equal: the case of ASCII letters (RFC 5321 section
    2.4 leaves the local part's case to its host; none is known to tell two people apart by it), a
    domain and its punycode, phone punctuation and the 00 for +. Plus-tags and dots stay: that two
    addresses are one person is evidence to be found, not a rule to be assumed. What a rail calls
    its users by is opaque, and stays as it is.
    """
    if kind == "email":
        local, at, domain = address.rpartition("@")
        return f"{_lower(local)}{at}{_domain(domain)}" if at else _lower(address)
    if kind == "phone":
        digits = _PHONE_NOISE.sub("", address)
        return f"+{digits[2:]}" if digits.startswith("00") else digits
    return address


def _lower(text: str) -> str:
    """Only ASCII letters: other scripts' folding makes different people one."""
    return text.translate(_LOWER)


def _domain(domain: str) -> str:
    """Punycode labels as the letters that they stand for (RFC 3492)."""
    labels = []
    for label in _lower(domain).split("."):
        try:
            is_coded = label.startswith("xn--")
            labels.append(label[4:].encode().decode("punycode") if is_coded else label)
        except UnicodeError:
            labels.append(label)
    return ".".join(labels)
