"""Traces over OTLP/HTTP: one trace an interaction, a span a stage, and one where a model thought.

The only file that knows OpenTelemetry. A thread of its own sends: what it cannot send in time is
dropped and counted. Where to and with which headers else: the SDK's own `OTEL_EXPORTER_OTLP_*`.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from queue import Empty, Full, Queue

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, TraceFlags

from answerable.telemetry.failures import describe
from answerable.telemetry.passages import STAGES, Passage, Thought

log = logging.getLogger("answerable.traces")
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it would say more than we do

WAITING_MAX = 10_000  # passages: some 20 MB
_BATCH_MAX = 16  # passages; a few milliseconds to write
_SEND_WITHIN_S = 10.0
_CLOSE_WITHIN_S = 3.0
_ANSWER_BYTES_MAX = 4_096
_US = 1_000  # nanoseconds
_SCOPE = InstrumentationScope("answerable")
_Attributes = dict[str, str | int]


class OtlpTraces:
    """To one collector, whose address is the part before `/v1/traces`."""

    def __init__(self, endpoint: str) -> None:
        self._exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_SEND_WITHIN_S,
            session=_session(),
        )  # fmt: skip
        self._resource = Resource.create({"service.name": "answerable"})
        self._waiting: Queue[Passage | None] = Queue(WAITING_MAX)
        self._is_failing = False
        self._is_closing = False
        self._full = 0
        self._refused = 0
        self._thread = threading.Thread(target=self._run, name="answerable-traces", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        return self._full + self._refused

    def offer(self, passages: Sequence[Passage]) -> None:
        for number, passage in enumerate(passages):
            try:
                self._waiting.put_nowait(passage)
            except Full:
                self._full += len(passages) - number
                return

    def close(self) -> None:
        self._is_closing = True
        with suppress(Full):
            self._waiting.put_nowait(None)
        self._thread.join(_CLOSE_WITHIN_S)
        self._exporter.shutdown()  # type: ignore[no-untyped-call, unused-ignore]

    def _run(self) -> None:
        is_over = False
        while not is_over:
            batch, is_over = self._next()
            began_s = time.thread_time()
            if batch and not self._is_sent(batch):
                self._refused += len(batch)
                is_over = is_over or self._is_closing
            if not self._is_closing:  # half of a core at most: the other half is the hallway's
                time.sleep(time.thread_time() - began_s)

    def _next(self) -> tuple[list[Passage], bool]:
        """What waits, as much as is sent at once; and whether it is the last."""
        found = [self._waiting.get()]
        with suppress(Empty):
            while len(found) < _BATCH_MAX and found[-1] is not None:
                found.append(self._waiting.get_nowait())
        return [one for one in found if one is not None], found[-1] is None

    def _is_sent(self, batch: Sequence[Passage]) -> bool:
        spans = [span for passage in batch for span in spans_of(passage, self._resource)]
        try:
            is_sent = self._exporter.export(spans) is SpanExportResult.SUCCESS
            why = "it did not take them"
        except Exception as error:  # noqa: BLE001 - whatever it is, it costs these traces only
            is_sent, why = False, describe(error)
        if not is_sent and not self._is_failing:
            log.warning("traces do not reach their collector, and are dropped: %s", why)
        self._is_failing = not is_sent
        return is_sent


def _session() -> requests.Session:
    """One that keeps no answer: a collector may send one that is packed a thousand times."""
    session = requests.Session()
    session.stream = True
    session.hooks["response"].append(_read_a_little)
    return session


def _read_a_little(response: requests.Response, **_: object) -> None:
    """So that the connection of a usual answer, which is then at its end, is used again."""
    response.raw.read(_ANSWER_BYTES_MAX, decode_content=False)
    response.close()


def spans_of(passage: Passage, resource: Resource) -> Iterator[ReadableSpan]:
    """One for the way as a whole, and one for each stage that was measured.

    The stages stand one behind the other, as they ran; a stage that was entered again is longer.
    Every way of one interaction is in one trace, whose id is a hash of the interaction's.
    """
    whole = _Drawn(passage, resource)
    at_us, spans = passage.began_us, []
    for stage in STAGES:
        us = passage.took_us.get(stage, -1)
        if us < 0:
            continue
        begins_us = passage.received_us or at_us if stage == "receive" else at_us
        spans.append(whole.stage(stage, begins_us, us))
        if stage == "run" and passage.thought is not None:
            spans.append(whole.thinking(spans[-1], passage.thought))
        at_us += us if stage != "receive" else 0
    yield whole.root(passage.received_us or passage.began_us, at_us)
    yield from spans


class _Drawn:
    """The spans of one passage."""

    def __init__(self, passage: Passage, resource: Resource) -> None:
        self._passage = passage
        self._resource = resource
        self._trace_id = int.from_bytes(_hash(passage.interaction)[:16]) or 1
        is_first = passage.kind == "message"
        self._first = self._context("")
        self._root = self._first if is_first else self._context(passage.kind)
        self._parent = None if is_first else self._first
        named = {
            "answerable.interaction": passage.interaction, "answerable.arrival": passage.kind,
            "answerable.case": passage.case, "answerable.agent": passage.agent,
            "answerable.release": passage.release,
        }  # fmt: skip
        self._ids: _Attributes = {name: value for name, value in named.items() if value}

    def root(self, begins_us: int, ends_us: int) -> ReadableSpan:
        kind = self._passage.kind
        name = "interaction" if kind == "message" else f"interaction {kind}"
        return self._span(name, (self._root, self._parent), (begins_us, ends_us), self._ids)

    def stage(self, stage: str, begins_us: int, took_us: int) -> ReadableSpan:
        """Named by the interaction alone: the other ids are its parent's, and each costs time."""
        where = (self._context(f"{self._passage.kind}/{stage}"), self._root)
        mine: _Attributes = {"answerable.interaction": self._passage.interaction}
        return self._span(stage, where, (begins_us, begins_us + took_us), mine)

    def thinking(self, run: ReadableSpan, thought: Thought) -> ReadableSpan:
        """As the GenAI conventions name an agent that ran here: an internal `invoke_agent`."""
        provider, _, model = thought.use.partition(":")
        told: _Attributes = {
            "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": self._passage.agent,
            "gen_ai.conversation.id": self._passage.case, "gen_ai.provider.name": provider,
            "gen_ai.request.model": model, "gen_ai.usage.input_tokens": thought.input_tokens,
            "gen_ai.usage.output_tokens": thought.output_tokens,
            "answerable.model_calls": thought.calls,
        }  # fmt: skip
        if thought.models:
            told["gen_ai.response.model"] = thought.models[-1]
        where = (self._context(f"{self._passage.kind}/think"), run.context)
        times = ((run.start_time or 0) // _US, (run.end_time or 0) // _US)
        return self._span(f"invoke_agent {self._passage.agent}", where, times, self._ids | told)

    def _span(
        self,
        name: str,
        where: tuple[SpanContext, SpanContext | None],
        times_us: tuple[int, int],
        attributes: _Attributes,
    ) -> ReadableSpan:
        context, parent = where
        return ReadableSpan(
            name, context=context, parent=parent, resource=self._resource, attributes=attributes,
            start_time=times_us[0] * _US, end_time=times_us[1] * _US, instrumentation_scope=_SCOPE,
        )  # fmt: skip

    def _context(self, what: str) -> SpanContext:
        when = self._passage.began_us if what else ""
        digest = _hash(f"{self._passage.interaction}/{when}/{what}")
        span_id = int.from_bytes(digest[:8]) or 1
        return SpanContext(self._trace_id, span_id, False, TraceFlags(TraceFlags.SAMPLED))  # noqa: FBT003


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
