"""What is remembered of cases and parties is what their rows say, at every moment that counts."""

import random
from pathlib import Path

import pytest

from answerable import pipeline
from answerable.cases import recent, rows
from answerable.effects import rows as effects
from answerable.parties import service as parties
from answerable.pipeline import desk
from answerable.pipeline.act import act
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Acted, Decided
from answerable.testing.world import SPECIALIST, Life, Till
from stories import inline_world, run, support


def _cases(life: Life) -> list[str]:
    return [row[0] for row in life.db.execute('SELECT id FROM "case" ORDER BY id')]


def _agree(life: Life) -> None:
    """What the hallway is told of each case is what stands in the file."""
    for case_id in _cases(life):
        row = rows.find(life.db, case_id)
        assert row is not None
        assert life.house.hall.cases.get(case_id) == row
        assert life.house.hall.leases.may_send(case_id, row.lease)
    for hash_, party in life.db.execute("SELECT hash, party FROM identifier").fetchall():
        found = life.house.hall.parties.find(hash_)
        assert found is not None
        assert (found.id, found.is_new) == (party, False)


@pytest.mark.parametrize("kept", [1, 3, 20_000])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_memory_and_rows_agree_whatever_happens_and_however_little_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int, seed: int
) -> None:
    monkeypatch.setattr(recent, "_KEPT_MAX", kept)
    monkeypatch.setattr(parties, "_KEPT_MAX", kept)
    chance = random.Random(seed)
    world = inline_world(tmp_path / "home", support(Till()))

    async def scenario() -> None:
        await world.found()
        for life_number in range(2):
            async with world.running() as life:
                hall = life.house.hall
                for number in range(20):
                    sender = f"c{chance.randrange(6)}@example.org"
                    await life.say("hello", external_id=f"{life_number}-{number}", sender=sender)
                    await life.settled()
                    case_id = chance.choice(_cases(life))
                    is_agents = hall.cases.get(case_id).lease.is_held_by_agent("support")
                    move = desk.take if is_agents else desk.hand_back
                    if chance.random() < 0.5:
                        await move(hall, case_id, SPECIALIST)
                    _agree(life)

    run(scenario)


def test_the_lease_of_before_lets_nothing_start_once_a_takeover_is_durable(tmp_path: Path) -> None:
    world = inline_world(tmp_path / "home", support(Till()))

    async def scenario() -> None:
        await world.found()
        async with world.running() as life:
            hall = life.house.hall
            await life.say("hello", external_id="m1")
            await life.settled()
            (case_id,) = _cases(life)
            before = hall.cases.get(case_id).lease
            assert hall.leases.may_send(case_id, before)
            taken = await desk.take(hall, case_id, SPECIALIST)
            assert not hall.leases.may_send(case_id, before)
            assert hall.leases.may_send(case_id, taken.lease)

    run(scenario)


def test_a_fresh_effect_is_what_its_row_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Act goes on with what decide has just written, without reading it back."""
    world = inline_world(tmp_path / "home", support(Till()))
    seen = []

    async def acts(hall: Hall, decided: Decided) -> Acted:
        found = effects.list_of_interaction(hall.db, _interaction(decided))
        seen.append(([one.state for one in decided.effects], found))
        return await act(hall, decided)

    monkeypatch.setattr(pipeline, "act", acts)

    async def scenario() -> None:
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()

    run(scenario)
    ((states, found),) = seen
    assert len(states) == 2
    assert states == found


def _interaction(decided: Decided) -> str:
    return decided.proposed.routed.resolved.received.interaction
