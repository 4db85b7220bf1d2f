"""Every kind of entry can be told in a sentence, and none of them gives a person away."""

import asyncio
from pathlib import Path

import pytest

from answerable.ledger import domain as ledger
from answerable.ledger.domain import KINDS, Action, Entry
from answerable.ledger.telling import tell, tell_action
from answerable.testing.world import Till
from stories import HOLD_TOOLS, inline_world, support


def entry(kind: ledger.Kind, **more: object) -> Entry:
    return Entry(v=1, id="x_1", seq=1, ts=1, kind=kind, **more)  # type: ignore[arg-type]


REFUND = Action(kind="tool", name="refund", commit="", amount_minor=3_990, currency="USD")
REPLY = Action(kind="reply", name="email", commit="")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_a_sentence_even_where_every_field_is_empty(kind: ledger.Kind) -> None:
    said = tell(entry(kind))
    assert said
    assert not said.endswith(".")
    assert "None" not in said


def test_what_was_decided_and_what_became_of_it_is_said() -> None:
    policy = (ledger.PolicyUse(set="", context="", verdict="allow", reasons=("p.cedar:3 @a",)),)
    decided = entry("decided", action=REFUND, policy=policy)
    assert tell(decided) == "refund of 39.90 USD was allowed by p.cedar:3 @a"
    effect = ledger.Effect(id="eff_1", key="eff_1", repeat="idempotent", attempt=2)
    done = entry("effect.done", effect=effect)
    assert tell(done) == "the effect was done (attempt 2)"
    assert tell(done, REFUND) == "refund of 39.90 USD was done (attempt 2)"
    assert tell(done, REPLY) == "reply by email was sent (attempt 2)"
    escalated = entry("escalated", change={"queue": "orders", "code": "asked"})
    assert tell(escalated) == "handed to queue orders: asked"
    assert tell_action(REPLY) == "reply by email"
    stop = {"scope": "support", "is_on": 1, "mode": "pause"}
    assert tell(entry("stop", change=stop)) == "support was stopped"
    stop |= {"scope": "*", "mode": "read_only"}
    assert tell(entry("stop", change=stop)) == "everything was made read-only"
    assert tell(entry("stop", change=stop | {"is_on": 0})) == (
        "everything was let go again (read-only)"
    )


def test_no_sentence_of_a_home_says_who_wrote_or_what(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            for number, text in enumerate(("refund Quexil", "human Quexil", "hello Quexil")):
                await life.say(text, external_id=f"Quexil{number}", sender="quexil@example.org")
            await life.run_out()
            sentences = [tell(one) for one in await life.entries()]
        assert len(sentences) > 12
        personal = ("quexil", "olga", "sam", "@example", "@acme", "refunded")
        told = "\n".join(sentences).lower()
        assert [word for word in personal if word in told] == []

    asyncio.run(scenario())


def test_who_was_given_bodies_to_read_is_said_with_what_was_asked() -> None:
    read = entry("access.read", actor="per_1", change={"asked": "case cas_1", "bodies": 1})
    assert tell(read) == "per_1 was given 1 body to read, asking for case cas_1"
