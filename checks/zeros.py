"""What a day must show, whatever failed in it: one list for all checks that let something fail."""

from collections.abc import Iterator
from pathlib import Path

from answerable.demo.report import Report
from answerable.worker.deep import verify_deep

_ZERO = (
    "lost", "doubled", "effects_without_record", "effects_without_owner", "books_difference",
    "unknown_left",
)  # fmt: skip


def violations(report: Report, home: Path) -> Iterator[str]:
    """Of the day's promises, and whatever in its home is not as it was written."""
    for name in _ZERO:
        if getattr(report, name):
            yield f"{name}: {getattr(report, name)}"
    if report.interactions != report.acknowledged:
        yield f"{report.acknowledged} acknowledged, {report.interactions} recorded"
    if not report.ledger.verified:
        yield f"the ledger: {report.ledger.problem}"
    for problem in verify_deep(home).problems:
        yield problem.sentence
