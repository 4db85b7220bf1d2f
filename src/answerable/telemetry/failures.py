"""What a log may say of an exception: its type and where it came from, never what it says.

A message may quote what a customer wrote, a key or an address; types and places are ours.
"""

import asyncio
import json
import logging
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from types import FrameType, TracebackType

from answerable.base.errors import AnswerableError, Broken
from answerable.base.settings import LogSettings

_FRAMES_MAX = 12
_CAUSES_MAX = 4
_DEFAULT = LogSettings()

log = logging.getLogger("answerable")


def describe(error: BaseException) -> str:
    """`KeyError at act.py:12 in act < dispatch.py:80 in _one; because of OSError at ...`."""
    return "; because of ".join(_one(each) for each in _chain(error))


class Formatter(logging.Formatter):
    """Writes every exception that is logged, by us or by a library, as `describe` does."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(name)s %(levelname)s %(message)s")

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's own name
        error = ei[1] if isinstance(ei, tuple) else None
        return describe(error) if isinstance(error, BaseException) else ""


class JsonLines(Formatter):
    """The same as one JSON object a line: `ts` (UTC), `level`, `logger`, `message`, `error`."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "ts": at.replace("+00:00", "Z"), "level": record.levelname.lower(),
            "logger": record.name, "message": record.getMessage(),
        }  # fmt: skip
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def install(log_settings: LogSettings = _DEFAULT, home: Path | None = None) -> None:
    """For a process of ours: whatever ends up in its log or on its stderr is described only.

    Raises Broken where the log's file cannot be opened.
    """
    handler = _handler(log_settings, home)
    handler.setFormatter(JsonLines() if log_settings.format == "json" else Formatter())
    level = logging.getLevelNamesMapping()[log_settings.level.upper()]
    logging.basicConfig(level=level, handlers=[handler], force=True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda given: _uncaught(given.exc_type, given.exc_value, None)
    sys.unraisablehook = lambda given: _uncaught(given.exc_type, given.exc_value, None)


def _handler(log_settings: LogSettings, home: Path | None) -> logging.Handler:
    if home is None or not log_settings.file:
        return logging.StreamHandler()
    path = home / log_settings.file
    try:
        return WatchedFileHandler(path, encoding="utf-8")
    except OSError as error:
        raise Broken(
            f"The log '{path}' cannot be opened: {error.strerror}.",
            "Nothing was started.",
            f"correct `file` under [log] in {home / 'answerable.toml'}",
        ) from error


def watch_loop(loop: asyncio.AbstractEventLoop) -> None:
    """What a task or callback of the loop raised and nobody took."""
    loop.set_exception_handler(_unclaimed)


def _unclaimed(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    what = describe(error) if isinstance(error, BaseException) else str(context.get("message"))
    log.error("nobody took an exception: %s", what)


def _uncaught(
    kind: type[BaseException], error: BaseException | None, _trace: TracebackType | None
) -> None:
    log.error("uncaught: %s", describe(error) if error is not None else kind.__name__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(_CAUSES_MAX):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _one(error: BaseException) -> str:
    code = f" ({error.code})" if isinstance(error, AnswerableError) else ""
    named = type(error).__name__ + code
    frames = list(_frames(error.__traceback__))[-_FRAMES_MAX:]
    return f"{named} at {' < '.join(reversed(frames))}" if frames else named


def _frames(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        yield _place(trace.tb_frame, trace.tb_lineno)
        trace = trace.tb_next


def _place(frame: FrameType, line: int) -> str:
    return f"{Path(frame.f_code.co_filename).name}:{line} in {frame.f_code.co_name}"
