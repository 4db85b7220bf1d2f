"""Words of the author's code and of the other side are sealed; entries hold our codes only."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from answerable import Agent, Context, Message
from answerable.effects.domain import Status
from answerable.effects.errors import NotDone, OutcomeUnknown
from answerable.sdk.words import Outcome
from answerable.testing.world import OWNER, Till
from stories import inline_world, queue_of, refund_of, run, scene

SECRET = "Kim Secretperson"


class KimSecretperson(Exception): ...


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (NotDone(SECRET, is_final=True), "not_done"),
        (OutcomeUnknown(SECRET), "no_answer"),
        (KimSecretperson(SECRET), "raised"),
    ],
)
def test_what_the_other_side_says_is_sealed(tmp_path: Path, answer: Exception, code: str) -> None:
    async def scenario() -> None:
        async def says(_key: str) -> None:
            raise answer

        world = scene(tmp_path, Till(before=says))
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            told = [e for e in await life.entries("effect.failed", "effect.unknown") if e.body]
            assert [e.outcome.reason for e in told if e.outcome] == [code]
            data = b"".join(record.data for record in await life.records())
            assert b"Secretperson" not in data

    run(scenario)


def test_a_wished_queue_that_is_no_name_is_sealed_and_step_keys_cannot_be_guessed(
    tmp_path: Path,
) -> None:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="seal")

    async def look_up(sender: str) -> str:
        return sender

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Outcome:
        await ctx.step(look_up, message.sender)
        return ctx.escalate("x", queue=SECRET)

    async def scenario() -> None:
        world = inline_world(tmp_path / "home", agent)
        await world.found()
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.settled()
            assert queue_of(life) == [("orders", "asked")]
            records = await life.records()
            assert SECRET.encode() not in b"".join(record.data for record in records)
            asked = msgspec.json.encode([("kim@example.org",), {}], order="sorted")
            guess = hashlib.sha256(asked).hexdigest()[:16]
            assert not [r.key for r in records if guess in r.key]

    run(scenario)


def test_a_receipt_that_cannot_be_shown_is_a_receipt(tmp_path: Path) -> None:
    class Shy:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    async def scenario() -> None:
        till = Till()
        pay = till.pay

        async def odd(key: str, amount_minor: int) -> Any:
            await pay(key, amount_minor)
            return Shy()

        till.pay = odd  # type: ignore[method-assign]
        world = scene(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.run_out()
            assert refund_of(life).status is Status.DONE
            assert world.mailbox.texts == ["Refunded."]

    run(scenario)
