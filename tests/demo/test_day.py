"""The production day keeps its promises, and its report cannot say so where it is not so."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from answerable.demo.account import Account, Asked, Meant, Ours, compare
from answerable.demo.arrivals import generate
from answerable.demo.books import Line, books_path
from answerable.demo.day import Day, run_day
from answerable.demo.house import outside_of
from answerable.demo.progress import Progress
from answerable.demo.report import _MUST_BE_ZERO, Checked, Report, show
from homes import cli, environment, is_alive, until

ZEROS = (
    "lost", "doubled", "effects_without_record", "effects_without_owner", "books_difference",
    "unknown_left",
)  # fmt: skip
STAGES = {"receive", "resolve", "route", "run", "decide", "act", "record"}


def children(of: int) -> set[int]:
    """Every living process below this one."""
    found: set[int] = set()
    for task in Path(f"/proc/{of}/task").glob("*/children"):
        for pid in map(int, task.read_text().split()):
            found |= {pid} | children(pid)
    return found


def test_a_day_with_three_kills_ends_in_zeros_and_a_sentence_and_leaves_no_process(
    tmp_path: Path,
) -> None:
    before = children(os.getpid())
    progress = Progress(Console(stderr=True, quiet=True))
    try:
        report = run_day(Day(tmp_path / "day", 300, seed=5), progress)
    finally:
        progress.end()
    assert {name: getattr(report, name) for name in ZEROS} == dict.fromkeys(ZEROS, 0)
    assert report.interactions == report.acknowledged == 300
    assert report.kills == 3
    assert report.effects > 100
    assert report.ledger.verified
    assert report.is_good
    assert "Olive Marsh" in report.sentence
    assert report.sentence.endswith(f"in the signed tree of {report.ledger.entries}.")
    assert children(os.getpid()) <= before


KINDS: dict[str, type] = {
    "interactions": int, "acknowledged": int, "effects": int, "held": int, "escalated": int,
    "kills": int, "denied": dict, "ledger": dict, "stages": dict, "seconds": float,
    "interactions_per_s": float, "cpu_ms_per_interaction": float, "sentence": str,
} | dict.fromkeys(ZEROS, int)  # fmt: skip


@pytest.mark.parametrize("kind", ["jsonl", "mbox"])
def test_a_day_of_real_messages_reports_every_key_of_its_object(tmp_path: Path, kind: str) -> None:
    source = tmp_path / f"day.{kind}"
    made = list(generate(40, 3, "2026-03-02"))
    texts = sorted({message.text for message in made if message.text.strip()}, key=len)
    if kind == "jsonl":
        lines = [
            {"external_id": f"m{n}", "from": f"k{n}@example.org", "text": texts[n]}
            for n in range(12)
        ]
        source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    else:
        source.write_text("".join(
            f"From k@example.org Mon Mar  2 08:00:0{n % 10} 2026\nFrom: k{n}@example.org\n"
            f"Message-ID: <m{n}@example.org>\nSubject: a question\n\n{texts[n]}\n\n"
            for n in range(12)
        ))  # fmt: skip
    home = tmp_path / "day"
    assert len(texts) > 12
    said = cli("demo", "--from", str(source), "--home", str(home), "--json").check()
    report = json.loads(said.out)
    assert {name: type(report[name]) for name in KINDS} == KINDS
    assert set(report["stages"]) == STAGES
    assert set(report["ledger"]) >= {"entries", "verified", "seconds"}
    assert report["interactions"] == report["acknowledged"] == 12
    assert [report[name] for name in ZEROS] == [0] * 6
    assert report["ledger"]["verified"] is True
    command = ("decision", "who", report["decision"], "--home", str(home))
    assert cli(*command).check().out.strip() in report["sentence"]


def test_a_folder_with_other_things_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("years of work")
    cli("demo", "--home", str(tmp_path)).fails(2, "not the home of an earlier day")
    cli("demo", "--home", str(tmp_path / "thesis.doc")).fails(2, "not the home of an earlier day")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_day_that_is_told_to_end_leaves_no_process_and_no_traceback(
    tmp_path: Path, number: signal.Signals
) -> None:
    home = tmp_path / "day"
    command = [sys.executable, "-m", "answerable.cli", "demo", "--home", str(home)]
    day = subprocess.Popen(
        [*command, "--interactions", "5000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment(),
    )  # fmt: skip
    until((home / "worker.sock").exists)
    started = children(day.pid)
    assert len(started) == 3  # the outside, the supervisor, the worker
    # another day does not pull the floor from under it
    again = cli("demo", "--home", str(home), "--interactions", "10")
    again.fails(1, "home_held", "Nothing was opened")
    day.send_signal(number)
    out, err = day.communicate(timeout=30)
    assert (day.returncode, out) == (130, "")
    assert err.strip().endswith("interrupted")
    assert "Traceback" not in err
    assert not any(map(is_alive, started))


def test_a_day_whose_worker_cannot_start_says_so_and_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("answerable.demo.stage.PLAN", "answerable.demo.house:nothing")
    before = children(os.getpid())
    from answerable.base.errors import Broken  # noqa: PLC0415

    began = time.monotonic()
    with pytest.raises(Broken, match="was not started again") as broken:
        run_day(Day(tmp_path / "day", 20), Progress(Console(quiet=True)))
    assert "worker.log" in broken.value.next_command
    assert time.monotonic() - began < 20
    assert children(os.getpid()) <= before


# The account: honest books give zeros, and each doctored line moves the number that it must.

HONEST = [
    Line(did="start", at_us=1),
    Line(did="shop.refund", at_us=2, key="eff_a-1", order="A", amount_minor=500, currency="USD"),
    Line(did="shop.refund", at_us=3, key="eff_b-1", order="B", amount_minor=700, currency="USD"),
    Line(did="mail.send", at_us=4, key="eff_a-2", to="a@x.example", in_reply_to="a", text="hi"),
    Line(did="mail.send", at_us=5, key="eff_b-2", to="b@x.example", in_reply_to="b", text="hi"),
]


def ours() -> Ours:
    """Two messages, each with a refund and a reply, all of it decided, owned and done."""
    told = Ours()
    for name, amount in (("a", 500), ("b", 700)):
        told.external_ids[name] = 1
        told.interaction_of[name] = f"int_{name}"
        told.asked[f"int_{name}"] = Asked(name, f"{name}@x.example")
        told.ended[f"int_{name}"] = "answered"
        for number, kind in ((1, "tool"), (2, "reply")):
            effect = f"eff_{name}-{number}"
            told.meant[effect] = Meant(kind, amount if kind == "tool" else 0, f"int_{name}")
            told.status[effect] = "done"
            for those in (told.done, told.permitted, told.owned):
                those.add(effect)
    return told


def account(home: Path, told: Ours, lines: list[Line]) -> Account:
    from msgspec import json as wire  # noqa: PLC0415

    outside_of(home).mkdir(parents=True, exist_ok=True)
    data = b"".join(wire.encode(line) + b"\n" for line in lines)
    books_path(outside_of(home)).write_bytes(data)
    return compare(told, home, {"a", "b"})


def changed(index: int, **to: object) -> list[Line]:
    from msgspec import structs  # noqa: PLC0415

    return [*HONEST[:index], structs.replace(HONEST[index], **to), *HONEST[index + 1 :]]


LIES: dict[str, tuple[Callable[[Ours], object], list[Line], dict[str, int]]] = {
    "nothing": (lambda told: None, HONEST, {}),
    "a refund twice": (
        lambda told: None, [*HONEST, HONEST[1]], {"doubled": 1, "books_difference": 500},
    ),
    "a reply twice under another key": (
        lambda told: None, [*HONEST, changed(3, key="eff_z-1")[3]],
        {"doubled": 1, "effects_without_record": 1, "effects_without_owner": 1,
         "books_difference": 1},
    ),
    "a reply that never came": (
        lambda told: None, HONEST[:4], {"books_difference": 1},
    ),
    "a reply that we never recorded as done": (
        lambda told: told.done.discard("eff_b-2"), HONEST, {"books_difference": 1, "lost": 1},
    ),
    "a refund without a record": (
        lambda told: None,
        [*HONEST, Line(did="shop.refund", at_us=6, key="eff_z-1", amount_minor=1)],
        {"effects_without_record": 1, "effects_without_owner": 1, "books_difference": 2},
    ),
    "a refund that nobody granted": (
        lambda told: told.permitted.discard("eff_a-1"), HONEST, {"effects_without_record": 1},
    ),
    "a refund that nobody owned": (
        lambda told: told.owned.discard("eff_a-1"), HONEST, {"effects_without_owner": 1},
    ),
    "a cent more": (lambda told: None, changed(1, amount_minor=501), {"books_difference": 1}),
    "amounts that change places": (
        lambda told: None,
        [*HONEST[:1], *changed(1, amount_minor=700)[1:2], *changed(2, amount_minor=500)[2:]],
        {"books_difference": 400},
    ),
    "a reply to somebody else": (
        lambda told: None, changed(3, to="b@x.example"), {"books_difference": 1},
    ),
    "a reply to another message": (
        lambda told: None, changed(3, in_reply_to="b"), {"books_difference": 1, "doubled": 1},
    ),
    "a message without an end": (lambda told: told.ended.pop("int_a"), HONEST, {"lost": 1}),
    "a message that never came in": (
        lambda told: told.interaction_of.pop("a"), HONEST, {"lost": 1},
    ),
    "a message taken in twice": (
        lambda told: told.external_ids.update(["a"]), HONEST, {"doubled": 1},
    ),
    "an effect that stayed unknown": (
        lambda told: told.status.update({"eff_a-1": "unknown"}), HONEST, {"unknown_left": 1},
    ),
    "a hold that stayed open": (
        lambda told: told.status.update({"eff_a-1": "held"}), HONEST, {"unknown_left": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_each_lie_moves_its_number_and_no_other(tmp_path: Path, lie: str) -> None:
    spoil, lines, moved = LIES[lie]
    told = ours()
    spoil(told)
    found = account(tmp_path, told, lines)
    assert {name: getattr(found, name) for name in ZEROS} == dict.fromkeys(ZEROS, 0) | moved


def test_lost_books_are_no_clean_books(tmp_path: Path) -> None:
    told = ours()
    found = account(tmp_path, told, [])
    assert (found.effects, found.books_difference) == (0, 4 + 1_200)


GOOD = Report(
    interactions=2, acknowledged=2, lost=0, doubled=0, effects=4, effects_without_record=0,
    effects_without_owner=0, books_difference=0, unknown_left=0, held=0, escalated=0, denied={},
    kills=3, ledger=Checked(9, verified=True, seconds=0.1), seconds=1.0, interactions_per_s=2.0,
    cpu_ms_per_interaction=1.0, stages={}, sentence="[bold]It was she.", decision="dec_1", home="d",
)  # fmt: skip


MEANINGS = dict(_MUST_BE_ZERO)


@pytest.mark.parametrize("name", ZEROS)
def test_a_report_with_one_number_that_is_not_zero_is_not_good_and_shows_it(name: str) -> None:
    from msgspec import structs  # noqa: PLC0415

    assert GOOD.is_good
    bad = structs.replace(GOOD, **{name: 7})
    assert not bad.is_good
    assert not structs.replace(GOOD, interactions=1).is_good
    assert not structs.replace(GOOD, ledger=Checked(9, verified=False, seconds=0.1)).is_good
    console = Console(record=True, width=100, quiet=True)
    console.quiet = False
    with Path(os.devnull).open("w") as nowhere:
        console.file = nowhere
        show(bad, console)
    text = console.export_text()
    assert f"7    {MEANINGS[name]}" in text
    assert "[bold]It was she." in text
