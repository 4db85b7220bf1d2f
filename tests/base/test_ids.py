"""An id tells when it was made, and kin tell the time of what caused them."""

from answerable.base.chance import SeededChance
from answerable.base.clock import ManualClock
from answerable.base.ids import TimeOrderedIds, kin, made_at


def test_when_an_id_was_made_can_be_read_off_it() -> None:
    clock = ManualClock()
    ids = TimeOrderedIds(clock, SeededChance(1))
    for _ in range(20):
        clock.advance(123_456_789_000)
        made = ids.new("int")
        assert made_at(made) == clock.now() // 1000 * 1000
        assert made_at(kin("cas", made, 0)) == made_at(made)


def test_an_id_that_tells_no_time_is_of_none() -> None:
    for other in ("", "int_", "int_no", "drp_" + "ab" * 16, "per_x.left", "int_" + "u" * 22):
        assert made_at(other) == 0
