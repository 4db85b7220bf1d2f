"""An error that a step raised is recorded so that the same code catches it in the same place."""

import msgspec
import pytest

from answerable.sdk.port import BudgetSpent
from answerable.sdk.raised import (
    TEXT_CHARS_MAX,
    StepRaised,
    decode_raised,
    encode_raised,
    made_again,
)


class Odd(Exception):
    """Wants what no record has."""

    def __init__(self, one: object, *, two: object) -> None:
        super().__init__(one, two)


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def again(error: Exception) -> Exception:
    recorded = decode_raised(encode_raised(error))
    assert recorded is not None
    return made_again(recorded)


@pytest.mark.parametrize(
    "error", [KeyError("A1"), ValueError("a", 2, None), BudgetSpent("per_day"), OSError(28, "full")]
)
def test_what_was_made_of_json_is_made_again_as_it_was(error: Exception) -> None:
    found = again(error)
    assert (type(found), found.args, str(found)) == (type(error), error.args, str(error))


def test_what_cannot_be_made_again_is_told_by_what_it_was() -> None:
    found = again(Odd(1, two=2))
    assert isinstance(found, StepRaised)
    assert "Odd" in str(found)

    class Inner(Exception):
        pass

    assert isinstance(again(Inner("here")), StepRaised), "a class that no module has by its name"
    assert isinstance(again(Mute()), Mute)
    held = again(ValueError(object()))
    assert isinstance(held, ValueError)
    assert "object object" in str(held)


def test_nothing_but_an_error_of_a_loaded_module_is_made() -> None:
    for module, kind in (("builtins", "print"), ("os", "system"), ("nowhere", "Error"), ("", "")):
        data = b"!" + msgspec.json.encode({"module": module, "kind": kind, "text": "x"})
        recorded = decode_raised(data)
        assert recorded is not None
        assert isinstance(made_again(recorded), StepRaised)


def test_its_text_is_bounded_and_no_result_is_taken_for_it() -> None:
    recorded = decode_raised(encode_raised(ValueError("\ud800" + "x" * 100_000)))
    assert recorded is not None
    assert (len(recorded.text), recorded.args) == (TEXT_CHARS_MAX, None)
    assert decode_raised(msgspec.json.encode("! {}")) is None
    with pytest.raises(msgspec.DecodeError):
        decode_raised(b"!no")
