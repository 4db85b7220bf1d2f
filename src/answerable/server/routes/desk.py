"""Where people answer: the desk's cases, and the effects that wait for a yes or no."""

from answerable.desk.domain import QueueItem
from answerable.desk.service import Taken
from answerable.server.table import Route
from answerable.worker.verbs import (
    ApprovalAnswer,
    ApprovalList,
    DeskGiveBack,
    DeskHandback,
    DeskList,
    DeskSay,
    DeskTake,
    EffectSettle,
    UnknownList,
)
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.desk import Answered, GivenBack, HoldRow, Said

_OF_CASE = ("case_not_found", "case_not_yours", "person_unknown")

ROUTES = (
    Route(
        method="GET", path="/v1/desk", name="listDesk", summary="What waits, longest first.",
        scopes=("desk", "read"), verb=DeskList, returns=list[QueueItem],
    ),
    Route(
        method="POST", path="/v1/desk/{case}/take", name="takeCase",
        summary="Take a case over: no agent speaks on it any more.",
        scopes=("desk",), verb=DeskTake, by="by", returns=Taken,
        ledger="`lease`, in the name of the key's person", codes=_OF_CASE,
    ),
    Route(
        method="POST", path="/v1/desk/{case}/reply", name="replyAtDesk",
        summary="Answer a message of a case that you hold, where it was asked; once per `key`.",
        scopes=("desk",), verb=DeskSay, by="by", returns=Said,
        ledger="`decided` and how the reply ended", codes=(*_OF_CASE, "not_found"),
    ),
    Route(
        method="POST", path="/v1/desk/{case}/handback", name="handCaseBack",
        summary="Give a case that you hold back to its agent.",
        scopes=("desk",), verb=DeskHandback, by="by", returns=Done,
        ledger="`handback`, in the name of the key's person", codes=_OF_CASE,
    ),
    Route(
        method="POST", path="/v1/agents/{agent}/handback", name="handCasesBack",
        summary="Give an agent back, up to `limit` at once, its cases that wait at the desk with "
        "`code` and that nobody has taken; unless `is_meant`, say only how many.",
        scopes=("desk",), verb=DeskGiveBack, by="by", returns=GivenBack,
        ledger="a `handback` for each case, in the name of the key's person",
        codes=("agent_unknown", "person_unknown"),
    ),
    Route(
        method="GET", path="/v1/approvals", name="listApprovals",
        summary="Effects that wait for a yes or no: the exact action, for whom, until when.",
        scopes=("approve", "read"), verb=ApprovalList, returns=list[HoldRow],
    ),
    Route(
        method="POST", path="/v1/approvals/{effect}", name="answerApproval",
        summary="Yes: the exact action is carried out, once. No: it never happens.",
        scopes=("approve",), verb=ApprovalAnswer, by="by", returns=Answered,
        ledger="`approval`, in the name of the key's person, and how the effect ended",
        codes=("effect_not_found", "hold_ended", "cannot_act_now", "person_unknown"),
    ),
    Route(
        method="GET", path="/v1/unknown", name="listUnknown",
        summary="Effects of which only a person can say how they ended.",
        scopes=("approve", "read"), verb=UnknownList, returns=list[HoldRow],
    ),
    Route(
        method="POST", path="/v1/effects/{effect}/settle", name="settleEffect",
        summary="Say how an unknown effect ended, having looked at the other side.",
        scopes=("approve",), verb=EffectSettle, by="by", returns=Answered,
        ledger="how the effect ended, in the name of the key's person",
        codes=("effect_not_found", "effect_not_unknown", "person_unknown"),
    ),
)  # fmt: skip
