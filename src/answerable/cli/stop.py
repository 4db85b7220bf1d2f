"""`stop`, `kill`, `agent pause|resume`: make it stand still, and let it go again."""

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AgentName,
    AsJson,
    By,
    Home,
    ask,
    at,
    new_app,
    out_json,
    out_table,
    talk,
    talk_next,
)

stop = new_app("What stands still, and how still.")

Scope = Annotated[
    str, typer.Argument(help="everything, an AGENT, AGENT/TOOL, or a party's pty_... id.")
]
Lifted = Annotated[str, typer.Argument(help="As `stop list` names it; `file` for the stop file.")]
ModeWord = Annotated[
    str,
    typer.Option(
        "--mode",
        help="pause: nothing starts; each message that comes in meanwhile goes to people, and its"
        " case stays with them when the stop is lifted. read-only: agents answer, no effect tool is"
        " performed. ask: whatever is allowed waits for a person.",
    ),
]
MaybeMode = Annotated[
    str, typer.Option("--mode", help="pause, read-only or ask; needed where several are on it.")
]

_MODES = {"pause": "pause", "read-only": "read_only", "read_only": "read_only", "ask": "ask"}
_FILE = "file"
_ANSWER_S = 5.0  # a worker that does not answer a kill within this is killed


@stop.command("set")
def stop_set(scope: Scope, by: By, mode: ModeWord = "pause", home: Home = DEFAULT_HOME) -> None:
    """In force for the next effect, in this life of the worker and in every later one.

    What a pause sends to people stays with them: `answerable desk handback --all-of AGENT` gives it
    back to the agent after the stop is lifted.
    """
    _order(home, scope, by, mode, is_on=True)


@stop.command("lift")
def stop_lift(
    scope: Lifted,
    by: Annotated[str, typer.Option("--by", help="Who says so.")] = "",
    mode: MaybeMode = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """Let it go again. What went to people meanwhile stays with them: `desk handback --all-of`."""
    from answerable.base.errors import UsageError
    from answerable.store.stopfile import StopFile

    if scope == _FILE:
        StopFile(home).lift()
        talk("The stop file is gone.")
        _tell_still_on(home)
        talk_next(home, "answerable stop list")
        return
    if not by:
        said = f" --mode {mode}" if mode else ""
        raise UsageError(
            "Who lets it go is not said.", "Nothing was changed.",
            at(home, f"answerable stop lift {scope}{said} --by PERSON"),
        )  # fmt: skip
    _order(home, scope, by, mode or _only_mode(home, scope, by), is_on=False)
    if StopFile(home).is_pressed():
        talk("The stop file still lies in the home: everything stays stopped.")
        talk_next(home, "answerable stop lift file")


def _tell_still_on(home: Path) -> None:
    """Who lifts the file may think that all goes on: a stop that was recorded is lifted by itself.

    Said where it can be found out; the file is gone in any case.
    """
    from answerable.agents.stops import tell_mode, typed_scope
    from answerable.base.errors import AnswerableError
    from answerable.worker.verbs import StopList
    from answerable.worker.verbs.control import StopRow

    try:
        rows = ask(home, StopList(), list[StopRow])
    except AnswerableError as error:
        talk(f"Whether another stop is in force could not be looked up ({error}).")
        return
    if rows:
        on = ", ".join(f"{typed_scope(row.scope)} ({tell_mode(row.mode)})" for row in rows)
        talk(f"Still in force: {on}.")


def _only_mode(home: Path, scope: str, by: str) -> str:
    """The mode that is on a scope, where it is one; pause where none is. Raises UsageError."""
    from answerable.agents.stops import scope_of, tell_mode
    from answerable.base.errors import UsageError
    from answerable.worker.verbs import StopList
    from answerable.worker.verbs.control import StopRow

    rows = ask(home, StopList(), list[StopRow])
    modes = [tell_mode(row.mode) for row in rows if row.scope == scope_of(scope)]
    if len(modes) > 1:
        raise UsageError(
            f"On '{scope}' are {' and '.join(modes)}; which of them is lifted is not said.",
            "Nothing was changed.",
            at(home, f"answerable stop lift {scope} --mode {modes[0]} --by {by}"),
        )
    return modes[0] if modes else "pause"


@stop.command("list")
def stop_list(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Every stop in force, by whom, since which ledger index."""
    from answerable.agents.stops import tell_mode, typed_scope
    from answerable.worker.verbs import StopList
    from answerable.worker.verbs.control import StopRow

    rows = ask(home, StopList(), list[StopRow])
    if as_json:
        out_json(rows)
        return
    shown = [
        {
            "scope": typed_scope(row.scope), "mode": tell_mode(row.mode),
            "since": f"ledger {row.since}" if row.since >= 0 else "a file in the home",
            "by": row.by_name or row.by,
        }
        for row in rows
    ]  # fmt: skip
    out_table(shown, "Nothing is stopped.")
    if shown:
        first = shown[0]
        by = "" if first["scope"] == _FILE else f" --mode {first['mode']} --by PERSON"
        talk_next(home, f"answerable stop lift {first['scope']}{by}")


def kill(
    scope: Annotated[str, typer.Argument(metavar="[AGENT]", help="An agent, or --all.")] = "",
    by: Annotated[
        str, typer.Option("--by", help="Who stops it; with --all it may be left out.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="Everything, at once.")] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Stop an agent and end what it is thinking; --all: everything.

    --all presses the stop file first, so that it holds whatever else fails, also where no worker
    answers.
    """
    from answerable.base.errors import UsageError

    if bool(scope) == everything:
        raise UsageError(
            "Whom to stop is said twice." if scope else "Whom to stop is not said.",
            "Nothing was stopped.",
            at(home, "answerable kill AGENT --by PERSON"),
        )  # fmt: skip
    if scope and not by:
        raise UsageError(
            f"Who stops '{scope}' is not said: the ledger names them.", "Nothing was stopped.",
            at(home, f"answerable kill {scope} --by PERSON"),
        )  # fmt: skip
    if everything:
        _kill_everything(home, by)
    else:
        _order(home, scope, by, "pause", is_on=True, is_kill=True)


def agent_pause(agent: AgentName, by: By, home: Home = DEFAULT_HOME) -> None:
    """Its next effect does not happen; each message that comes in goes to people.

    Those cases stay with people after `agent resume`, until they are handed back: `answerable desk
    handback --all-of AGENT`.
    """
    _order(home, agent, by, "pause", is_on=True)


def agent_resume(agent: AgentName, by: By, home: Home = DEFAULT_HOME) -> None:
    """Let a paused agent go on with what comes in from now.

    Cases that went to people meanwhile stay with them: `answerable desk handback --all-of AGENT`.
    """
    _order(home, agent, by, "pause", is_on=False)


def _order(
    home: Path, scope: str, by: str, mode: str, *, is_on: bool, is_kill: bool = False
) -> None:
    from answerable.agents.stops import scope_of
    from answerable.base.errors import UsageError
    from answerable.worker.verbs import Stop
    from answerable.worker.verbs.control import Stopped

    if mode not in _MODES:
        raise UsageError(
            f"There is no mode '{mode}': it is pause, read-only or ask.", "Nothing was changed.",
            at(home, f"answerable stop set {scope} --mode pause --by {by}"),
        )  # fmt: skip
    verb = Stop(scope_of(scope), by, is_on, _MODES[mode], is_kill)  # type: ignore[arg-type]
    done = ask(home, verb, Stopped)
    if done.is_late:
        talk("A send that had begun before was still on its way when its deadline passed.")
    talk(f"{scope}: {mode} {'is in force' if is_on else 'is lifted'}, ledger index {done.index}.")
    if not is_on and mode == "pause":
        is_agent = scope_of(scope) == scope and scope != "*" and ":" not in scope
        agent = scope if is_agent else "AGENT"
        give_back = at(home, f"answerable desk handback --all-of {agent} --by {by}")
        talk(f"Cases that went to people meanwhile stay with them, until: {give_back}")
    talk_next(home, "answerable stop list")


def _kill_everything(home: Path, by: str) -> None:
    from answerable.base.errors import AnswerableError
    from answerable.store.stopfile import StopFile
    from answerable.worker.ask import check_home

    check_home(home)
    StopFile(home).press()
    talk("The stop file is pressed: nothing starts any more, also after a restart.")
    try:
        _record_kill(home, by)
    except TimeoutError:
        _end_worker(home)
    except AnswerableError as error:
        talk(f"It could not be recorded ({error}), but it is in force.")
    talk_next(home, "answerable stop lift file")


def _record_kill(home: Path, by: str) -> None:
    """Tell the worker, so that turns end and sends in flight are waited for.

    Raises TimeoutError.
    """
    import asyncio

    from answerable.worker.ask import ask_home
    from answerable.worker.verbs import Status, Stop
    from answerable.worker.verbs.control import Standing, Stopped

    async def tell() -> None:
        async with asyncio.timeout(_ANSWER_S):
            await ask_home(home, Status(), Standing)
        if by:
            stopped = await ask_home(home, Stop("*", by, is_kill=True), Stopped)
            talk(f"Recorded at ledger index {stopped.index}.")

    asyncio.run(tell())


def _end_worker(home: Path) -> None:
    """A worker that does not answer may be in author code: nothing of it may go on."""
    from answerable.base.errors import AnswerableError
    from answerable.store.lock import HomeHeld, HomeLock

    try:
        HomeLock.check_free(home)
    except HomeHeld as held:
        if held.pid.isdigit():
            os.kill(int(held.pid), signal.SIGKILL)
            talk(f"Worker {held.pid} did not answer and was killed.")
    except AnswerableError as error:
        talk(str(error))
