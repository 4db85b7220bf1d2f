"""The public commands: what people and their tools may ask of a house."""

from answerable.effects.rows import count_open
from answerable.pipeline.receive import accept_messages
from answerable.rails.port import Ack
from answerable.telemetry.passages import Passage
from answerable.worker import verbs
from answerable.worker.commands import (
    access,
    agents,
    answers,
    archives,
    bundles,
    cases,
    completeness,
    decisions,
    desk,
    dryrun,
    feed,
    forget,
    interactions,
    keys,
    leaving,
    operations,
    overview,
    parties,
    people,
    proofs,
    reading,
    receipts,
    releases,
    roles,
    stop,
    story,
)
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.stored import stored
from answerable.worker.verbs.control import Standing


async def messages_accept(office: Office, verb: verbs.MessagesAccept) -> list[Ack]:
    office.house.disk.check(office.house.hall.clock.now())
    stages = office.dispatcher.stages
    passage = Passage("", "accept", office.house.hall.clock.now())
    passage.enter("receive")
    try:
        acks = await accept_messages(office.house.hall, verb.messages)
    finally:
        passage.enter("")
        stages.add(passage)
    new = [ack.interaction for ack in acks if ack.is_new]
    stages.passages.accepted(new, passage.took_us, began_us=passage.began_us)
    return acks


async def status(office: Office, _: verbs.Status) -> Standing:
    house = office.house
    return Standing(
        in_flight=office.dispatcher.in_flight,
        waiting=house.journal.backlog,
        open=count_open(house.hall.db),
        entries=house.hall.committer.size,
        commits=house.journal.commits,
        now=house.hall.clock.now(),
        stages=office.dispatcher.stages.counts(),
        position=office.index.cursor,
        traces_dropped=house.traces.dropped + office.dispatcher.stages.passages.dropped,
    )


_HANDLERS: Handlers = {verbs.MessagesAccept: messages_accept, verbs.Status: status}
for _room in (
    access,
    agents,
    answers,
    archives,
    bundles,
    cases,
    completeness,
    decisions,
    desk,
    dryrun,
    feed,
    forget,
    interactions,
    keys,
    leaving,
    operations,
    receipts,
    overview,
    parties,
    people,
    proofs,
    reading,
    releases,
    roles,
    stop,
    story,
):
    _HANDLERS |= _room.HANDLERS


async def call(office: Office, verb: verbs.Verb) -> object:
    """Run one command. Raises AnswerableErrors, which say what to do."""
    with stored():
        return await _HANDLERS[type(verb)](office, verb)
