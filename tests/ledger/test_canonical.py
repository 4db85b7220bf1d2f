"""An entry's bytes are the RFC 8785 form of what it says, so a stranger hashes the same bytes."""

import json

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from answerable.ledger.domain import (
    INTEGER_MAX,
    Entry,
    EntryTooLarge,
    Evidence,
    Outcome,
    decode_entry,
    encode_entry,
)
from small_ledger import ledger_of
from vectors import vectors

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ASCII_KEYS = st.text(st.characters(max_codepoint=127), max_size=12)
INTEGERS = st.integers(min_value=-INTEGER_MAX, max_value=INTEGER_MAX)


def entry_of(change: dict[str, str | int] | None, text: str = "") -> Entry:
    return Entry(
        v=1,
        id="ent_0",
        seq=0,
        ts=INTEGER_MAX,
        kind="outcome",
        outcome=Outcome(status="done", reason=text),
        inputs=(Evidence(name=text, kind="mail", commit="00ff"),),
        change=change,
    )


@given(st.dictionaries(ASCII_KEYS, ANY_TEXT | INTEGERS, max_size=8), ANY_TEXT)
def test_entries_are_written_as_rfc_8785_writes_them(
    change: dict[str, str | int], text: str
) -> None:
    entry = entry_of(change, text)
    data = encode_entry(entry)
    assert data == rfc8785.dumps(json.loads(data))
    assert decode_entry(data) == entry


def test_every_character_below_space_and_the_hard_ones_are_escaped_alike() -> None:
    for char in [
        *map(chr, range(0x21)),
        '"',
        "\\",
        "/",
        "\x7f",
        "\x80",
        "\u2028",
        "\ufb33",
        "\U0001f600",
    ]:
        data = encode_entry(entry_of({"text": char}))
        assert data == rfc8785.dumps(json.loads(data))


def test_every_entry_of_a_day_is_in_canonical_form() -> None:
    for data in ledger_of(40).data():
        assert data == rfc8785.dumps(json.loads(data))


def test_what_lies_in_our_subset_agrees_with_the_outside_vectors() -> None:
    checked = 0
    for case in sorted(vectors("ledger", "jcs", "input").iterdir()):
        expected = (case.parents[1] / "output" / case.name).read_bytes()
        value = json.loads(case.read_bytes())
        if not _is_in_subset(value):
            continue
        assert msgspec.json.encode(_whole(value), order="sorted") == expected, case.name
        checked += 1
    assert checked >= 3  # french, structures, unicode; weird has non-ASCII keys, values has floats


def _is_in_subset(value: object) -> bool:
    if isinstance(value, dict):
        return all(key.isascii() and _is_in_subset(each) for key, each in value.items())
    if isinstance(value, list):
        return all(map(_is_in_subset, value))
    return not isinstance(value, float) or value.is_integer()


def _whole(value: object) -> object:
    """JSON's `56.0` is our 56: the vectors write integers as floats now and then."""
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) else value


@pytest.mark.parametrize(
    "data",
    [
        b'{"id":"a","kind":"outcome","seq":0,"ts":1.5,"v":1}',
        b'{"id":"a","kind":"outcome","seq":0,"ts":9007199254740992,"v":1}',
        b'{"id":"a","kind":"unheard","seq":0,"ts":1,"v":1}',
        b'{"id":"a","kind":"outcome","seq":0,"ts":1,"v":2}',
        b'{"id":"a","kind":"outcome","more":1,"seq":0,"ts":1,"v":1}',
        b'{"id":"a","kind":"outcome","seq":"0","ts":1,"v":1}',
    ],
)
def test_what_is_not_an_entry_is_not_read_as_one(data: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_entry(data)


def test_an_entry_that_no_bundle_can_hold_is_not_written() -> None:
    with pytest.raises(EntryTooLarge):
        encode_entry(entry_of(None, "x" * 65_536))
