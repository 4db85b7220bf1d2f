"""A party is a random pseudonym; its identifiers are keyed hashes."""

import re
import unicodedata
from dataclasses import dataclass
from email.utils import parseaddr

_PHONE_NOISE = re.compile(r"[\s().\-/]")


@dataclass(frozen=True, slots=True)
class Party:
    id: str
    kid: str  # the key of everything that is stored about this party after resolve
    is_new: bool = False


def normalise(kind: str, identifier: str) -> str:
    """The exact form under which an identifier is found again.

    Only what the standards call equal is made equal: display names and comments fall away, domains
    and case fold (RFC 5321 section 2.4 leaves the local part's case to its host; none is known to
    tell two people apart by it), phone punctuation goes. Plus-tags and dots stay: that two
    addresses are one person is evidence to be found, not a rule to be assumed.
    """
    text = unicodedata.normalize("NFC", identifier).strip()
    if kind == "email":
        _, address = parseaddr(text)
        return (address or text).casefold()
    if kind == "phone":
        return _PHONE_NOISE.sub("", text)
    return text.casefold()
