"""The supervisor: whatever a worker's life ends in, it costs that turn or that life, no more."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from homes import AGENT, POLICY, SmallHome, Worker, cli, is_alive, until, working


def test_a_turn_that_spins_is_killed_and_goes_to_the_desk_and_the_next_message_is_answered(
    tmp_path: Path,
) -> None:
    home = SmallHome(tmp_path / "home").found()
    with working(home) as worker:
        spinner = home.holder
        began = time.monotonic()
        home.say("spin", external_id="m1", sender="spin@example.org")
        until(lambda: not is_alive(spinner), within_s=4)
        assert time.monotonic() - began < 3.0  # stall_s is 1
        home.say("hello", external_id="m2")
        until(lambda: home.sent == ["About hello."])
        home.settled()
        assert home.queue == [("orders", "stalled")]
        assert "stalled in turn" in worker.said


def test_a_tool_that_spins_is_called_once_and_people_are_asked_how_it_ended(
    tmp_path: Path,
) -> None:
    home = SmallHome(tmp_path / "home").found()
    home.policy.write_text(POLICY.replace('@hold("desk") ', ""))
    home.agent.write_text(AGENT.replace("    return call.key", "    while True:\n        pass"))
    with working(home) as worker:
        home.say("refund", external_id="m1", sender="spin@example.org")
        until(lambda: "starting it again" in worker.said)
        home.say("hello", external_id="m2")
        until(lambda: "About hello." in home.sent)
        home.settled()
        assert worker.said.count("stalled in the call of effect") == 1
        assert "refund" in home.cli("effect", "unknown").check().out


def test_a_worker_that_was_killed_comes_back_and_finishes_what_was_acknowledged(
    tmp_path: Path,
) -> None:
    home = SmallHome(tmp_path / "home").found()
    with working(home) as worker:
        for number in range(5):
            home.say(f"number {number}", external_id=f"m{number}")
            worker.kill()
        home.settled()
        assert sorted(set(home.sent)) == [f"About number {n}." for n in range(5)]
        assert home.cli("ledger", "verify").check()


def test_code_that_ends_the_process_costs_its_turn_and_is_not_run_for_ever(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    with working(home) as worker:
        home.say("exit", external_id="m1", sender="exit@example.org")
        until(lambda: "two workers died in turn" in worker.said)
        home.say("hello", external_id="m2")
        home.settled()
        assert home.sent == ["About hello."]
        assert home.queue == [("orders", "stalled")]
        assert worker.said.count("worker ended with 7") == 2


def test_a_task_that_ends_the_process_as_if_all_were_well_costs_its_turn_not_the_day(
    tmp_path: Path,
) -> None:
    home = SmallHome(tmp_path / "home").found()
    with working(home) as worker:
        home.say("leak", external_id="m1", sender="leak@example.org")
        until(lambda: "two workers died in turn" in worker.said)
        home.say("hello", external_id="m2")
        home.settled()
        assert home.sent == ["About hello."]
        assert home.queue == [("orders", "stalled")]


def test_a_turn_that_stops_the_loop_costs_itself_and_no_worker(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    with working(home) as worker:
        home.say("halt", external_id="m1", sender="halt@example.org")
        home.say("hello", external_id="m2")
        home.settled()
        assert home.sent == ["About hello."]
        assert home.queue == [("orders", "agent_failed")]
        assert "worker ended" not in worker.said


def test_told_to_end_it_ends_with_zero_and_files_and_index_have_caught_up(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    with working(home) as worker:
        home.say("hello", external_id="m1")
        entries = home.settled().entries
        assert worker.stop() == 0
        assert not (home.path / "worker.sock").exists()
        checkpoint = (home.path / "ledger" / "checkpoint").read_text().splitlines()
        assert int(checkpoint[1]) >= entries
    verified = home.cli("ledger", "verify", "--json").check()
    assert f'"published": {checkpoint[1]}' in verified.out
    assert f'"entries": {checkpoint[1]}' in verified.out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_while_it_starts_it_ends_with_zero(
    tmp_path: Path, number: signal.Signals
) -> None:
    home = SmallHome(tmp_path / "home").found()
    worker = Worker(home).started()
    os.kill(worker.process.pid, number)
    assert worker.ends(10) == 0


def test_a_worker_whose_supervisor_is_gone_ends_too(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    with working(home) as worker:
        pid = home.holder
        worker.process.kill()
        until(lambda: not is_alive(pid))
    assert home.cli("agent", "list").check()


def test_a_second_worker_is_told_who_holds_the_home_and_the_first_works_on(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    with working(home):
        home.cli("worker").fails(1, "home_held", f"Process {home.holder} holds")
        home.say("hello", external_id="m1")
        home.settled()
        assert home.sent == ["About hello."]


def _another_agent(home: SmallHome) -> None:
    home.says('agent = "support"', 'agent = "other"')
    home.agent.write_text(AGENT.replace('Agent("support"', 'Agent("other"'))


WRONG: dict[str, tuple[int, Callable[[SmallHome], object], str]] = {
    "no owner": (4, _another_agent, "Nobody answers for agent 'other'"),
    "unknown agent": (2, lambda home: home.says('agent = "support"', 'agent = "other"'), "'other'"),
    "bad settings": (2, lambda home: home.says("stall_s = 1.0", "stall_s = 0"), "stall_s"),
    "another log": (1, lambda home: home.says("acme.example", "acme2.example"), "signing key"),
    "policy typo": (
        2, lambda home: home.policy.write_text(POLICY.replace('"reply"', '"rply"')),
        "small.cedar:2 @replies",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_set_up_ends_with_its_code_in_three_sentences_and_is_not_tried_again(
    tmp_path: Path, what: str
) -> None:
    code, spoil, part = WRONG[what]
    home = SmallHome(tmp_path / "home").found()
    spoil(home)
    said = home.cli("worker").fails(code, part)
    assert "starting it again" not in said.err


def test_a_folder_that_is_no_home_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("things")
    cli("worker", "--home", str(tmp_path)).fails(3, "not_a_home", "is not a home")
    cli("worker", "--home", str(tmp_path / "new")).fails(3, "is not a home")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
