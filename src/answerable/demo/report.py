"""The report of a day: one object for machines, one screen for people."""

import shlex

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table


class Checked(msgspec.Struct, frozen=True):
    """The ledger, verified from its first entry."""

    entries: int
    verified: bool
    seconds: float
    problem: str = ""


class StageTime(msgspec.Struct, frozen=True):
    p50_ms: float
    p99_ms: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Counts are integers; `seconds` is wall clock, from the first arrival to the worker's end."""

    interactions: int
    acknowledged: int
    lost: int
    doubled: int
    effects: int
    effects_without_record: int
    effects_without_owner: int
    books_difference: int
    unknown_left: int
    held: int
    escalated: int
    denied: dict[str, int]
    kills: int
    ledger: Checked
    seconds: float
    interactions_per_s: float
    cpu_ms_per_interaction: float
    stages: dict[str, StageTime]
    sentence: str
    decision: str
    home: str

    @property
    def is_good(self) -> bool:
        """Whether every promise of the day was kept."""
        broken = (
            self.lost, self.doubled, self.effects_without_record, self.effects_without_owner,
            self.books_difference, self.unknown_left,
        )  # fmt: skip
        return not any(broken) and self.ledger.verified and self.interactions == self.acknowledged


_MUST_BE_ZERO = (
    ("lost", "acknowledged, and neither answered, closed nor on a desk"),
    ("doubled", "answered, refunded or taken in more than once"),
    ("effects_without_record", "in the outside's books, without a decision in our ledger"),
    ("effects_without_owner", "without a person accountable for it"),
    ("books_difference", "between their books and our ledger, in effects and cents"),
    ("unknown_left", "effects of which nobody knows how they ended"),
)


def show(report: Report, console: Console) -> None:
    """One screen."""
    table = Table(title="The production day", show_header=False, box=None, padding=(0, 2))
    table.add_column(justify="right")
    table.add_column()
    table.add_row(f"{report.acknowledged:,}", "interactions acknowledged")
    table.add_row(f"{report.effects:,}", "effects in the outside's books")
    table.add_row(f"{report.kills}", "times the worker was killed with SIGKILL")
    for name, meaning in _MUST_BE_ZERO:
        value = getattr(report, name)
        table.add_row(f"[{'green' if not value else 'bold red'}]{value:,}[/]", meaning)
    table.add_row(f"{report.held:,}", "effects held for a person")
    table.add_row(f"{report.escalated:,}", "cases handed to people")
    for rule, count in report.denied.items():
        table.add_row(f"{count:,}", f"denied by {escape(rule)}")
    ledger = report.ledger
    verdict = "verified" if ledger.verified else f"NOT VERIFIED at entry {ledger.problem}"
    table.add_row(f"{ledger.entries:,}", f"ledger entries, {verdict} in {ledger.seconds} s")
    table.add_row(
        f"{report.seconds:,.1f}",
        f"seconds: {report.interactions_per_s:,.0f} interactions/s, "
        f"{report.cpu_ms_per_interaction:.2f} ms of CPU each",
    )
    stages = ", ".join(
        f"{name} {time.p50_ms:g}/{time.p99_ms:g}" for name, time in report.stages.items()
    )
    table.add_row("ms", f"p50/p99 by stage: {stages}")
    console.print(table)
    console.print()
    console.print(report.sentence, highlight=False, markup=False)
    if report.decision:
        command = f"answerable decision who {report.decision} --home {shlex.quote(report.home)}"
        console.print(f"Next: {command}", highlight=False, markup=False, soft_wrap=True)
