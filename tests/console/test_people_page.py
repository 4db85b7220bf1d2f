"""Who may read every body is marked where people are listed."""

from pathlib import Path

from answerable.testing.world import OWNER, SPECIALIST
from answerable.worker import verbs
from answerable.worker.verbs.base import Done
from looking import looking
from stories import run

CHIP = '<span class="chip">auditor</span>'


def test_an_auditor_is_marked_as_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with looking(tmp_path) as visitor:
            assert CHIP not in await visitor.see("/people")
            await visitor.ask(verbs.RoleSet(SPECIALIST, "auditor", OWNER), Done)
            assert (await visitor.see("/people")).count(CHIP) == 1

    run(scenario)
