"""`answerable chat`: what is typed is said once, and what came of it is shown."""

import json
import os
import pty
import select
import signal
import sys
import time
from pathlib import Path

import pytest

from answerable.cli.chat import Thoughts
from answerable.testing.model_process import model_stub
from answerable.testing.model_stub import Answer, Conversation, Script
from answerable.worker.verbs.cases import Overheard
from homes import environment, is_alive, until
from projects import OWNER, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "shop")


def test_a_pipe_is_a_message_a_line_and_the_worker_ends_with_the_talk(project: Project) -> None:
    said = project.types("chat", then="When does A1 ship?\n\nPlease refund A1\n").check()
    assert said.out == "support> Order A1 ships on Tuesday.\nsupport> Order A1 is refunded.\n"
    assert "Next: answerable decision who dec_" in said.err
    project.check_free()


def test_what_waits_and_what_goes_to_people_is_said_with_the_command_that_goes_on(
    project: Project,
) -> None:
    said = project.types("chat", "--message", "Please refund A2", "--message", "Hello?").check()
    assert said.out.splitlines() == [
        "  held: refund of 125.00 USD waits for a person: answerable approval list",
        "  escalated: people have this case: answerable desk list",
    ]
    (hold,) = json.loads(project.types("approval", "list", "--json").check().out)
    assert (hold["amount_minor"], hold["status"]) == (12_500, "held")


def test_each_verdict_is_shown_with_its_rule_its_owner_and_its_place(project: Project) -> None:
    said = project.types("chat", "--show", "decisions", "--message", "refund A3").check()
    reply, denied, allowed = said.out.splitlines()
    assert reply == "support> We cannot refund it."
    assert denied.startswith(
        "  deny: refund of 480.00 USD, by limit:amount_minor_each; Olive Marsh"
    )
    assert "by agent.cedar:3 @reply; Olive Marsh answers; ledger " in allowed


THINKER = """
from answerable import Agent, Context, Escalation, Message, Reply

agent = Agent("support", owner="{owner}", desk="orders", purpose="think", model={model})


@agent.on_message
async def answer(ctx: Context, message: Message) -> Reply | Escalation:
    return await ctx.think("Be brief.", reads=[look])


async def look() -> str:
    return "Tuesday"
"""


def test_thoughts_are_shown_as_they_come_and_are_no_data(project: Project) -> None:
    answers = (Answer(text="I look it up.", call="look"), Answer(text="On \x1b[1mTuesday."))
    with model_stub(project.folder, Script((Conversation(answers),))) as stub:
        project.agent.write_text(THINKER.format(owner=OWNER, model=stub.model()))
        shown = project.types("chat", "--show", "thoughts", "--message", "When?").check()
        plain = project.types("chat", "--message", "And A2?").check()
    thoughts = [line for line in shown.err.splitlines() if "thinks" in line]
    assert thoughts == [
        "  support thinks: I look it up.",
        "  support thinks: On \u241b[1mTuesday.",
    ]
    assert shown.out == "support> On \u241b[1mTuesday.\n"
    assert "thinks" not in plain.err


def test_another_worker_thinks_anew_on_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    thoughts = Thoughts("support")
    for heard in (Overheard("It shi", 6), Overheard("It ", 3), Overheard("ships.", 9)):
        thoughts.show(heard)
    thoughts.end()
    thinks = "  support thinks: "
    assert capsys.readouterr().err == f"{thinks}It shi\n{thinks}It ships.\n"


def test_as_json_it_is_a_line_a_message(project: Project) -> None:
    said = project.types("chat", "--json", "--as", "kim", then="refund A2\nWhen is A1?\n").check()
    held, answered = map(json.loads, said.out.splitlines())
    assert (held["message"], held["disposition"], held["replies"]) == ("refund A2", "open", [])
    assert [one["effect"] for one in held["decisions"] if one["verdict"] == "hold"] == held["held"]
    assert answered["replies"] == ["Order A1 ships on Tuesday."]
    assert "to kim: " in answered["decisions"][0]["exact"]


def test_a_running_worker_is_used_and_left_alone(project: Project) -> None:
    worker = project.start("worker")
    try:
        until((project.home / "worker.sock").exists)
        pid = project.holder
        project.types("chat", "--message", "When does A1 ship?").check()
        assert (project.holder, is_alive(pid)) == (pid, True)
    finally:
        worker.terminate()
        worker.communicate(timeout=30)


def test_a_worker_that_is_killed_in_between_answers_the_same_message_once(
    project: Project,
) -> None:
    slow = '    import asyncio\n\n    await asyncio.sleep(1)\n    if "refund" not in'
    project.change(project.agent, '    if "refund" not in', slow)
    chat = project.start("chat", "--json")
    assert chat.stdin is not None
    assert chat.stdout is not None
    chat.stdin.write("When does A1 ship?\n")
    chat.stdin.flush()
    first = json.loads(chat.stdout.readline())
    chat.stdin.write("When does A2 ship?\n")
    chat.stdin.flush()
    time.sleep(0.5)  # in the middle of its turn
    os.kill(project.holder, signal.SIGKILL)
    second = json.loads(chat.stdout.readline())
    chat.communicate(timeout=60)
    assert (first["disposition"], second["disposition"]) == ("answered", "answered")
    assert second["replies"] == ["Order A2 ships on Tuesday."]
    heard = json.loads(
        project.types("ledger", "search", "--kind", "received", "--json").check().out
    )
    assert len(heard) == 2
    project.check_free()


def test_told_to_end_it_ends_its_worker(project: Project) -> None:
    chat = project.start("chat")
    assert chat.stdin is not None
    chat.stdin.write("When does A1 ship?\n")
    chat.stdin.flush()
    until((project.home / "worker.sock").exists)
    chat.send_signal(signal.SIGTERM)
    chat.communicate(timeout=60)
    assert chat.returncode == 130
    project.check_free()


WRONG = {
    "no pull rail": ('use = "pull"', 'use = "agent:rail"', "No agent has a rail whose replies"),
    "no settings": ("", "", "is not a home"),
    "a module that is not there": ("agent:agent", "agnt:agent", "No module named 'agnt'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said(project: Project, what: str) -> None:
    old, new, part = WRONG[what]
    project.change(project.settings, old, new)
    home = ("--home", "elsewhere") if what == "no settings" else ()
    said = project.types("chat", "--message", "Hello?", *home)
    assert said.code in (1, 3)
    assert part in said.err
    assert "Traceback" not in said.err
    project.check_free()


def test_a_message_of_nothing_is_refused(project: Project) -> None:
    project.types("chat", "--message", " ").fails(2, "A message of nothing is none.")


def test_another_agent_is_not_found_and_those_that_are_there_are_named(project: Project) -> None:
    project.types("chat", "sales", "--message", "Hello?").fails(3, "Those that have one: support")


def test_in_a_terminal_it_prompts_shows_what_comes_later_and_ends_with_ctrl_d(
    project: Project,
) -> None:
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(project.folder)
        command = [sys.executable, "-m", "answerable.cli", "chat"]
        os.execve(sys.executable, command, environment(TERM="dumb"))
    screen = Screen(terminal)
    screen.shows("you> ")
    screen.types("Please refund A2\n")
    screen.shows("held: refund of 125.00 USD")
    (hold,) = json.loads(project.types("approval", "list", "--json").check().out)
    project.types("approval", "grant", hold["effect"], "--by", OWNER).check()
    screen.shows("support> Order A2 is refunded.")
    screen.types("\x04")
    screen.shows("Next: answerable decision who")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    project.check_free()


class Screen:
    """What a terminal shows, and what is typed into it."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._shown = ""

    def types(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def shows(self, part: str, within_s: float = 60) -> None:
        give_up = time.monotonic() + within_s
        while part not in self._shown:
            assert time.monotonic() < give_up, self._shown
            if select.select([self._terminal], [], [], 0.1)[0]:
                try:
                    self._shown += os.read(self._terminal, 4096).decode()
                except OSError:  # it has ended
                    assert part in self._shown, self._shown
        self._shown = self._shown.partition(part)[2]
