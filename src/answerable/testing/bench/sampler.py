"""Where the processor is, looked up at every millisecond of it: in which stage, at what work.

A timer of the process's own CPU time interrupts the loop's thread between two instructions of
Python, so a call into SQLite or OpenSSL counts for the line that made it. What our threads use is
seen only while the loop waits; then it is the disk's.
"""

import signal
from collections import Counter
from types import CodeType, FrameType, TracebackType
from typing import Any, Self

_INTERVAL_S = 0.001
LOOP, SEAL, WRITE = "loop", "seal", "write"
PYTHON = "Python"
KINDS = ("SQL", "hash", "encode", "encrypt", "sign", "Cedar", "event loop", "disk", PYTHON)
"""`event loop` is asyncio's own code, `disk` what commits in threads, `Python` all the rest."""

_HALLWAY = {
    "accept_messages": "receive", "open_arrival": "receive", "resolve": "resolve",
    "route": "route", "run": "run", "decide": "decide", "act": "act", "record": "record",
}  # fmt: skip
_KIND_OF_FILE = (
    ("ledger/keyed.py", "hash"), ("ledger/tree.py", "hash"), ("ledger/bodies.py", "encrypt"),
    ("ledger/note.py", "sign"), ("signers/file.py", "sign"), ("cedarpy/__init__.py", "Cedar"),
    ("rows.py", "SQL"), ("store/sqlite.py", "SQL"), ("embedded/tables.py", "SQL"),
    ("embedded/writer.py", "SQL"), ("compose/state.py", "SQL"), ("store/keys.py", "SQL"),
)  # fmt: skip
_ENCODES = ("encode", "_encode", "decode", "_decode")


class Sampler:
    """Counts what it sees while its `with` runs, in the main thread only."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str]] = Counter()
        self._stages: dict[CodeType, str] = {}
        self._kinds: dict[CodeType, str] = {}
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL_S, _INTERVAL_S)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:  # fmt: skip
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, self._before)

    def _look(self, _signal: int, frame: FrameType | None) -> None:
        kind, stage = self._kind_at_rest(frame), ""
        while frame is not None:
            code = frame.f_code
            kind = kind or self._kinds.setdefault(code, _kind_of(code))
            stage = self._stages.setdefault(code, _stage_of(code)) or stage
            frame = frame.f_back
        self.seen[stage or LOOP, kind or PYTHON] += 1

    @staticmethod
    def _kind_at_rest(frame: FrameType | None) -> str:
        """The loop's own code is so only while it runs itself: it stands below everything."""
        file = frame.f_code.co_filename if frame else ""
        if file.endswith("/selectors.py"):
            return "disk"
        return "event loop" if "/asyncio/" in file else ""


def _kind_of(code: CodeType) -> str:
    if code.co_name.startswith(_ENCODES):
        return "encode"
    if code.co_name == "_seal_body":
        return "hash"
    if code.co_name == "_answer" and code.co_filename.endswith("policy/decide.py"):
        return "Cedar"
    return next((kind for end, kind in _KIND_OF_FILE if code.co_filename.endswith(end)), "")


def _stage_of(code: CodeType) -> str:
    file = code.co_filename
    if "/pipeline/" in file:
        return _HALLWAY.get(code.co_name, "")
    if file.endswith("ledger/committer.py") and code.co_name == "_run":
        return SEAL
    return WRITE if file.endswith("embedded/writer.py") and code.co_name == "_turn" else ""
