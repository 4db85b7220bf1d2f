"""The conversion scripts turn the shared data into input that the day accepts."""

import subprocess
import sys
from pathlib import Path

import pytest

from answerable.demo.realinput import read_real

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared/data"


def convert(script: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / script), *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_clinc150_becomes_arrivals(tmp_path: Path) -> None:
    if not (DATA / "clinc150").is_dir():
        pytest.skip("CLINC150 is not beside the project")
    out = tmp_path / "clinc.jsonl"
    assert convert("clinc150_to_jsonl.py", "--out", str(out)).returncode == 0
    real = read_real(out, "2026-03-02")
    assert real.count == 18_200
    assert len({message.external_id for message in real}) == 18_200
    assert len({message.from_ for message in real}) == 18_200


def test_sgd_becomes_arrivals_one_sender_a_dialogue(tmp_path: Path) -> None:
    if not (DATA / "sgd").is_dir():
        pytest.skip("SGD is not beside the project")
    out = tmp_path / "sgd.jsonl"
    assert convert("sgd_to_jsonl.py", "--out", str(out)).returncode == 0
    messages = list(read_real(out, "2026-03-02"))
    assert len({message.external_id for message in messages}) == len(messages)
    assert [m.sent_at for m in messages] == sorted(m.sent_at for m in messages)
    last: dict[str, str] = {}
    for message in messages:
        assert message.external_id > last.get(message.from_, "")
        last[message.from_] = message.external_id
    assert len(last) == 2_098


@pytest.mark.parametrize("script", ["clinc150_to_jsonl.py", "sgd_to_jsonl.py"])
def test_absent_data_is_said_clearly(script: str, tmp_path: Path) -> None:
    done = convert(script, str(tmp_path / "absent"))
    assert done.returncode == 3
    assert "Nothing was written. Next: give the" in done.stderr
    assert done.stdout == ""
