"""Every page of the console, each in the file that is named after its question's noun."""

from answerable.console.page import Page
from answerable.console.pages import (
    agents,
    approvals,
    cases,
    decisions,
    desk,
    home,
    interactions,
    ledger,
    parties,
    people,
    stop,
    theme,
)

PAGES: tuple[Page, ...] = tuple(
    page
    for room in (
        home, desk, approvals, cases, interactions, decisions, parties, agents, people, ledger,
        stop, theme,
    )
    for page in room.PAGES
)  # fmt: skip
