"""Traces as a collector gets them: over real OTLP/HTTP, decoded by OpenTelemetry's own messages."""

import asyncio
import gzip
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from answerable.adapters.traces import otlp
from answerable.adapters.traces.otlp import OtlpTraces
from answerable.base.errors import UsageError
from answerable.compose.traces import traces_of
from answerable.rails.port import Ack, Incoming
from answerable.telemetry.passages import STAGES, Passage
from answerable.telemetry.traces import NoTraces
from answerable.testing.scripted import ScriptedModel
from answerable.testing.world import Life
from answerable.worker import commands, verbs
from answerable.worker.commands.office import Office
from answerable.worker.process import close_office, open_office
from answerable.worker.verbs.control import Standing
from homes import SETTINGS, SmallHome, environment, until, working
from thoughts import Shop, thinker, world_of

SENDER = "kim.quexil@example.org"
WORDS = "Where is my porcelain elephant?"
ANSWER = "Your elephant ships on Tuesday."


@dataclass
class Collector:
    """A receiver of a few lines: keeps what came, and answers as it is told to."""

    url: str = ""
    status: int = 200
    answer: bytes = b""  # packed
    clients: set[object] = field(default_factory=set)
    gate: threading.Event = field(default_factory=threading.Event)
    came: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        found = []
        for data in self.came:
            request = ExportTraceServiceRequest.FromString(data)
            for resource in request.resource_spans:
                names = {one.key: one.value.string_value for one in resource.resource.attributes}
                assert names["service.name"] == "answerable"
                found += [span for scope in resource.scope_spans for span in scope.spans]
        return found


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    collector.gate.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"]))
            collector.gate.wait(30)
            if self.headers.get("content-encoding") == "gzip":
                data = gzip.decompress(data)
            collector.paths.append(self.path)
            collector.came.append(data)
            collector.clients.add(self.client_address)
            self.send_response(collector.status)
            self.send_header("content-length", str(len(collector.answer)))
            if collector.answer:
                self.send_header("content-encoding", "gzip")
            self.end_headers()
            with suppress(OSError):  # nobody reads all of it
                self.wfile.write(collector.answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield collector
    finally:
        collector.gate.set()
        server.shutdown()
        server.server_close()


def said(span: Span) -> dict[str, object]:
    return {
        one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes
    }


async def say(office: Office, text: str, external_id: str) -> str:
    message = Incoming(external_id=external_id, sender=SENDER, text=text, rail="email")
    acks = await commands.call(office, verbs.MessagesAccept((message,)))
    assert isinstance(acks, list)
    assert isinstance(acks[0], Ack)
    life = Life(office.house)
    life.dispatcher = office.dispatcher
    await life.settled()
    return acks[0].interaction


def story(home: Path, endpoint: str, said: tuple[str, ...]) -> tuple[list[str], str, float, int]:
    """A house whose agent thinks hears these: interactions, release, seconds of work, dropped."""

    async def scenario() -> tuple[list[str], str, float, int]:
        world = await world_of(home, thinker(Shop()), ScriptedModel(ANSWER))
        office = await open_office(replace(world.plan(), traces=traces_of(endpoint)))
        began = time.monotonic()
        found = [await say(office, text, f"m{number}") for number, text in enumerate(said)]
        took = time.monotonic() - began
        (release,) = office.house.hall.releases.values()
        await office.keep_measured()
        standing = await commands.call(office, verbs.Status())
        assert isinstance(standing, Standing)
        await close_office(office)
        return found, release.id, took, standing.traces_dropped

    return asyncio.run(scenario())


def test_an_interaction_is_a_trace_of_its_seven_stages_and_of_what_it_thought(
    tmp_path: Path,
) -> None:
    with collecting() as collector:
        (interaction, other), release, _, dropped = story(
            tmp_path / "home", collector.url, (WORDS, "And the giraffe?")
        )
    assert dropped == 0
    assert set(collector.paths) == {"/v1/traces"}
    spans = collector.spans
    mine = [one for one in spans if said(one)["answerable.interaction"] == interaction]
    by_name = {one.name: one for one in mine}
    root, thinking = by_name["interaction"], by_name["invoke_agent support"]
    assert list(by_name) == ["interaction", *STAGES[:4], "invoke_agent support", *STAGES[4:]]
    assert {one.trace_id for one in mine} == {root.trace_id}
    assert root.parent_span_id == b""
    assert all(by_name[stage].parent_span_id == root.span_id for stage in STAGES)
    assert thinking.parent_span_id == by_name["run"].span_id
    assert len({one.span_id for one in spans}) == len(spans)
    assert {one.trace_id for one in spans if one not in mine}.isdisjoint({root.trace_id})
    case = str(said(root)["answerable.case"])
    assert case.startswith("cas_")
    assert said(root) == {
        "answerable.interaction": interaction, "answerable.arrival": "message",
        "answerable.case": case, "answerable.agent": "support", "answerable.release": release,
    }  # fmt: skip
    assert said(thinking).items() >= {
        "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "support",
        "gen_ai.conversation.id": case, "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "scripted-1", "answerable.model_calls": 1,
    }.items()  # fmt: skip
    tokens = said(thinking)["gen_ai.usage.input_tokens"]
    assert isinstance(tokens, int)
    assert tokens > 0
    for before, after in pairwise(STAGES[1:]):
        assert by_name[before].end_time_unix_nano == by_name[after].start_time_unix_nano
    for one in mine:
        assert root.start_time_unix_nano <= one.start_time_unix_nano
        assert one.start_time_unix_nano <= one.end_time_unix_nano <= root.end_time_unix_nano
    assert other != interaction


def test_a_worker_sends_to_where_its_settings_say(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    with collecting() as collector:
        home.settings.write_text(f"{SETTINGS}\n[telemetry]\notlp_endpoint = '{collector.url}'\n")
        with working(home):
            interaction = home.say("hello", external_id="m1").interaction
            until(lambda: bool(collector.came))
    assert interaction in [said(one)["answerable.interaction"] for one in collector.spans]


def test_nothing_that_anybody_wrote_is_in_a_trace(tmp_path: Path) -> None:
    with collecting() as collector:
        story(tmp_path / "home", collector.url, (WORDS,))
    everything = b"".join(collector.came)
    assert b"answerable.interaction" in everything
    for word in ("elephant", "quexil", "example.org", "Tuesday", "Olga", "email", "Acme"):
        assert word.lower().encode() not in everything.lower(), word


def test_a_collector_that_hangs_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "WAITING_MAX", 2)
    monkeypatch.setattr(otlp, "_BATCH_MAX", 1)
    monkeypatch.setattr(otlp, "_CLOSE_WITHIN_S", 0.2)
    with collecting() as collector:
        collector.gate.clear()
        began = time.monotonic()
        found, _, took, dropped = story(tmp_path / "home", collector.url, (WORDS,) * 6)
        assert len(set(found)) == 6
        assert took < 15
        assert time.monotonic() - began < 25, "closing waits a moment, not for the collector"
    assert dropped >= 3, "one is on its way, two wait; the others are counted"


def is_dropped(traces: OtlpTraces, count: int) -> bool:
    return traces.dropped == count


def test_what_a_collector_refuses_is_counted_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with collecting() as collector:
        collector.status = 400
        traces = OtlpTraces(collector.url)
        for number in range(3):
            traces.offer([Passage(f"int_{number}", "message", 1, {"run": 5})])
            until(partial(is_dropped, traces, number + 1))
        collector.status = 200
        traces.offer([Passage("int_9", "message", 1, {"run": 5})])
        traces.close()
    assert traces.dropped == 3
    assert [one.name for one in collector.spans[-2:]] == ["interaction", "run"]
    warned = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert warned == [
        "traces do not reach their collector, and are dropped: it did not take them",
    ]


UNPACKED = 64 * 1024 * 1024


@pytest.mark.parametrize("status", [200, 400])
def test_what_a_collector_answers_is_nobodys_memory(status: int) -> None:
    with collecting() as collector:
        collector.status, collector.answer = status, gzip.compress(bytes(UNPACKED))
        traces = OtlpTraces(collector.url)
        tracemalloc.start()
        traces.offer([Passage("int_1", "message", 1, {"run": 5})])
        traces.close()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(collector.came) == 1
    assert most < UNPACKED / 8
    assert traces.dropped == (status != 200)


def test_a_connection_to_a_collector_is_used_again() -> None:
    with collecting() as collector:
        traces = OtlpTraces(collector.url)
        for number in range(3):
            traces.offer([Passage(f"int_{number}", "message", 1, {"run": 5})])
            until(partial(has_come, collector, number + 1))
        traces.close()
    assert len(collector.clients) == 1


def has_come(collector: Collector, count: int) -> bool:
    return len(collector.came) == count


def test_a_timer_and_an_answer_stand_in_the_trace_of_their_interaction() -> None:
    with collecting() as collector:
        traces = OtlpTraces(f"{collector.url}/")
        traces.offer(
            [
                Passage("int_1", kind, at, {"act": 5})
                for at, kind in enumerate(("message", "answer", "timer", "timer"), 1)
            ]
        )
        traces.close()
    roots = [one for one in collector.spans if one.name != "act"]
    assert [one.name for one in roots] == [
        "interaction", "interaction answer", "interaction timer", "interaction timer",
    ]  # fmt: skip
    assert len({one.trace_id for one in roots}) == 1
    assert len({one.span_id for one in roots}) == 4
    assert {one.parent_span_id for one in roots[1:]} == {roots[0].span_id}


def test_off_is_the_default_and_imports_nothing() -> None:
    assert traces_of("") is NoTraces
    code = (
        "import sys, answerable.worker.process, answerable.server.process, "
        "answerable.compose.configured, answerable.cli.app\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "endpoint",
    [
        "collector:4318", "grpc://collector:4317", "https://", "http://[", "http://collector:x",
        "https://kim:hunter2@collector", "https://collector?key=hunter2", "htp://kim:hunter2@c",
    ],
)  # fmt: skip
def test_what_is_no_address_starts_nothing_and_is_not_repeated(endpoint: str) -> None:
    with pytest.raises(UsageError, match="no collector's address") as told:
        traces_of(endpoint)
    assert "hunter2" not in str(told.value)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "answerable.adapters.traces.otlp", None)
    with pytest.raises(UsageError) as told:
        traces_of("http://127.0.0.1:4318")
    assert "extra `otel`" in told.value.next_command
