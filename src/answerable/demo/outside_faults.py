"""What goes wrong outside, and how often: chosen by seed, door and key, not by who comes first."""

import enum
from hashlib import blake2b

import msgspec

_FINE = 1 << 32
_LATE_S_MIN = 0.2
_LATE_S_MAX = 1.5


class Fault(enum.Enum):
    NONE = "none"
    FAIL = "fail"  # a definite error, nothing done
    HANG = "hang"  # never answers, nothing done
    HANG_DONE = "hang_done"  # never answers, done
    LATE = "late"  # done and answered after a delay
    LOST = "lost"  # done at once, the answer is lost
    CLOSE = "close"  # done, and the connection breaks with everything on its way


class Rates(msgspec.Struct, frozen=True):
    """Shares of requests. A hang is for half of them one that did the work."""

    fail: float = 0.02  # shop.refund and mail.send
    order_fail: float = 0.01  # shop.order
    find_fail: float = 0.005  # shop.find and mail.find: says nothing about what was asked for
    hang: float = 0.003
    late: float = 0.01
    lost: float = 0.005
    close: float = 0.0002  # each also takes the answers of its neighbours

    @classmethod
    def none(cls) -> "Rates":
        """A friendly outside."""
        return cls(fail=0, order_fail=0, find_fail=0, hang=0, late=0, lost=0, close=0)


class Faults:
    """The same seed, start, door and key meet the same fault; asked again, they roll again."""

    def __init__(self, seed: int, starts: int, rates: Rates) -> None:
        self._salt = f"{seed}:{starts}"
        self._again: dict[tuple[str, str], int] = {}  # only keys that met a fault are counted
        effect = _upto(rates, rates.fail)
        find = [(rates.find_fail, Fault.FAIL)]
        self._tables = {
            "shop.refund": effect,
            "mail.send": effect,
            "shop.order": _upto(rates, rates.order_fail),
            "shop.find": find,
            "mail.find": find,
        }

    def draw(self, door: str, key: str) -> tuple[Fault, float]:
        """What this request meets, and the delay in seconds for the case that it is LATE."""
        attempt = self._again.get((door, key), 0)
        name = f"{self._salt}:{attempt}:{door}:{key}".encode()
        rolled = int.from_bytes(blake2b(name, digest_size=8).digest(), "big")
        share = (rolled >> 32) / _FINE
        for upto, fault in self._tables[door]:
            if share < upto:
                self._again[door, key] = attempt + 1
                delay = (rolled & (_FINE - 1)) / _FINE
                return fault, _LATE_S_MIN + delay * (_LATE_S_MAX - _LATE_S_MIN)
        return Fault.NONE, 0.0


def _upto(rates: Rates, fail: float) -> list[tuple[float, Fault]]:
    shares = (
        (fail, Fault.FAIL),
        (rates.hang / 2, Fault.HANG),
        (rates.hang / 2, Fault.HANG_DONE),
        (rates.late, Fault.LATE),
        (rates.lost, Fault.LOST),
        (rates.close, Fault.CLOSE),
    )
    table, total = [], 0.0
    for share, fault in shares:
        total += share
        table.append((total, fault))
    return table
