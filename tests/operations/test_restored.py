"""What a restored home began before it was copied may have happened since: it looks first."""

import shutil
from pathlib import Path

import pytest

from answerable.base.chance import SeededChance
from answerable.base.clock import SECOND_US, ManualClock
from answerable.base.errors import Broken
from answerable.base.ids import TimeOrderedIds, is_older
from answerable.compose.house import open_house
from answerable.effects.domain import Status
from answerable.store.restored import note_restored, restored
from answerable.testing.world import Life, Till, World
from answerable.worker.backup import write_backup
from answerable.worker.process import close_office, open_office
from answerable.worker.restore import Request, restore
from stories import HOLD_TOOLS, clock_of, inline_world, refund_of, run, support


def restore_over(world: World, copy: Path, life: Life) -> None:
    """The copy takes the place of the home, as `answerable restore` leaves it."""
    made_at_us = clock_of(life).now()
    clock_of(life).advance(60 * SECOND_US)
    shutil.rmtree(world.home)
    shutil.copytree(copy, world.home)
    note_restored(world.home, made_at_us=made_at_us, at_us=clock_of(life).now())


async def accepted(world: World, copy: Path) -> None:
    """A message is accepted and nobody has claimed it, when the copy is made."""
    await world.found()
    life = Life(open_house(world.plan()))
    await life.say("refund", external_id="m1")
    life.house.abandon()
    shutil.copytree(world.home, copy)


@pytest.mark.parametrize(
    ("repeat", "ends"), [("reconcilable", Status.DONE), ("at_most_once", Status.ASKED)]
)
def test_what_was_done_after_the_copy_is_not_done_again(
    tmp_path: Path, repeat: str, ends: Status
) -> None:
    async def scenario() -> None:
        till = Till()
        world = inline_world(tmp_path / "home", support(till, repeat=repeat))  # type: ignore[arg-type]
        await accepted(world, tmp_path / "copy")
        async with world.running() as life:
            await life.settled()
            assert till.payments == [4_000]
        restore_over(world, tmp_path / "copy", life)
        async with world.running() as life:
            await life.run_out()
            assert refund_of(life).status is ends
            assert (await life.verified()).problem is None
        assert till.payments == [4_000]
        assert world.mailbox.texts.count("Refunded.") == 1

    run(scenario)


def test_what_was_granted_after_the_copy_is_not_done_by_a_second_yes(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        world = inline_world(tmp_path / "home", support(till), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
        shutil.copytree(world.home, tmp_path / "copy")
        async with world.running() as life:
            await life.answer(refund_of(life), "grant")
            await life.settled()
        assert till.payments == [4_000]
        restore_over(world, tmp_path / "copy", life)
        async with world.running() as life:
            assert refund_of(life).status is Status.HELD
            await life.answer(refund_of(life), "grant")
            await life.run_out()
            assert refund_of(life).status is Status.DONE
        assert till.payments == [4_000]

    run(scenario)


def test_what_was_never_done_is_done_once_and_new_work_does_not_wait(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        world = inline_world(tmp_path / "home", support(till))
        await accepted(world, tmp_path / "copy")
        async with world.running() as life:
            pass
        till.done.clear()  # the other side never had it
        world.mailbox.sent.clear()
        restore_over(world, tmp_path / "copy", life)
        async with world.running() as life:
            await life.say("hello", external_id="m2", sender="lee@example.org")
            await life.settled()
            assert world.mailbox.texts == ["About hello."]
            await life.run_out()
        assert till.payments == [4_000]
        assert "Refunded." in world.mailbox.texts

    run(scenario)


def test_that_it_was_restored_stands_in_the_ledger_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        note_restored(world.home, made_at_us=5, at_us=7)
        for _ in range(2):
            await close_office(await open_office(world.plan()))
        async with world.running() as life:
            (gap,) = await life.entries("gap.declared")
            assert gap.change == {"why": "restored", "since": 5, "until": 7}

    run(scenario)


def test_a_note_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    assert restored(tmp_path) == (0, 0)
    (tmp_path / "restored").write_text("yesterday")
    with pytest.raises(Broken, match="done twice"):
        restored(tmp_path)


def test_an_id_says_when_it_was_made() -> None:
    clock = ManualClock()
    early = TimeOrderedIds(clock, SeededChance(1)).new("eff")
    assert is_older(f"{early}-1", clock.now() + SECOND_US)
    assert not is_older(f"{early}-1", clock.now())
    assert not is_older(f"{early}-1", 0)
    assert not is_older("eff_" + "0" * 32 + "-1", clock.now())


def test_a_machine_whose_clock_is_behind_does_not_do_it_again_either(tmp_path: Path) -> None:
    async def accepted_and_backed_up(world: World) -> None:
        await world.found()
        life = Life(open_house(world.plan()))
        await life.say("refund", external_id="m1")
        life.house.abandon()

    async def done(world: World) -> None:
        async with world.running() as life:
            await life.run_out()

    till = Till()
    world = inline_world(tmp_path / "home", support(till))
    run(lambda: accepted_and_backed_up(world))
    write_backup(world.home, tmp_path / "backup", clock=world.clock)
    run(lambda: done(world))
    assert till.payments == [4_000]
    keys = shutil.move(world.home / "backup-keys", tmp_path / "keys")
    shutil.rmtree(world.home)
    behind = ManualClock(world.clock.now() - 3_600 * SECOND_US)
    again = Request(
        source=tmp_path / "backup", home=world.home, backup_keys=Path(keys), clock=behind
    )
    restore(again)
    run(lambda: done(world))
    assert till.payments == [4_000]
    assert world.mailbox.texts == ["Refunded."]
