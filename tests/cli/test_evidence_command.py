"""An evidence pack counts only what a verified log has, names what it counted, and states gaps."""

import csv
import json
import subprocess
from pathlib import Path

import pytest

from answerable.base.clock import DAY_US
from answerable.exports.evidence import Source, to_counted
from answerable.exports.frameworks import PARAGRAPHS, Framework
from answerable.exports.measures import measures
from answerable.ledger.domain import Entry, Kind, Outcome, Owner
from typed import fails, run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    run("init", "shop", "--owner", "olive@acme.example", "--name", "Olive Marsh")
    monkeypatch.chdir(tmp_path / "shop")
    run("chat", "--message", "Please refund A1", "--message", "Please refund A3")
    run("ledger", "export", "-o", "../all.zip")
    return tmp_path


def pack(project: Path, *words: str) -> Path:
    run("ledger", "evidence", "../all.zip", "--framework", "eu-ai-act", "-o", "../pack", *words)
    return project / "pack"


def shown(folder: Path) -> dict[str, dict[str, object]]:
    said = json.loads((folder / "evidence.json").read_text())
    return {one["name"]: one for each in said["paragraphs"] for one in each["shown"]}


def test_each_count_is_printed_again_by_the_command_beside_it(project: Path) -> None:
    folder = pack(project)
    for one in shown(folder).values():
        again = subprocess.run(
            str(one["command"]), shell=True, cwd=folder, capture_output=True, text=True, check=False
        )
        assert int(again.stdout) == one["count"], one
        assert f"| {one['count']} | {one['says']} | `{one['command']}` |" in (
            (folder / "evidence.md").read_text()
        )


def test_counts_are_of_the_entries_that_the_ledger_has(project: Path) -> None:
    folder = pack(project)
    rows = json.loads(run("ledger", "search", "--json", "--limit", "100"))
    kept = [json.loads(row["entry"]) for row in rows]
    with (folder / "counted.csv").open(newline="") as file:
        counted = list(csv.DictReader(file))
    for name, kind in (("received", "received"), ("decided", "decided"), ("done", "effect.done")):
        indexes = {int(row["index"]) for row in counted if row["measure"] == name}
        assert indexes == {each["seq"] for each in kept if each["kind"] == kind}
    counts = {name: one["count"] for name, one in shown(folder).items()}
    assert counts["denied"] == 1
    assert counts["accountable"] == 1
    assert counts["nobody-accountable"] == counts["six-months"] == 0


@pytest.mark.parametrize("framework", list(Framework))
def test_every_paragraph_states_what_is_not_shown(framework: Framework, project: Path) -> None:
    run("ledger", "evidence", "../all.zip", "--framework", framework, "-o", "../pack")
    text = (project / "pack" / "evidence.md").read_text()
    assert "claims no compliance" in text
    for each in PARAGRAPHS[framework]:
        assert each.gaps
        assert all(name in measures(0) for name in each.shown)
        assert f"## {each.at}\n" in text
        assert all(f"- **Not shown:** {gap}" in text for gap in each.gaps)


def test_each_command_that_is_named_is_one() -> None:
    named = {each for of in PARAGRAPHS.values() for one in of for each in one.proof}
    for command in named:
        words = command.split()
        page = run(*words[1:3], "--help")
        assert all(word in page for word in words if word.startswith("-")), command


def test_the_articles_that_were_asked_for_are_there() -> None:
    articles = {each.at.partition("(")[0] for each in PARAGRAPHS[Framework.EU_AI_ACT]}
    assert articles == {"12", "14", "19", "26"}
    assert all(each.at.startswith("A.6.2.8") for each in PARAGRAPHS[Framework.ISO_42001])


def test_a_period_bounds_what_is_counted_but_not_what_is_kept(project: Path) -> None:
    folder = pack(project, "--until", "2020-01-01")
    counts = {name: one["count"] for name, one in shown(folder).items()}
    assert counts["decided"] == counts["entries"] == 0
    assert counts["kept"] == len(json.loads(run("ledger", "search", "--json", "--limit", "100")))


def test_a_part_or_a_spoiled_bundle_is_not_counted(project: Path) -> None:
    run("ledger", "export", "support", "-o", "../part.zip")
    ask = ("--framework", "eu-ai-act", "-o", "../pack")
    assert "of a part" in str(fails("ledger", "evidence", "../part.zip", *ask))
    bundle = project / "all.zip"
    spoiled = bytearray(bundle.read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    bundle.write_bytes(spoiled)
    assert "not verified" in str(fails("ledger", "evidence", "../all.zip", *ask))
    assert not (project / "pack").exists()
    assert not (project / ".pack.part").exists()


def test_a_folder_that_is_there_is_left_alone(project: Path) -> None:
    folder = pack(project)
    before = (folder / "evidence.json").read_bytes()
    ask = ("--framework", "iso-42001", "-o", "../pack")
    assert "there already" in str(fails("ledger", "evidence", "../all.zip", *ask))
    assert (folder / "evidence.json").read_bytes() == before


def test_oversight_failures_and_age_are_counted_as_what_they_are() -> None:
    now = 400 * DAY_US

    def entry(kind: Kind, ts: int = now, **more: object) -> Entry:
        return Entry(v=1, id="x", seq=0, ts=ts, kind=kind, **more)  # type: ignore[arg-type]

    owner = Owner(accepted_at=0, person="per_1")
    entries = [
        entry("stop", now - 184 * DAY_US, change={"is_on": 1}),
        entry("stop", now - 183 * DAY_US, change={"is_on": 0}),
        entry("approval", outcome=Outcome(status="granted")),
        entry("approval", outcome=Outcome(status="refused")),
        entry("lease", change={"holder": "per_1", "epoch": 2}),
        entry("lease", change={"holder": "agent:support", "epoch": 1}),
        entry("effect.failed", owner=owner),
        entry("effect.unknown", owner=owner),
        entry("effect.started"),
    ]
    tally = Source("log", 9, "", now, "").tally()
    rows = list(to_counted(entries, tally))
    found = {name: count for name, count in tally.counts.items() if count}
    assert found == {
        "entries": 9, "kept": 9, "six-months": 1, "stop": 1, "granted": 1, "not-granted": 1,
        "taken-over": 1, "went-wrong": 2, "accountable": 1, "nobody-accountable": 1,
    }  # fmt: skip
    assert len(rows) == 1 + sum(found.values())
