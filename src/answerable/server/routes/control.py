"""Agents, who answers for them, the people, and the stop."""

from answerable.server.table import Route
from answerable.worker.verbs import (
    AgentList,
    AgentShow,
    Overview,
    OwnerAccept,
    OwnerDelegate,
    OwnerSet,
    OwnerShow,
    PersonList,
    ReleaseList,
    Stop,
    StopList,
)
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.control import (
    AgentRow,
    AgentView,
    OverviewView,
    ReleaseRow,
    Stopped,
    StopRow,
)
from answerable.worker.verbs.people import OwnerView, PersonRow

_LIFTED = {"is_on": False, "is_kill": False}
_OF_AGENT = ("agent_unknown",)
_OF_OWNER = ("agent_unknown", "person_unknown", "agent_has_no_owner")

ROUTES = (
    Route(
        method="GET", path="/v1/overview", name="overview",
        summary="Is everything all right? Counts of today, what waits, what is wrong.",
        scopes=("read",), verb=Overview, returns=OverviewView,
    ),
    Route(
        method="GET", path="/v1/agents", name="listAgents",
        summary="Agents, their releases and owners.",
        scopes=("read",), verb=AgentList, returns=list[AgentRow],
    ),
    Route(
        method="GET", path="/v1/agents/{agent}", name="showAgent",
        summary="Who answers for it, what it may do, what it did today, what waits.",
        scopes=("read",), verb=AgentShow, returns=AgentView, codes=_OF_AGENT,
    ),
    Route(
        method="GET", path="/v1/agents/{agent}/owner", name="showOwner",
        summary="Who answers for an agent now, and how it came to that.",
        scopes=("read", "people"), verb=OwnerShow, returns=OwnerView, codes=_OF_AGENT,
    ),
    Route(
        method="POST", path="/v1/agents/{agent}/owner", name="askOwner",
        summary="Ask a person to answer for an agent; nothing changes until they accept.",
        scopes=("people", "control"), verb=OwnerSet, by="by", returns=Done,
        ledger="`owner.changed`, in the name of the key's person", codes=_OF_OWNER,
    ),
    Route(
        method="POST", path="/v1/agents/{agent}/accept", name="acceptOwnership",
        summary="The key's person accepts to answer for an agent.",
        scopes=("people", "control"), verb=OwnerAccept, by="person", returns=Done,
        ledger="`owner.accepted`, by the key's person", codes=_OF_OWNER,
    ),
    Route(
        method="POST", path="/v1/agents/{agent}/delegate", name="delegateOwnership",
        summary="The key's person, who owns the agent, lets another answer for a time.",
        scopes=("people", "control"), verb=OwnerDelegate, by="by", returns=Done,
        ledger="`owner.changed`, in the name of the key's person", codes=_OF_OWNER,
    ),
    Route(
        method="GET", path="/v1/releases", name="listReleases",
        summary="Releases, newest first, with the digest of each part.",
        scopes=("read",), verb=ReleaseList, returns=list[ReleaseRow],
    ),
    Route(
        method="GET", path="/v1/people", name="listPeople",
        summary="The directory, and who answers for what.",
        scopes=("people", "read"), verb=PersonList, returns=list[PersonRow],
    ),
    Route(
        method="GET", path="/v1/stop", name="listStops", summary="What is stopped, and by whom.",
        scopes=("read", "control"), verb=StopList, returns=list[StopRow],
    ),
    Route(
        method="POST", path="/v1/stop", name="stop",
        summary="Put a stop on a scope: `*`, an agent, `tool:AGENT/TOOL`, `party:pty_...`.",
        scopes=("control",), verb=Stop, by="by", fixed={"is_on": True}, returns=Stopped,
        ledger="`stop`, in the name of the key's person", codes=_OF_AGENT,
    ),
    Route(
        method="DELETE", path="/v1/stop", name="liftStop", summary="Let a scope go again.",
        scopes=("control",), verb=Stop, by="by", fixed=_LIFTED, returns=Stopped,
        ledger="`stop` ended, in the name of the key's person", codes=_OF_AGENT,
    ),
)  # fmt: skip
