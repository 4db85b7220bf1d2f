"""What was said, out of sealed bodies. What was erased or archived is
shown as that, and fails no page."""

from collections.abc import Sequence
from dataclasses import dataclass

from answerable.base.clock import iso
from answerable.base.errors import Unreadable
from answerable.base.ids import made_at
from answerable.cases.domain import Message
from answerable.effects.domain import EffectState, Interaction, Status
from answerable.ledger.archive import BodyArchived
from answerable.pipeline.history import words_of
from answerable.pipeline.receive import load_message
from answerable.worker.commands.office import Office
from answerable.worker.verbs.base import ARCHIVED, ERASED


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as people may read it."""

    at: str
    sender: str
    text: str
    external_id: str


def heard(interaction: str, message: Message | None, gone: str = ERASED) -> Heard:
    """`gone` stands where words were, if there is no message."""
    if message is None:
        return Heard(iso(made_at(interaction)), gone, gone, gone)
    return Heard(iso(message.sent_at), message.sender, message.text, message.external_id)


async def heard_in(office: Office, row: Interaction) -> Heard:
    """The message that began an interaction."""
    try:
        message = await load_message(office.house.hall, row.position)
    except BodyArchived as gone:
        words = await office.words_put_away(gone.index)
        return Heard(iso(made_at(row.id)), ARCHIVED, words, ARCHIVED)
    except (Unreadable, LookupError) as error:
        return heard(row.id, None, office.words_erased(error))
    return heard(row.id, message)


async def replies_sent(office: Office, states: Sequence[EffectState]) -> tuple[str, ...]:
    """The texts that really left, of all effects of one interaction: as hoped, or otherwise."""
    return tuple(
        [
            await _sent(office, state, states)
            for state in states
            if state.kind == "reply" and state.status is Status.DONE
        ]
    )


async def _sent(office: Office, state: EffectState, states: Sequence[EffectState]) -> str:
    try:
        return await words_of(office.house.hall, state, states)
    except BodyArchived as gone:
        return await office.words_put_away(gone.index)
    except (Unreadable, LookupError) as error:
        return office.words_erased(error)
