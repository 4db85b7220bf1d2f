"""The made-up shop's orders: a pure function of the order number, the same in every process."""

import re
from hashlib import blake2b

import msgspec

NAME = "Brindlewick Tea"
CURRENCY = "USD"
ITEMS = (
    "glass teapot",
    "gooseneck kettle",
    "oolong sampler",
    "bamboo whisk",
    "cast-iron teapot",
    "matcha bowl",
    "travel infuser",
    "Assam tin",
    "porcelain cup set",
    "Earl Grey caddy",
    "storage jars",
    "tea trolley",
    "sencha bag",
    "rooibos box",
    "electric kettle",
    "tasting spoon set",
)
STATES = ("processing", "shipped", "delivered", "delivered", "delivered", "delayed", "cancelled")
_NUMBER = re.compile(r"BW-([1-9]\d{5})\Z")
_UNKNOWN_ONE_IN = 64  # so many of the well-formed numbers belong to no order
# Share of orders up to here, and the range of their totals in minor units.
_TOTALS = (
    (0.84, 400, 5_000),
    (0.92, 5_000, 20_000),
    (0.98, 20_000, 50_000),
    (1.0, 50_000, 150_000),
)


class Order(msgspec.Struct, frozen=True):
    """What the shop knows about one order."""

    order: str
    status: str
    item: str
    amount_minor: int
    currency: str
    ships: str  # a day, as the shop says it


def find_order(number: str) -> Order | None:
    """The order under this number such as `BW-204817`; None if the shop has none."""
    match = _NUMBER.match(number)
    if match is None:
        return None
    digest = int.from_bytes(blake2b(number.encode(), digest_size=12).digest(), "big")
    if digest % _UNKNOWN_ONE_IN == 0:
        return None
    digest >>= 6
    day = 1 + digest % 28
    digest >>= 8
    return Order(
        order=number,
        status=STATES[digest % len(STATES)],
        item=ITEMS[(digest >> 8) % len(ITEMS)],
        amount_minor=_total_minor((digest >> 16) % 1_000_003, (digest >> 40) % 1_000_003),
        currency=CURRENCY,
        ships=f"2026-03-{day:02d}",
    )


def _total_minor(which: int, where: int) -> int:
    """Most orders cost less than 50 USD, some 200 to 500, few more."""
    share = which / 1_000_003
    for upto, lowest, highest in _TOTALS:
        if share < upto:
            return lowest + where * (highest - lowest) // 1_000_003
    return _TOTALS[-1][2]
