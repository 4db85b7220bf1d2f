"""Judge one proposed action: our own rules first, then limits, then policy; the first no decides.

Synchronous on purpose: between the check of a limit and its reservation nothing else runs.
"""

import msgspec

from answerable.agents.stops import Mode
from answerable.base.clock import day_of
from answerable.base.ids import kin
from answerable.base.money import Money
from answerable.cases.domain import Message
from answerable.effects.domain import counted_as
from answerable.effects.intent import (
    Action,
    ReplyAction,
    ToolAction,
    amounts_in,
    encode_action,
    encode_intent,
    one_line,
    typed_arguments,
)
from answerable.ledger import domain as ledger
from answerable.ledger.draft import Body, Draft
from answerable.pipeline.guard import is_stopped
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Routed
from answerable.policy import reasons
from answerable.policy.domain import Judgement, Request, Rules, Verdict, encode_request
from answerable.policy.limits import Ask, Reservation
from answerable.policy.weigh import weigh, written
from answerable.sdk.words import Proposal, Reply


class Judged(msgspec.Struct, frozen=True):
    """A decision, ready to be recorded."""

    draft: Draft
    action: Action
    effect: str
    verdict: Verdict
    reservation: Reservation | None
    expires_at: int = 0


def judge_tool(hall: Hall, routed: Routed, proposal: Proposal) -> Judged:
    """May this tool be called with exactly these arguments?"""
    tool = proposal.tool
    action = ToolAction(tool=tool.name, arguments=msgspec.Raw(proposal.arguments))
    amounts = list(amounts_in(typed_arguments(tool, proposal.arguments)))
    tools = routed.release.blueprint.tools if routed.release else {}
    rules = Rules(
        is_in_release=tools.get(tool.name) is tool,
        stop=_why_stopped(hall, routed, tool.name),
        needs_grade=tool.needs_grade,
        is_ambiguous=len(amounts) > 1,  # two in one call cannot be judged as one
        limit=written(tool.limit),
        ask=_asks(hall, routed, tool.name),
    )
    amount = amounts[0] if amounts else None
    return _judge(
        hall, routed, action,
        _Asked("tool", tool.name, tool.repeat, proposal.ordinal, amount, rules),
    )  # fmt: skip


def _why_stopped(hall: Hall, routed: Routed, tool: str) -> str:
    agent, party = routed.resolved.case.agent, routed.resolved.party.id
    if is_stopped(hall, Mode.PAUSE, agent=agent, tool=tool, party=party):
        return reasons.STOP_PAUSE
    if is_stopped(hall, Mode.READ_ONLY, agent=agent, tool=tool, party=party):
        return reasons.STOP_READ_ONLY
    return ""


def judge_reply(hall: Hall, routed: Routed, reply: Reply, message: Message, ordinal: int) -> Judged:
    """May this be said, to the address that the message came from and to no other?"""
    action = ReplyAction(
        rail=message.rail, to=message.address, in_reply_to=message.external_id, text=reply.text,
        otherwise=reply.otherwise, subject=one_line(message.subject),
    )  # fmt: skip
    repeat = hall.lines[message.rail].rail.repeat
    rules = Rules(ask=_asks(hall, routed, ""))
    asked = _Asked("reply", message.rail, repeat, ordinal, None, rules, reply.after)
    return _judge(hall, routed, action, asked)


class _Asked(msgspec.Struct, frozen=True):
    kind: str
    name: str
    repeat: str
    ordinal: int
    amount: Money | None
    rules: Rules
    after: Proposal | None = None


def _judge(hall: Hall, routed: Routed, action: Action, asked: _Asked) -> Judged:
    now = hall.clock.now()
    resolved = routed.resolved
    day = day_of(now)
    what = counted_as(asked.kind, asked.name)
    party = resolved.party
    ask = Ask(resolved.case.agent, what, party.id, asked.amount, party.is_new)
    request = Request(
        agent=resolved.case.agent,
        release=routed.release.id if routed.release else "",
        action="perform" if asked.kind == "tool" else "reply",
        name=asked.name,
        grade=resolved.received.grade,
        at_us=now,
        amount=asked.amount,
        counters=hall.limits.counters(ask, day),
        rules=asked.rules,
    )
    judgement = weigh(hall.policy, request)
    is_no = judgement.verdict is Verdict.DENY
    reservation = None if is_no else hall.limits.reserve(ask, day)
    blueprint = routed.release.blueprint if routed.release else None
    expires_at = 0
    if judgement.verdict is Verdict.HOLD and blueprint is not None:
        expires_at = now + blueprint.hold_expires_after_s * 1_000_000
    draft = _draft(hall, routed, asked, (action, request, judgement, expires_at))
    effect = draft.effect.id if draft.effect else ""
    return Judged(draft, action, effect, judgement.verdict, reservation, expires_at)


def _asks(hall: Hall, routed: Routed, tool: str) -> str:
    """Whom a stop asks about it; empty where none does."""
    agent, party = routed.resolved.case.agent, routed.resolved.party.id
    if not is_stopped(hall, Mode.ASK, agent=agent, tool=tool, party=party):
        return ""
    return routed.release.blueprint.desk if routed.release else agent


def _draft(
    hall: Hall,
    routed: Routed,
    asked: _Asked,
    judged: tuple[Action, Request, Judgement, int],
) -> Draft:
    action, request, judgement, expires_at = judged
    resolved, interaction = routed.resolved, routed.resolved.received.interaction
    kid, lease = resolved.party.kid, resolved.case.lease
    day = day_of(request.at_us)  # the day that its limits were checked for
    action_bytes, request_bytes = encode_action(action), encode_request(request)
    effect = kin("eff", interaction, asked.ordinal)
    change: dict[str, str | int] = {"holder": lease.holder, "epoch": lease.epoch, "day": day}
    if expires_at:
        change["expires_at"] = expires_at
        change["ask"] = ", ".join(judgement.ask)
    amount = asked.amount
    return Draft(
        kind="decided",
        id=kin("dec", interaction, asked.ordinal),
        owner=routed.owner,
        agent=ledger.AgentRef(id=request.agent, release=request.release),
        party=resolved.party.id,
        parent=resolved.received.message_id,
        trace=ledger.Trace(interaction=interaction, case=resolved.case.id),
        policy=(
            ledger.PolicyUse(
                set=hall.policy.digest,
                context=hall.keyring.commit(kid, "request", request_bytes),
                verdict=judgement.verdict.value,
                reasons=judgement.reasons,
            ),
        ),
        action=ledger.Action(
            kind="tool" if asked.kind == "tool" else "reply",
            name=asked.name,
            commit=hall.keyring.commit(kid, "action", action_bytes),
            amount_minor=amount.amount_minor if amount else None,
            currency=amount.currency if amount else None,
        ),
        effect=ledger.Effect(
            id=effect,
            key=effect,
            repeat=asked.repeat,  # type: ignore[arg-type]
            after=kin("eff", interaction, asked.after.ordinal) if asked.after else None,
        ),
        change=change,
        body=Body(kid=kid, data=encode_intent(action_bytes, request_bytes)),
    )
