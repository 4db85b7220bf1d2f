"""Each attack of the list is carried out, and is caught."""

import re
from pathlib import Path

import pytest

from attacked import every  # noqa: F401 - it fills the list
from attacked.attack import ATTACKS, both
from attacked.on_bodies import home_of_one_erased, put_back, said
from attacked.on_effects import differences
from attacked.on_log import AT, honest, published, resigned
from attacked.on_proofs import bundle_of, caught_in, log_in, proof_of, shown
from forgotten import opened

ASKED = 30


def test_the_list_is_as_long_as_it_says() -> None:
    assert len(ATTACKS) >= ASKED


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_caught(name: str, tmp_path: Path) -> None:
    caught = ATTACKS[name].carried(tmp_path)
    assert caught is not None
    assert re.search(ATTACKS[name].seen, caught.where), caught


def test_who_attacks_nothing_is_not_caught(tmp_path: Path) -> None:
    ledger = honest()
    assert both(published(tmp_path / "a", ledger.data(), ledger.checkpoint)) is None
    (tmp_path / "b").mkdir()
    assert resigned(tmp_path / "b", ledger.data(), ledger.checkpoint) is None
    (tmp_path / "c").mkdir()
    assert caught_in(bundle_of(tmp_path / "c", lambda members: None)) is None
    (tmp_path / "d").mkdir()
    folder, data, checkpoint = log_in(tmp_path / "d")
    assert shown(tmp_path, proof_of(folder, checkpoint).encode(), data[AT]) is None
    assert differences(tmp_path / "e", "nothing") == []


def test_the_look_for_erased_words_finds_them_where_the_key_is_back(tmp_path: Path) -> None:
    home, kid, key, _ = home_of_one_erased(tmp_path)
    assert not said(opened(home))
    put_back(home, kid, key)
    assert said(opened(home))
