"""Each next command that we print is one that can be typed."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import answerable
from answerable.cli.app import app
from homes import environment

SOURCE = Path(answerable.__file__).parent
_COMMAND = re.compile(r"(?:^|[`'\s(])answerable ((?:[a-z]+ ?)+[^`]*)")


def said(node: ast.AST) -> Iterator[str]:
    """Each text below a node, without docstrings; what is put into a text is `X`."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(p.value) if isinstance(p, ast.Constant) else "X" for p in node.values)
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    for child in () if is_docstring else ast.iter_child_nodes(node):
        yield from said(child)


def commands() -> list[str]:
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for text in said(ast.parse(path.read_text())):
            found |= {match[1].strip() for match in _COMMAND.finditer(text)}
    return sorted(found)


COMMANDS = commands()


def _find(words: list[str]) -> tuple[Any, list[str]]:
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


def test_some_were_found() -> None:
    assert len(COMMANDS) > 15


@pytest.mark.parametrize("typed", COMMANDS)
def test_it_exists_with_all_that_it_needs(typed: str) -> None:
    command, rest = _find(
        shlex.split(typed.split(",", maxsplit=1)[0].split(" Next", maxsplit=1)[0])
    )
    if typed == "desk take X":  # who is asked to take it knows their own name
        rest = [*rest, "--by", "X"]
    if rest == ["--help"]:
        return
    assert not hasattr(command, "commands"), f"`answerable {typed}` names no command"
    options = {opt: p for p in command.params for opt in (*p.opts, *p.secondary_opts)}
    named = [word for word in rest if word.startswith("--")]
    assert all(word in options for word in named), f"`answerable {typed}` has unknown options"
    given = {options[word].name for word in named}
    needed = {p.name for p in command.params if p.required and p.opts[0].startswith("--")}
    assert needed <= given, f"`answerable {typed}` lacks {needed - given}"
    valued = sum(not options[word].is_flag for word in named)
    arguments = [p for p in command.params if not p.opts[0].startswith("--")]
    count = len(rest) - len(named) - valued
    assert sum(p.required for p in arguments) <= count <= len(arguments), typed


def _run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
    )
    return done.stdout


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    heavy = "sqlite3 cedarpy cryptography msgspec asyncio rich.console answerable.worker"
    loaded = _run(
        "import sys; import answerable.cli.app;"
        f"print([name for name in {heavy.split()!r} if name in sys.modules])"
    )
    assert loaded == "[]\n"
    assert _run("import sys, answerable; print('msgspec' in sys.modules)") == "False\n"


def _help(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "answerable.cli", *words, "--help"], capture_output=True, text=True,
        check=True, env=environment(COLUMNS="80"),
    )  # fmt: skip
    return done.stdout


def test_help_fits_its_screen_and_says_what_each_word_is() -> None:
    text = _help()
    assert "..." not in text.replace("[ARGS]...", "")
    assert "--install-completion" not in text
    assert max(map(len, text.splitlines())) <= 80
    root: Any = typer.main.get_command(app)
    for noun, group in root.commands.items():
        assert group.help, noun
        for verb, command in getattr(group, "commands", {}).items():
            assert command.help, (noun, verb)
            for parameter in command.params:
                assert parameter.name == "help" or parameter.help, (noun, verb, parameter.name)


def test_a_command_that_meets_a_worker_does_not_load_the_house() -> None:
    code = "import sys, answerable.worker.ask; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    heavy = ("answerable.pipeline", "answerable.compose", "answerable.policy", "cedarpy", "sqlite3")
    assert [name for name in run.stdout.split() if name in heavy] == []
