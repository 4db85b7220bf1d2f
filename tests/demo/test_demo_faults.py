"""The outside's dice: at the stated rates, by seed, and rolled again when asked again."""

from collections import Counter

import pytest

from answerable.demo.outside_faults import Fault, Faults, Rates


def test_faults_happen_at_the_stated_rates_and_by_seed() -> None:
    rates = Rates()
    faults, again, other = Faults(1, 0, rates), Faults(1, 0, rates), Faults(2, 0, rates)
    keys = [f"eff_{number}" for number in range(60_000)]
    drawn = [faults.draw("mail.send", key) for key in keys]
    assert drawn == [again.draw("mail.send", key) for key in keys]
    assert drawn != [other.draw("mail.send", key) for key in keys]
    share = {fault: count / len(keys) for fault, count in Counter(f for f, _ in drawn).items()}
    assert share[Fault.FAIL] == pytest.approx(rates.fail, rel=0.15)
    assert share[Fault.LATE] == pytest.approx(rates.late, rel=0.2)
    assert share[Fault.LOST] == pytest.approx(rates.lost, rel=0.25)
    assert share[Fault.HANG] == pytest.approx(rates.hang / 2, rel=0.4)
    assert share[Fault.HANG_DONE] == pytest.approx(rates.hang / 2, rel=0.4)
    assert 0 < share[Fault.CLOSE] < 3 * rates.close
    assert all(0.2 <= delay_s <= 1.5 for fault, delay_s in drawn if fault is Fault.LATE)
    orders = Counter(faults.draw("shop.order", key)[0] for key in keys)
    assert orders[Fault.FAIL] / len(keys) == pytest.approx(rates.order_fail, rel=0.2)


def test_asked_again_after_a_fault_the_dice_roll_again() -> None:
    faults = Faults(1, 0, Rates(fail=0.5))
    unlucky = [
        key for key in map(str, range(200)) if faults.draw("mail.send", key)[0] is Fault.FAIL
    ]
    assert any(faults.draw("mail.send", key)[0] is Fault.NONE for key in unlucky)
