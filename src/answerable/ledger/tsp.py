"""Time stamps that an authority signs: requests and answers of RFC 3161, as far as a client reads.

A token says that bytes with this digest were there at this time. Its signature is checked by who
trusts the authority, with their own tools (`openssl ts -verify`); here it is only read whether the
answer is to our question.
"""

from dataclasses import dataclass
from datetime import datetime

from answerable.base.errors import AnswerableError

QUERY_MEDIA = "application/timestamp-query"
_SHA256 = bytes.fromhex("300d06096086480165030402010500")  # its AlgorithmIdentifier, in DER
_INTEGER, _OCTETS, _SEQUENCE, _TIME, _EXPLICIT = 0x02, 0x04, 0x30, 0x18, 0xA0
_GRANTED = (0, 1)


class StampWrong(AnswerableError):
    """What a time stamp authority answered is no token over what it was asked."""

    code = "stamp_wrong"
    http_status = 422


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a token says, its signature not looked at."""

    at_s: int
    digest: bytes
    nonce: int


def query(digest: bytes, nonce: int) -> bytes:
    """A TimeStampReq over a SHA-256, which asks for the authority's certificate as well."""
    imprint = _der(_SEQUENCE, _SHA256 + _der(_OCTETS, digest))
    number = _der(_INTEGER, nonce.to_bytes(nonce.bit_length() // 8 + 1, "big"))
    return _der(_SEQUENCE, _der(_INTEGER, b"\1") + imprint + number + b"\x01\x01\xff")


def read_answer(data: bytes, digest: bytes, nonce: int) -> Stamp:
    """The stamp of a TimeStampResp. Raises StampWrong where it does not answer our question."""
    try:
        stamp = _stamp(data)
    except (ValueError, IndexError) as error:
        raise StampWrong(
            f"The authority's answer is not of RFC 3161: {error}.", "It was not kept."
        ) from error
    if (stamp.digest, stamp.nonce) != (digest, nonce):
        raise StampWrong("The authority's token is over something else.", "It was not kept.")
    return stamp


def _stamp(data: bytes) -> Stamp:
    status, *rest = _inside(data, _SEQUENCE)
    granted = int.from_bytes(_parts(status[1])[0][1], "big")
    if granted not in _GRANTED or not rest:
        raise ValueError(f"it was refused with status {granted}")
    content = _parts(rest[0][1])[1]
    signed = _inside(content[1], _SEQUENCE)
    encapsulated = _parts(signed[2][1])[1]
    if (content[0], encapsulated[0]) != (_EXPLICIT, _EXPLICIT):
        raise ValueError("it holds no signed content")
    octets = _parts(encapsulated[1])[0]
    if octets[0] != _OCTETS:
        raise ValueError("it holds no signed content")
    info = _inside(octets[1], _SEQUENCE)
    algorithm, digest = _parts(info[2][1])
    if _der(_SEQUENCE, algorithm[1]) != _SHA256 and algorithm[1] != _SHA256[2:-2]:
        raise ValueError("it is not over a SHA-256")
    if info[4][0] != _TIME:
        raise ValueError("it has no time")
    nonces = [int.from_bytes(each[1], "big") for each in info[5:] if each[0] == _INTEGER]
    return Stamp(_seconds(info[4][1]), digest[1], nonces[0] if nonces else 0)


def _seconds(text: bytes) -> int:
    said = text.decode("ascii").partition(".")[0].rstrip("Z")
    return int(datetime.strptime(f"{said}+0000", "%Y%m%d%H%M%S%z").timestamp())


def _inside(data: bytes, tag: int) -> list[tuple[int, bytes]]:
    """What is inside the one element that `data` is."""
    found = _parts(data)
    if len(found) != 1 or found[0][0] != tag:
        raise ValueError("an element is missing")
    return _parts(found[0][1])


def _parts(data: bytes) -> list[tuple[int, bytes]]:
    """The elements, each as its tag and content, that lie one after the other."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4:
                raise ValueError("a length is not of DER")
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + length > len(data):
            raise ValueError("it is cut short")
        found.append((tag, data[at : at + length]))
        at += length
    return found


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
