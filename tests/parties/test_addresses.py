"""Who is speaking and where the reply goes come from one reading of one address."""

from pathlib import Path

import pytest

from answerable.base.errors import UsageError
from answerable.parties.domain import NoAddress, address_of, normalise
from answerable.testing.world import Till
from stories import inline_world, run, support


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("kim@example.org", "kim@example.org"),
        (" Kim Lee <Kim@Example.org> ", "Kim@Example.org"),
        ('"Lee, Kim" <kim@example.org>', "kim@example.org"),
        ("victim@x.example <attacker@evil.example>", "attacker@evil.example"),
        ("customer-17", "customer-17"),
    ],
)
def test_one_address_is_found_in_what_a_rail_shows(sender: str, address: str) -> None:
    assert address_of("email", sender) == address


@pytest.mark.parametrize(
    "sender",
    [
        "", "   ", "victim@x.example, attacker@evil.example", "a@x.example b@y.example",
        "victim@x.example\r\nBcc: attacker@evil.example", "<a@x.example> <b@y.example>",
        "a@b@c.example", "kim@example.org\u202e", "@example.org", "kim@",
    ],
)  # fmt: skip
def test_what_could_be_two_addresses_is_none(sender: str) -> None:
    with pytest.raises(NoAddress):
        address_of("email", sender)


@pytest.mark.parametrize(
    ("kind", "one", "other", "is_same"),
    [
        ("email", "Kim@Example.ORG", "kim@example.org", True),
        ("email", "kim@m\u00fcnchen.example", "kim@xn--mnchen-3ya.example", True),
        ("email", "kim+shop@example.org", "kim@example.org", False),
        ("email", "stra\u00dfe@x.example", "strasse@x.example", False),
        ("email", "kim@stra\u00dfe.example", "kim@strasse.example", False),
        ("phone", "+49 (30) 1234\u20115", "0049 30 12345", True),
        ("chat", "oX9ab", "Ox9AB", False),
        ("chat", "\ufb011", "fi1", False),
    ],
)
def test_only_what_the_standards_call_equal_is_one_person(
    kind: str, one: str, other: str, *, is_same: bool
) -> None:
    assert (normalise(kind, one) == normalise(kind, other)) is is_same


def test_a_display_name_cannot_be_somebody_else(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            await life.say("hello", external_id="m1", sender="victim@x.example")
            await life.say(
                "hello", external_id="m2", sender="victim@x.example <attacker@evil.example>"
            )
            with pytest.raises(UsageError, match="cannot be answered"):
                await life.say("hello", external_id="m3", sender="a@x.example,b@evil.example")
            await life.settled()
            parties = {
                entry.subject.pid for entry in await life.entries("received") if entry.subject
            }
        assert len(parties) == 2
        sent = sorted(one.to for one in world.mailbox.sent)
        assert sent == ["attacker@evil.example", "victim@x.example"]

    run(scenario)
