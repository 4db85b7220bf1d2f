"""A policy set that does not load says everything that is wrong with it, at once."""

from dataclasses import dataclass

from answerable.base.errors import UsageError


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong: where, in which rule, what, and the source line it is about."""

    file: str
    line: int  # 0 where the problem is the file's as a whole
    rule: str  # the statement's `@id`; empty where it has none or cannot be read
    message: str
    source: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        rule = f" @{self.rule}" if self.rule else ""
        source = f"\n    {self.line} | {self.source}" if self.source else ""
        return f"{where}{rule}: {self.message}{source}"


class PolicyInvalid(UsageError):
    """A policy that does not parse or does not fit the schema is never half in force."""

    code = "policy_invalid"
    http_status = 422

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        many = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
        super().__init__(
            "\n".join([f"The policies do not load: {many}.", *(str(p) for p in problems)]),
            "Nothing was loaded.",
            "answerable policy check FOLDER",
        )

    def __str__(self) -> str:
        return f"{self.happened}\n{self.not_done} Next: {self.next_command}"
