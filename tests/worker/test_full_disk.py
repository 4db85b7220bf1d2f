"""A disk that is full: what was acknowledged is safe, what is not is refused, space heals it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from answerable.rails.port import Ack, Incoming
from answerable.testing.disks import fill
from answerable.worker import verbs
from answerable.worker.client import RemoteError, WorkerAway
from disks import small_disk
from homes import AGENT, SmallHome, cli, working


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, megabytes=6) as mounted:
        yield mounted


def _try(home: SmallHome, number: int) -> str:
    """The code of the refusal; empty if it was acknowledged."""
    text = f"number {number} ." + " " * 9_000
    message = Incoming(external_id=f"m{number}", sender="k@example.org", text=text, rail="email")
    try:
        home.ask(verbs.MessagesAccept((message,)), list[Ack], within_s=0.1)
    except (RemoteError, WorkerAway) as refused:
        return refused.code
    return ""


def test_a_real_worker_lives_through_a_full_disk(disk: Path, tmp_path: Path) -> None:
    home = SmallHome(disk / "home").found()
    home.says("[worker]", "[disk]\nreserve_mb = 0\n\n[worker]")  # so that it is met full
    # replies go elsewhere, so that it is the platform that meets the full disk
    here = f"HERE = Path({str(tmp_path)!r})"
    home.agent.write_text(AGENT.replace("HERE = Path(__file__).parent", here))
    ballast = disk / "ballast"
    with working(home) as worker:
        fill(ballast)
        with ballast.open("r+b") as file:
            file.truncate(ballast.stat().st_size - 400_000)
        told: dict[int, str] = {}
        for number in range(200):
            told[number] = _try(home, number)
            if sum(map(bool, told.values())) > 3:
                break
        refusals = {code for code in told.values() if code}
        assert refusals
        assert refusals <= {"disk_full", "worker_away", "journal_closed", "storage_failed"}
        assert worker.process.poll() is None, worker.said  # the supervisor waits for space
        ballast.unlink()
        home.say("after .", external_id="after")
        home.settled()
        sent = (tmp_path / "sent.jsonl").read_text()
        keys = {(line["key"], line["text"]) for line in map(json.loads, sent.splitlines())}
        assert "About after ." in sent
        for number, code in told.items():
            effects = [key for key, text in keys if text.startswith(f"About number {number} . ")]
            assert len(effects) <= 1
            assert code or effects
    cli("ledger", "verify", "--deep", "--home", str(home.path)).check()
