"""What every error of the platform says: what happened, what did not happen, the next command.

AnswerableError                 code, http_status, exit_code; each room adds its own below it
├── UsageError                  exit 2: the call is wrong
├── NotFound                    exit 3
├── Refused                     exit 4: policy, ownership or a lease says no
├── Busy                        exit 1: try again after `retry_after_s`
├── Unreadable                  exit 1: one body or one key; everything else can be read
└── Broken                      exit 1: disk, database, key or file is not as it must be
"""


class AnswerableError(Exception):
    """An error for people: three sentences and a stable code. Secrets never go in."""

    code = "error"
    http_status = 500
    exit_code = 1

    def __init__(self, happened: str, not_done: str = "", next_command: str = "") -> None:
        self.happened = happened
        self.not_done = not_done
        self.next_command = next_command
        super().__init__(str(self))

    def __str__(self) -> str:
        parts = [self.happened, self.not_done]
        if self.next_command:
            parts.append(f"Next: {self.next_command}")
        return " ".join(part for part in parts if part)


class UsageError(AnswerableError):
    code = "usage"
    http_status = 400
    exit_code = 2


class NotFound(AnswerableError):
    code = "not_found"
    http_status = 404
    exit_code = 3


class Refused(AnswerableError):
    code = "refused"
    http_status = 403
    exit_code = 4


class Busy(AnswerableError):
    code = "busy"
    http_status = 429

    def __init__(self, happened: str, not_done: str = "", *, retry_after_s: float = 1.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(happened, not_done, f"try again in {retry_after_s:g} s")


class Unreadable(AnswerableError):
    """What one key or one body was is gone or damaged. It costs its one item, never the worker."""

    code = "unreadable"
    http_status = 410


class Broken(AnswerableError):
    code = "broken"
    http_status = 503
