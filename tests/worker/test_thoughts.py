"""Who listens hears a model as it thinks; what is kept of it is little, and in memory."""

from pathlib import Path

from answerable.rails.port import Ack, Incoming
from answerable.testing.scripted import ScriptedModel
from answerable.worker import verbs
from answerable.worker.commands import call
from answerable.worker.thoughts import Thoughts
from answerable.worker.verbs.cases import Overheard
from offices import open_for
from stories import run
from thoughts import Shop, thinker, world_of

WHEN = Incoming(external_id="m1", sender="kim@example.org", text="When?", rail="email")


def test_thoughts_are_heard_from_where_one_listened(tmp_path: Path) -> None:
    async def scenario() -> None:
        model = ScriptedModel("It ships soon.")
        world = await world_of(tmp_path / "home", thinker(Shop()), model)
        async with open_for(world) as office:
            accept = verbs.MessagesAccept((WHEN,))
            accepted = await call(office, accept)
            assert isinstance(accepted, list)
            ack: Ack = accepted[0]
            await call(office, verbs.InteractionShow(ack.interaction, wait_s=20))

            async def hears(after: int) -> object:
                return await call(office, verbs.InteractionHear(ack.interaction, after))

            assert await hears(0) == Overheard("It ships soon.", 14)
            assert await hears(9) == Overheard("soon.", 14)
            assert await hears(14) == Overheard("", 14)
            assert await hears(99) == Overheard("It ships soon.", 14), "another life thinks anew"

    run(scenario)


def test_little_is_kept() -> None:
    thoughts = Thoughts()
    for number in range(100):
        thoughts.overhear(f"int_{number}", "x" * 100_000)
        thoughts.overhear(f"int_{number}", "y")
    kept = [thoughts.heard(f"int_{number}") for number in range(100)]
    assert sum(map(bool, kept)) == 32
    assert max(map(len, kept)) == 64 * 1024
    assert kept[-1]
