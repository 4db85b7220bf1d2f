"""Who is erased, and how a test asks for it."""

from pathlib import Path
from typing import TypeVar

from answerable.testing.world import OWNER, SPECIALIST, Life, Till, World
from answerable.worker import verbs
from answerable.worker.verbs.forget import ErasedView
from offices import asking
from stories import inline_world, support

T = TypeVar("T")
KIM, LEE = "kim@example.org", "lee@example.org"


async def told(life: Life, verb: verbs.Verb, kind: type[T]) -> T:
    answer = await asking(life)(verb)
    assert isinstance(answer, kind)
    return answer


async def found(tmp_path: Path, till: Till | None = None, *, policy: str = "") -> World:
    world = inline_world(tmp_path / "home", support(till or Till()), policy=policy)
    await world.found()
    return world


def party_of(life: Life, sender: str = KIM) -> str:
    hall = life.house.hall
    party = hall.parties.find(hall.keyring.identifier_hash("email", sender))
    assert party is not None
    return party.id


async def says(life: Life, *texts: str, sender: str = KIM) -> str:
    """The party that has said this."""
    for text in texts:
        count = life.db.execute("SELECT count(*) FROM arrival").fetchone()[0]
        await life.say(text, external_id=f"m{count}", sender=sender)
        await life.settled()
    return party_of(life, sender)


async def erase(life: Life, party: str) -> ErasedView:
    """By two persons."""
    asked = await told(life, verbs.PartyErase(party, OWNER, "asked by letter"), ErasedView)
    assert not asked.is_erased
    return await told(life, verbs.PartyErase(party, SPECIALIST), ErasedView)
