"""What a process beside the worker tells the worker that started it: one line of JSON, and it gives
way to who works."""

import os
import sys
from collections.abc import Callable

import msgspec

from answerable.base.errors import AnswerableError
from answerable.telemetry import failures
from answerable.worker.verbs import Told

_NICE = 10  # who works comes first


def tell(work: Callable[[], object]) -> int:
    """Do it, and print what it made, or the error; the exit code of a process that has told."""
    failures.install()
    os.nice(_NICE)
    try:
        made = work()
    except AnswerableError as error:
        told = Told(
            id=0, code=error.code, happened=error.happened, not_done=error.not_done,
            next_command=error.next_command, exit_code=error.exit_code,
            http_status=error.http_status,
        )  # fmt: skip
    else:
        told = Told(id=0, result=msgspec.Raw(msgspec.json.encode(made)))
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    return 0
