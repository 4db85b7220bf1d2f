"""Attacks on what is done outside: something that no record speaks of, a record of nothing done."""

from pathlib import Path

from answerable.testing.world import Life, Till
from attacked.attack import Caught, attack
from erasing import found, says
from stories import run


def differences(to: Path, after: str) -> set[str]:
    """Keys under which the outside did something and the ledger says nothing, or the reverse."""
    seen: list[set[str]] = []

    async def scenario() -> None:
        till = Till()
        world = await found(to, till)
        async with world.running() as life:
            await says(life, "refund 10", "refund 20")
            assert till.done.keys() == await recorded(life)
            if after == "paid past the house":
                await till.pay("eff_nobodys", 9_000)
            elif after == "never paid":
                del till.done[min(till.done)]
            seen.append(till.done.keys() ^ await recorded(life))

    run(scenario)
    return seen[0]


async def recorded(life: Life) -> set[str]:
    """The keys of the tools' effects that the ledger calls done."""
    decided = await life.entries("decided")
    tools = {
        one.effect.id for one in decided if one.effect and one.action and one.action.kind == "tool"
    }
    ends = [one.effect for one in await life.entries("effect.done") if one.effect]
    return {effect.key for effect in ends if effect.id in tools}


@attack("do an effect and record nothing", holds="the company", seen=r"eff_nobodys")
def without_record(to: Path) -> Caught | None:
    found_ = differences(to, "paid past the house")
    return (
        Caught("the outside's books, by key", f"{min(found_)} is in no entry") if found_ else None
    )


@attack("record an effect and do nothing", holds="the company", seen=r"nowhere else")
def without_effect(to: Path) -> Caught | None:
    found_ = differences(to, "never paid")
    said = f"{min(found_)} is done in the ledger and nowhere else" if found_ else ""
    return Caught("the outside's books, by key", said) if found_ else None
