"""What was said on a case before: out of state and sealed bodies, for the turn that asks."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

from msgspec.structs import replace

from answerable.base.errors import Unreadable
from answerable.base.ids import made_at
from answerable.effects import rows as effects
from answerable.effects.domain import EffectState, Interaction, Status
from answerable.effects.intent import ReplyAction, load_action
from answerable.pipeline.hall import Hall
from answerable.pipeline.receive import load_message
from answerable.sdk.history import BYTES_MAX, Said, newest_of

_SAID = frozenset({Status.DONE, Status.READY, Status.UNKNOWN, Status.ASKED})
"""Of a reply: sent, or nobody can say."""

Item = tuple[Said, Callable[[], Awaitable[str]]]
"""Something that was said, still without its text, and how to read that."""


async def history_of(hall: Hall, case: str, interaction: str, limit: int) -> tuple[Said, ...]:
    """What was said on the case before an interaction was taken up, oldest first."""
    own = effects.interaction_of(hall.db, interaction)  # none before the turn's first barrier
    before = effects.list_of_case(hall.db, case, limit, before=own.id if own else "")
    items = [item for row in reversed(before) for item in _items(hall, row)]
    items.sort(key=lambda item: item[0].at // 1_000)  # of one millisecond: as they were taken up
    return newest_of([await _read(*item) for item in items[-limit:]], BYTES_MAX)


def _items(hall: Hall, row: Interaction) -> Iterator[Item]:
    yield Said(who="party", text="", at=made_at(row.id)), partial(_message, hall, row)
    states = effects.list_of_interaction(hall.db, row.id)
    for state in states:
        if state.kind == "reply" and state.status in _SAID:
            said = Said(
                who="agent" if state.agent else "person", text="", at=state.started_at,
                is_unknown=state.status is not Status.DONE,
            )  # fmt: skip
            yield said, partial(words_of, hall, state, states)


async def _read(said: Said, read: Callable[[], Awaitable[str]]) -> Said:
    try:
        return replace(said, text=await read())
    except (Unreadable, LookupError):
        return replace(said, is_erased=True)


async def _message(hall: Hall, row: Interaction) -> str:
    return (await load_message(hall, row.position)).text


async def words_of(hall: Hall, state: EffectState, states: Sequence[EffectState]) -> str:
    """What a reply that was sent says: as hoped, or otherwise; `states` are of its interaction.

    Raises Unreadable, LookupError where its words are not there any more.
    """
    action = await load_action(hall.engine, hall.keyring, state.position)
    if not isinstance(action, ReplyAction):
        return ""
    done = {one.id for one in states if one.status is Status.DONE}
    return action.text if state.after is None or state.after in done else action.otherwise
