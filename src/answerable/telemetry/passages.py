"""How long each stage took one arrival: kept in memory for a moment, then beside the index.

Telemetry, not truth: no stage reads it and no entry holds it. What was measured in the last second
before a crash is lost, and where nobody fetches it the oldest makes room, counted in `dropped`.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

STAGES = ("receive", "resolve", "route", "run", "decide", "act", "record")
NOT_MEASURED = -1
_PASSAGES_MAX = 10_000
_ACCEPTED_MAX = 20_000  # as many as may wait


@dataclass(frozen=True, slots=True)
class Thought:
    """What a turn asked of its model, in names and numbers only."""

    use: str  # `openai:gpt-5-mini`, as the release names it
    models: tuple[str, ...]  # what answered
    calls: int
    input_tokens: int
    output_tokens: int


@dataclass(slots=True)
class Passage:
    """One arrival's way through the hallway; `took_us` has the stages that it came to.

    What it was about is named by ids; they and `thought` are for traces, and are kept nowhere here.
    """

    interaction: str
    kind: str  # of the arrival: message, answer, timer
    began_us: int = 0  # UTC
    took_us: dict[str, int] = field(default_factory=dict)
    received_us: int = 0  # when receiving it began, UTC; 0 where that was not measured
    case: str = ""
    agent: str = ""
    release: str = ""
    thought: Thought | None = None
    _stage: str = ""  # where it is now
    _since_ns: int = 0

    def enter(self, stage: str) -> None:
        """It is in this stage from here on, and in none with an empty name: one look at the clock
        ends one and begins the next."""
        now_ns = time.perf_counter_ns()
        if self._stage:
            self.took(self._stage, (now_ns - self._since_ns) // 1000)
        self._stage, self._since_ns = stage, now_ns

    def took(self, stage: str, us: int) -> None:
        """A stage that is entered again, because somebody else was first, takes longer."""
        self.took_us[stage] = self.took_us.get(stage, 0) + us


class Passages:
    """What was measured and not fetched yet: the newest, in the order in which they ended."""

    def __init__(self, *, passages_max: int = _PASSAGES_MAX) -> None:
        self._ended: deque[Passage] = deque(maxlen=passages_max)
        self._accepted: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self.dropped = 0

    def accepted(
        self, interactions: Iterable[str], took: Mapping[str, int], *, began_us: int = 0
    ) -> None:
        """New messages became durable, in one batch that took so long."""
        receive_us = took.get("receive", NOT_MEASURED)
        for interaction in interactions:
            self._accepted[interaction] = (began_us, receive_us)
        while len(self._accepted) > _ACCEPTED_MAX:
            self._accepted.popitem(last=False)

    def end(self, passage: Passage) -> None:
        if len(self._ended) == self._ended.maxlen:
            self.dropped += 1
        self._ended.append(passage)

    def take(self) -> list[Passage]:
        """All that ended since the last time; each message with how long its receiving took."""
        taken = list(self._ended)
        self._ended.clear()
        for passage in taken:
            if passage.kind == "message" and passage.interaction in self._accepted:
                passage.received_us, us = self._accepted.pop(passage.interaction)
                passage.took("receive", us)
        return taken
