"""Cases, their interactions and their parties; the feed of what happens."""

from answerable.server.stream import CaseFeedParameters, FeedParameters, events
from answerable.server.table import EVENTS, Route
from answerable.worker.verbs import (
    CaseList,
    CaseShow,
    InteractionList,
    InteractionShow,
    PartyList,
    PartyShow,
)
from answerable.worker.verbs.cases import (
    CaseRow,
    CaseView,
    Happened,
    InteractionRow,
    InteractionView,
    PartyRow,
    PartyView,
)

ROUTES = (
    Route(
        method="GET", path="/v1/cases", name="listCases", summary="Cases, newest first.",
        scopes=("read",), verb=CaseList, returns=list[CaseRow],
    ),
    Route(
        method="GET", path="/v1/cases/{case}", name="showCase",
        summary="What was said and decided in a case, and who holds it.",
        scopes=("read", "desk"), verb=CaseShow, returns=CaseView, codes=("case_not_found",),
    ),
    Route(
        method="GET", path="/v1/cases/{case}/events", name="followCase",
        summary="Entries of a case as they happen: server-sent events, gap-free by cursor.",
        scopes=("read", "desk"), answer=events, parameters=CaseFeedParameters, media=EVENTS,
        returns=Happened, codes=("case_not_found",),
    ),
    Route(
        method="GET", path="/v1/events", name="followAll",
        summary="All entries as they happen: server-sent events, gap-free by cursor.",
        scopes=("read",), answer=events, parameters=FeedParameters, media=EVENTS,
        returns=Happened,
    ),
    Route(
        method="GET", path="/v1/interactions", name="listInteractions",
        summary="Interactions, newest first.",
        scopes=("read",), verb=InteractionList, returns=list[InteractionRow],
    ),
    Route(
        method="GET", path="/v1/interactions/{interaction}", name="showInteraction",
        summary="One arrival and all that it caused; waits up to `wait_s` for it to end.",
        scopes=("read", "messages", "desk"), verb=InteractionShow, returns=InteractionView,
        codes=("not_found",),
    ),
    Route(
        method="GET", path="/v1/parties", name="listParties", summary="Parties, newest first.",
        scopes=("read",), verb=PartyList, returns=list[PartyRow],
    ),
    Route(
        method="GET", path="/v1/parties/{party}", name="showParty",
        summary="Everything about one party.",
        scopes=("read",), verb=PartyShow, returns=PartyView, codes=("not_found",),
    ),
)  # fmt: skip
