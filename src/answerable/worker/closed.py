"""A command on a home that nobody holds: it holds the home for itself, for as long as it takes."""

from pathlib import Path

import msgspec

from answerable.compose.configured import office_plan, plan, policies_of
from answerable.policy.load import load_folder
from answerable.worker.commands import call
from answerable.worker.commands.decisions import rules_of
from answerable.worker.process import close_office, open_office
from answerable.worker.verbs import (
    Asked,
    MessagesAccept,
    PolicyExplain,
    Verb,
    decode_verb,
    encode_asked,
)


class _Sent(msgspec.Struct):
    verb: msgspec.Raw


async def ask_closed(home: Path, verb: Verb) -> object:
    """No agent is loaded and nothing that waits is touched. Raises HomeHeld, WrongHome."""
    sent = msgspec.json.decode(encode_asked(Asked(0, verb)), type=_Sent)
    checked = decode_verb(bytes(sent.verb))  # as the socket would
    if isinstance(verb, PolicyExplain):  # the office has no policy, but its folder can be read
        return rules_of(load_folder(policies_of(home)))
    is_arrival = isinstance(verb, MessagesAccept)  # which rails there are, only these must know
    office = await open_office((plan if is_arrival else office_plan)(home), works=False)
    try:
        return await call(office, checked)
    finally:
        await close_office(office)
