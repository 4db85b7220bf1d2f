"""How many worlds are run is said once."""

import pytest

from typed import fails


@pytest.mark.parametrize("more", [("--seeds", "2"), ("--until-stopped",)])
def test_one_world_and_many_worlds_are_not_both_run(more: tuple[str, ...]) -> None:
    assert "--seed is one world alone" in str(fails("simulate", "--seed", "1", *more))
