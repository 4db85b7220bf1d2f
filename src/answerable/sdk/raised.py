"""A step that raised, as it is recorded: which error, what it was made of, and what it said.

It stands where a result would, sealed like one. No result begins as it does: those are JSON.
"""

import sys

import msgspec

_BEGINS = b"!"
TEXT_CHARS_MAX = 2_000
_ARGS_BYTES_MAX = 16 * 1024


class StepRaised(Exception):
    """Stands for an error whose class is not there any more, or cannot be made again."""


class Raised(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`args` is there where the error was made of JSON, and of little."""

    module: str
    kind: str  # the class, as its module has it
    text: str
    args: tuple[object, ...] | None = None

    @property
    def sentence(self) -> str:
        return f"it raised {self.kind}: {self.text}" if self.text else f"it raised {self.kind}"


def encode_raised(error: Exception) -> bytes:
    """Never in the way of recording: what cannot be shown is not."""
    kind = type(error)
    raised = Raised(
        module=_plain(kind.__module__), kind=_plain(kind.__qualname__), text=said_by(error),
        args=_args(error),
    )  # fmt: skip
    return _BEGINS + msgspec.json.encode(raised)


def decode_raised(data: bytes) -> Raised | None:
    """None where it is a result. Raises msgspec.DecodeError where it is neither."""
    if not data.startswith(_BEGINS):
        return None
    return msgspec.json.decode(data[len(_BEGINS) :], type=Raised)


def made_again(raised: Raised) -> Exception:
    """The same error, for code that tells errors apart by their class; of modules that are loaded
    only, and nothing but errors."""
    try:
        kind: object = sys.modules[raised.module]
        for name in raised.kind.split("."):
            kind = getattr(kind, name)
    except (KeyError, AttributeError):
        return StepRaised(raised.sentence)
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        return StepRaised(raised.sentence)
    try:
        found: Exception = kind(*(raised.args if raised.args is not None else (raised.text,)))
    except Exception:  # noqa: BLE001 - an author's class may ask for anything, and raise anything
        return StepRaised(raised.sentence)
    return found


def _args(error: Exception) -> tuple[object, ...] | None:
    """What it was made of, if that is the same when it is read back."""
    try:
        data = msgspec.json.encode(error.args)
        again = msgspec.json.decode(data, type=tuple[object, ...])
        is_same = len(data) <= _ARGS_BYTES_MAX and again == error.args
    except Exception:  # noqa: BLE001 - it may hold anything, whose comparing raises anything
        return None
    return again if is_same else None


def said_by(error: Exception) -> str:
    """Its text, bounded."""
    try:
        return _plain(str(error))
    except Exception:  # noqa: BLE001 - `__str__` of an author's class
        return "(cannot be shown)"


def _plain(text: str) -> str:
    return text[:TEXT_CHARS_MAX].encode(errors="replace").decode()
