"""What a deep look has found: what, where, and the next command."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from answerable.base.errors import AnswerableError
from answerable.worker.verification import AGAIN

_EACH_MAX = 20  # problems named of one kind; one bad page can spoil thousands of rows
_MADE_AGAIN = frozenset({"state", "views", "files"})


class DeepProblem(msgspec.Struct, frozen=True, kw_only=True):
    """`what` is database, ledger, files, bodies, keys, arrivals, state or views."""

    what: str
    where: str
    problem: str
    next: str

    @property
    def sentence(self) -> str:
        return f"{self.what}, {self.where}: {self.problem}. Next: {self.next}"


class Found:
    """Gathers problems. Nothing that damaged bytes do to a reader ends the look at the rest."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._problems: list[DeepProblem] = []
        self._counts: Counter[str] = Counter()

    def add(self, what: str, where: str, problem: str, do: str = "") -> None:
        self._counts[what] += 1
        if self._counts[what] <= _EACH_MAX:
            do = do or self._next(what)
            self._problems.append(
                DeepProblem(what=what, where=where, problem=problem, next=do)
            )  # fmt: skip

    @contextmanager
    def looking(self, what: str, where: str) -> Iterator[None]:
        """Whatever this look fails with is a problem of what it looked at."""
        try:
            yield
        except AnswerableError as error:
            self.add(what, where, error.happened.rstrip("."))
        except Exception as error:  # noqa: BLE001 - damage shows itself in every way there is
            said = str(error).partition("\n")[0] or "no reason given"
            self.add(what, where, f"it cannot be read: {type(error).__name__}, {said}")

    @property
    def problems(self) -> tuple[DeepProblem, ...]:
        more = [
            DeepProblem(
                what=what, where="elsewhere", problem=f"{count - _EACH_MAX} more of these",
                next=self._next(what),
            )
            for what, count in self._counts.items() if count > _EACH_MAX
        ]  # fmt: skip
        return (*self._problems, *more)

    def _next(self, what: str) -> str:
        if what in _MADE_AGAIN:
            return AGAIN
        return (
            f"stop the worker, keep a copy of '{self._home}', then "
            "`answerable restore BACKUP --home NEW_FOLDER`"
        )
