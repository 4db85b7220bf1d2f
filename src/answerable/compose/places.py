"""Where in an author's code importing it failed: what to open, at which line."""

import traceback
from pathlib import Path

from answerable.telemetry.failures import describe

_OURS = str(Path(__file__).parents[1])


def place_of(error: Exception) -> str:
    """`agent.py:41`, the author's own line where it went wrong; empty where none of theirs ran."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno or 1}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not _is_machinery(frame.filename):
            return f"{Path(frame.filename).name}:{frame.lineno or 1}"
    return ""


def problem_of(error: Exception) -> str:
    """What is said of code, not of data; of a syntax error without its place."""
    return error.msg if isinstance(error, SyntaxError) else str(error)


def described_without_ours(error: Exception) -> str:
    """As `describe` does, from the author's first line on: not how it came to be imported."""
    trace = error.__traceback__
    while trace is not None and _is_machinery(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return describe(error.with_traceback(trace or error.__traceback__))


def _is_machinery(filename: str) -> bool:
    return filename.startswith((_OURS, "<")) or "importlib" in Path(filename).parts
