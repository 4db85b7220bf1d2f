"""What another policy would have said: the newest decisions, judged again, and nothing is done."""

import asyncio

from answerable.base.clock import iso
from answerable.base.errors import Unreadable
from answerable.effects.intent import open_intent
from answerable.ledger.domain import Entry, decode_entry
from answerable.ledger.telling import tell_action
from answerable.policy.decide import decide
from answerable.policy.domain import Request, Verdict, decode_request
from answerable.policy.load import PolicySet, load
from answerable.policy.reasons import STOP_ASK, is_before_policy
from answerable.views import places
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.proofs import DryRun, WouldChange


async def policy_dry_run(office: Office, verb: verbs.PolicyDryRun) -> DryRun:
    """Raises PolicyInvalid where the other policies do not load."""
    policies = load(verb.files)
    await office.index.follow(office.house.hall.engine)
    found = places.decisions(office.index.db, agent=verb.agent, limit=verb.limit)
    judged, not_asked, unread = 0, 0, 0
    changed: list[WouldChange] = []
    for place in found:
        record = await office.record_at(place.position)
        entry = decode_entry(record.data)
        if _is_ours(entry):
            not_asked += 1
            continue
        try:
            intent = open_intent(office.house.hall.keyring, record)
        except Unreadable:
            intent = None
        if intent is None:
            unread += 1
            continue
        judged += 1
        different = _judge(policies, entry, decode_request(bytes(intent.request)))
        if different is not None:
            changed.append(different)
        await asyncio.sleep(0)  # others of this worker go on
    return DryRun(policies.digest, judged, not_asked, unread, tuple(changed))


def _is_ours(entry: Entry) -> bool:
    """Decided by a rule of ours, by a limit or by a person: no policy was asked."""
    reasons = entry.policy[-1].reasons
    is_own = any(map(is_before_policy, reasons))
    return entry.agent is None or (is_own and STOP_ASK not in reasons)


def _judge(policies: PolicySet, entry: Entry, request: Request) -> WouldChange | None:
    judgement, used = decide(policies, request), entry.policy[-1]
    would_be = judgement.verdict
    if STOP_ASK in used.reasons and would_be is Verdict.ALLOW:
        would_be = Verdict.HOLD  # a stop asked a person then, and would have again
    if would_be.value == used.verdict:
        return None
    return WouldChange(
        decision=entry.id, at=iso(entry.ts), agent=request.agent,
        action=tell_action(entry.action) if entry.action else "", was=used.verdict,
        would_be=would_be.value, rules=judgement.reasons,
    )  # fmt: skip


HANDLERS: Handlers = {verbs.PolicyDryRun: policy_dry_run}
