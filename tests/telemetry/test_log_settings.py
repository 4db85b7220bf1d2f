"""The log goes where the settings say, in the form that they say, and quotes nobody in either."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from answerable.base.errors import Broken, UsageError
from answerable.base.settings import LogSettings, parse_settings
from answerable.telemetry import failures
from homes import SmallHome, working

SECRET = "4111 1111 1111 1111"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    for handler in logging.getLogger().handlers:
        handler.close()
    failures.install()


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_json_lines_have_a_time_a_level_a_logger_and_a_message(tmp_path: Path) -> None:
    failures.install(LogSettings(format="json", file="log.jsonl"), tmp_path)
    logging.getLogger("answerable.worker").warning("worker ended with %s", -9)
    [line] = lines(tmp_path / "log.jsonl")
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "warning", "logger": "answerable.worker", "message": "worker ended with -9",
    }  # fmt: skip


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_exception_in_it_is_described_and_not_quoted(tmp_path: Path, form: str) -> None:
    settings = parse_settings(f'[log]\nformat = "{form}"\nfile = "log"', "x").log
    failures.install(settings, tmp_path)
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("a.library").exception("it failed")
    said = (tmp_path / "log").read_text()
    assert "ValueError at test_log_settings.py" in said
    assert SECRET not in said
    assert len(said.splitlines()) == (1 if form == "json" else 2)


def test_what_is_below_the_level_is_not_written(tmp_path: Path) -> None:
    failures.install(LogSettings(level="error", file="log"), tmp_path)
    logging.getLogger("answerable").warning("not this")
    logging.getLogger("answerable").error("but this")
    assert "but this" in (tmp_path / "log").read_text()
    assert "not this" not in (tmp_path / "log").read_text()


def test_a_file_that_was_moved_away_is_opened_anew(tmp_path: Path) -> None:
    failures.install(LogSettings(file="log"), tmp_path)
    logging.getLogger("answerable").warning("first")
    (tmp_path / "log").rename(tmp_path / "log.1")
    logging.getLogger("answerable").warning("second")
    assert "second" in (tmp_path / "log").read_text()


def test_without_a_file_it_is_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    failures.install(LogSettings(format="json"))
    logging.getLogger("answerable").warning("here")
    assert json.loads(stream.getvalue())["message"] == "here"


def test_a_log_that_cannot_be_opened_is_named_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="nowhere/log"):
        failures.install(LogSettings(file="nowhere/log"), tmp_path)
    with pytest.raises(UsageError, match="format"):
        parse_settings('[log]\nformat = "xml"', "x")


def test_a_real_worker_writes_its_log_as_json_lines_into_its_file(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    home.says("[worker]", '[log]\nformat = "json"\nfile = "worker.log"\n\n[worker]')
    with working(home) as worker:
        home.say("secret 4111", external_id="m1")
        home.settled()
        worker.kill()
        home.settled()
    told = lines(home.path / "worker.log")
    assert {"answerable.worker", "answerable.supervisor"} <= {line["logger"] for line in told}
    assert worker.said == ""
    assert "4111" not in (home.path / "worker.log").read_text()
