"""Somebody who asks for everything of a party or a person, and believes only what is proven."""

import asyncio
import contextlib
import random

from answerable.base.errors import AnswerableError
from answerable.ledger.answer import AnswerWrong, Question, verify_answer
from answerable.ledger.note import VKEY, VerifierKey
from answerable.testing.simulator.process import Lost
from answerable.testing.simulator.weather import pause_s
from answerable.testing.simulator.world import World
from answerable.worker.answering import NotClosed, answer_from
from answerable.worker.verbs import LedgerClose

_QUESTIONS = 4


async def auditor(world: World) -> None:
    """Asks now and then, whatever else happens."""
    chance = world.rng("auditor")
    for _ in range(_QUESTIONS):
        await asyncio.sleep(pause_s(chance) + 1.0)
        try:
            await world.ask(LedgerClose())
        except (Lost, AnswerableError, TimeoutError) as error:
            world.happened[f"auditor: {type(error).__name__}"] += 1
            continue
        with contextlib.suppress(NotClosed):  # another close came in between
            _look(world, chance)
            world.happened["auditor"] += 1


def _look(world: World, chance: random.Random) -> None:
    world.books.catch_up()
    entries = list(world.books.entries)
    parties = sorted({entry.subject.pid for entry in entries if entry.subject is not None})
    persons = sorted({entry.accountable for entry in entries if entry.accountable})
    asked = [Question(party=each) for each in parties] + [Question(owner=each) for each in persons]
    if not asked:
        return
    question = chance.choice(asked)
    key = VerifierKey.parse((world.home / VKEY).read_text().strip())
    try:
        whole = verify_answer(answer_from(world.home, question), [key])
    except AnswerWrong as wrong:
        world.witness.broken(8, f"{question}: {wrong}")
        return
    theirs = [e.seq for e in entries if question.number(e) and e.seq < whole.close]
    if [entry.seq for entry in whole.entries] != theirs:
        world.witness.broken(8, f"{question} has {theirs}, and was answered {whole.entries}")
