"""The progress bar of the day; silent where nobody looks."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar


class Progress:
    """On standard error, so that standard output is data."""

    def __init__(self, console: Console) -> None:
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), console=console, transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task("the day begins", total=None)

    def begin(self, count: int) -> None:
        self._bar.start()
        self._bar.update(self._task, description="messages acknowledged", total=count)

    def sent(self, count: int) -> None:
        self._bar.update(self._task, completed=count)

    def waiting(self, what: str) -> None:
        self._bar.update(self._task, description=f"evening: {what}")

    def say(self, what: str) -> None:
        self._bar.update(self._task, description=what)

    def end(self) -> None:
        if self._bar.live.is_started:
            self._bar.stop()


class Counting(Progress):
    """Remembers how many messages were acknowledged, for who looks from beside."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.acknowledged = 0

    def sent(self, count: int) -> None:
        self.acknowledged = count
        super().sent(count)
