"""The public commands: what people and the command line may ask of a house."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from answerable.effects.rows import count_open
from answerable.pipeline.receive import Ack, accept_messages
from answerable.worker import verbs
from answerable.worker.commands import answers, control, desk, proofs
from answerable.worker.commands.office import Office

Handler = Callable[[Office, Any], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Standing:
    """How the worker is doing."""

    in_flight: int
    waiting: int  # messages accepted and not finished
    open: int  # interactions and effects that have not ended
    entries: int
    commits: int
    now: int
    stages: dict[str, list[int]]


async def messages_accept(office: Office, verb: verbs.MessagesAccept) -> list[Ack]:
    with office.dispatcher.stages.timed("receive"):
        return await accept_messages(office.house.hall, verb.messages)


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
    )


_HANDLERS: dict[type, Handler] = {
    verbs.MessagesAccept: messages_accept,
    verbs.Status: status,
    verbs.PersonAdd: control.person_add,
    verbs.PersonLeave: control.person_leave,
    verbs.PersonList: control.person_list,
    verbs.OwnerAccept: control.owner_accept,
    verbs.AgentList: control.agent_list,
    verbs.Stop: control.stop,
    verbs.ApprovalList: answers.approval_list,
    verbs.ApprovalAnswer: answers.approval_answer,
    verbs.UnknownList: answers.unknown_list,
    verbs.EffectSettle: answers.effect_settle,
    verbs.DeskList: desk.desk_list,
    verbs.DeskTake: desk.desk_take,
    verbs.DeskSay: desk.desk_reply,
    verbs.DeskHandback: desk.desk_handback,
    verbs.CaseShow: desk.case_show,
    verbs.DecisionWho: proofs.decision_who,
    verbs.LedgerCheckpoint: proofs.checkpoint,
    verbs.LedgerProve: proofs.ledger_prove,
}


async def call(office: Office, verb: verbs.Verb) -> object:
    """Run one command. Raises AnswerableErrors, which say what to do."""
    return await _HANDLERS[type(verb)](office, verb)
