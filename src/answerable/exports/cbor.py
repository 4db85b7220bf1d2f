"""CBOR as receipts need it: written by RFC 8949 section 4.2.1, core deterministic encoding.

Integers of 64 bits, byte and text strings, arrays, maps, tags, true, false and null. Read is what
others write too: the keys of a map in any order, none twice. A number in more bytes than it needs,
a float, and a length that is not known in advance are refused.
"""

from typing import NamedTuple, TypeAlias

from answerable.base.errors import AnswerableError

Value: TypeAlias = "int | bytes | str | list[Value] | dict[Key, Value] | Tag | bool | None"
Key: TypeAlias = "int | bytes | str"

_DEPTH_MAX = 16
_SIMPLE: dict[int, bool | None] = {20: False, 21: True, 22: None}
_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _OTHER = range(8)


class Tag(NamedTuple):
    number: int
    value: Value


class CborError(AnswerableError):
    """Bytes that are no CBOR of this kind, or a value that has none."""

    code = "cbor_invalid"
    http_status = 400

    def __init__(self, what: str) -> None:
        super().__init__(f"This is no CBOR that is read here: {what}.", "Nothing was read.")


def encode(value: Value) -> bytes:
    """Raises CborError for an integer of more than 64 bits."""
    match value:
        case bool():
            return bytes([_OTHER << 5 | (21 if value else 20)])
        case None:
            return b"\xf6"
        case int():
            return _head(_UINT, value) if value >= 0 else _head(_NINT, -1 - value)
        case bytes():
            return _head(_BYTES, len(value)) + value
        case str():
            data = value.encode()
            return _head(_TEXT, len(data)) + data
        case Tag():
            return _head(_TAG, value.number) + encode(value.value)
        case list():
            return _head(_ARRAY, len(value)) + b"".join(map(encode, value))
        case dict():
            pairs = sorted((encode(key), encode(each)) for key, each in value.items())
            return _head(_MAP, len(pairs)) + b"".join(key + each for key, each in pairs)


def decode(data: bytes) -> Value:
    """One value and nothing after it. Raises CborError."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise CborError("something stands after its end")
    return value


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for extra, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * width:
            return bytes([major << 5 | extra]) + number.to_bytes(width, "big")
    raise CborError("an integer of more than 64 bits")


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    def value(self, depth: int) -> Value:
        if depth > _DEPTH_MAX:
            raise CborError(f"more than {_DEPTH_MAX} levels")
        major, number = self._head()
        match major:
            case 0:
                return number
            case 1:
                return -1 - number
            case 2:
                return self._take(number)
            case 3:
                return self._text(number)
            case 4:
                return [self.value(depth + 1) for _ in range(number)]
            case 5:
                return self._map(number, depth + 1)
            case 6:
                return Tag(number, self.value(depth + 1))
            case _:
                return self._simple(number)

    def _head(self) -> tuple[int, int]:
        first = self._take(1)[0]
        major, low = first >> 5, first & 31
        if low < 24:
            return major, low
        if low > 27 or major == _OTHER:
            raise CborError("a length that is not known in advance, a float, or a reserved value")
        number = int.from_bytes(self._take(1 << (low - 24)), "big")
        if _head(major, number)[0] != first:
            raise CborError("a number in more bytes than it needs")
        if major in (_ARRAY, _MAP) and number > len(self._data):
            raise CborError("cut short")  # before anything of that length is made
        return major, number

    def _take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self._data):
            raise CborError("cut short")
        taken, self.at = self._data[self.at : end], end
        return taken

    def _text(self, count: int) -> str:
        try:
            return self._take(count).decode()
        except UnicodeDecodeError:
            raise CborError("text that is not UTF-8") from None

    def _map(self, count: int, depth: int) -> dict[Key, Value]:
        found: dict[Key, Value] = {}
        for _ in range(count):
            key = self.value(depth)
            if not isinstance(key, int | bytes | str) or isinstance(key, bool):
                raise CborError("a key that is neither a number nor a string")
            if key in found:
                raise CborError("a key that is there twice")
            found[key] = self.value(depth)
        return found

    def _simple(self, number: int) -> bool | None:
        if number not in _SIMPLE:
            raise CborError("a simple value other than false, true and null")
        return _SIMPLE[number]
