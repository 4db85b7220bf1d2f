"""Attacks on what is done outside: something that no record speaks of, a record of nothing done."""

from collections import Counter
from pathlib import Path

from answerable.exports.books import Difference, compare
from answerable.testing.world import Till
from attacked.attack import Caught, attack
from erasing import found, says
from stories import run


def differences(to: Path, after: str) -> list[Difference]:
    """What a comparison of the log with the outside's books says, after the attack."""
    seen: list[Difference] = []

    async def scenario() -> None:
        till = Till()
        world = await found(to, till)
        async with world.running() as life:
            await says(life, "refund 10", "refund 20")
            assert till.done.keys()
            if after == "paid past the house":
                await till.pay("eff_nobodys", 9_000)
            elif after == "never paid":
                del till.done[min(till.done)]
            books = Counter({key: len(amounts) for key, amounts in till.done.items()})
            seen.extend(compare(await life.entries(), books, "refund").differences)

    run(scenario)
    return seen


def caught(found_: list[Difference]) -> Caught | None:
    if not found_:
        return None
    return Caught(
        "ledger compare, with the outside's books", f"{found_[0].key}: {found_[0].problem}"
    )


@attack("do an effect and record nothing", holds="the company", seen=r"eff_nobodys: .* no entry")
def without_record(to: Path) -> Caught | None:
    return caught(differences(to, "paid past the house"))


@attack("record an effect and do nothing", holds="the company", seen=r"the books do not have it")
def without_effect(to: Path) -> Caught | None:
    return caught(differences(to, "never paid"))
