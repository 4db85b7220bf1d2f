"""The pages for operators are true: their commands run, their tables are complete."""

import os
import pkgutil
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import answerable
from answerable.base.errors import AnswerableError

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SAYS = {
    "run-it.md": "Verified", "when-it-breaks.md": "Verified", "audit.md": "Verified",
    "witnesses.md": "Verified", "exports.md": "Verified", "forget.md": "Verified",
    "replay.md": "the same",
}  # fmt: skip
"""The pages that are typed, and what each has its commands say."""
PAGES = tuple(SAYS)
FENCE = re.compile(r"^```console(?P<why>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


def fences(page: str) -> Iterator[tuple[str, list[str]]]:
    """(why it is not run, its commands) of each console block."""
    for match in FENCE.finditer((DOCS / page).read_text("utf-8")):
        lines = re.findall(r"^\$ (.+)$", match["body"], re.MULTILINE)
        yield match["why"].strip(), lines


def first_of(noun: str) -> str:
    """The newest id that a list names, as a reader would take it from there."""
    program = f"import json, sys; print(json.load(sys.stdin)[0]['{noun}'])"
    return f'$(answerable {noun} list --json | python -c "{program}")'


BOOKS = """
import csv
rows = list(csv.DictReader(open("all.csv", newline="")))
asked = {row["effect"] for row in rows if row["action"] == "refund"}
print(*sorted(asked), sep="\\n", file=open("refunds.txt", "w"))
"""
"""What the other system would export: an effect's key is its id."""
TYPED = {"PARTY": first_of("party"), "DECISION": first_of("decision")}
DONE_BEFORE = {"answerable ledger compare": f"python -c '{BOOKS}'"}


def as_typed(command: str) -> list[str]:
    """The lines of a shell for it: what stands for an id is looked up, a refusal is expected."""
    before = [line for start, line in DONE_BEFORE.items() if command.startswith(start)]
    for word, found in TYPED.items():
        command = re.sub(rf"\b{word}\b", found, command)
    if "party erase" in command and "--yes" not in command:
        command += " || [ $? = 2 ]"
    return [*before, command]


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def shell_with(folder: Path) -> dict[str, str]:
    tools = folder / "bin"
    tools.mkdir()
    (folder / "verify").symlink_to(ROOT / "verify")
    for name, module in (("python", ""), ("answerable", "-m answerable.cli ")):
        (tools / name).write_text(f'#!/bin/sh\nexec {sys.executable} {module}"$@"\n')
        (tools / name).chmod(0o755)
    source = str(ROOT / "src")
    return {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": source}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_runs_as_it_is_written(page: str, tmp_path: Path) -> None:
    if shutil.which("curl") is None and page == "run-it.md":
        pytest.skip("no curl on this machine")
    port = str(free_port())
    commands = [line for why, lines in fences(page) if not why for line in lines]
    commands = [line for command in commands for line in as_typed(command)]
    script = "\n".join(["set -e", *commands]).replace("8420", port)
    script = script.replace("answerable serve", f"answerable serve --port {port}")
    script = script.replace("wait %1", "wait %1 || true")
    shell = subprocess.Popen(
        ["bash", "-c", script], cwd=tmp_path, env=shell_with(tmp_path), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        out, _ = shell.communicate(timeout=120)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)
    assert shell.returncode == 0, out[-3_000:]
    assert SAYS[page] in out


def test_what_is_not_run_says_why() -> None:
    marked = [why for page in PAGES for why, _ in fences(page) if why]
    assert marked
    assert all(re.fullmatch(r"not run: \w.+", why) for why in marked), marked


def kinds() -> list[type[AnswerableError]]:
    """Each class of errors that is ours."""
    for module in pkgutil.walk_packages(answerable.__path__, "answerable."):
        if not module.name.endswith("__main__"):
            import_module(module.name)

    def below(kind: type[AnswerableError]) -> Iterator[type[AnswerableError]]:
        yield kind
        for each in kind.__subclasses__():
            yield from below(each)

    found = dict.fromkeys(below(AnswerableError))
    return [kind for kind in found if kind.__module__.startswith("answerable")]


def codes() -> set[str]:
    return {kind.code for kind in kinds()}


def test_a_code_is_one_error() -> None:
    """`worker_away` is, too: over HTTP it says when to come again."""
    named = [kind.code for kind in kinds() if "code" in vars(kind)]
    assert {code for code in named if named.count(code) > 1} == {"worker_away"}


def test_every_code_is_on_the_page_and_no_other() -> None:
    text = (DOCS / "when-it-breaks.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    first = {code for row in rows for code in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    ours = text.partition("## A defect of ours")[2]
    first |= set(re.findall(r"`([a-z_]+)`", ours))
    assert codes() - first == set(), "a user may see it and the page does not say what to do"
    assert first - codes() == set(), "nobody sees it any more"


def test_every_command_that_a_page_names_exists() -> None:
    import typer  # noqa: PLC0415

    from answerable.cli.app import app  # noqa: PLC0415

    root = typer.main.get_command(app)
    for page in PAGES:
        text = (DOCS / page).read_text("utf-8")
        for typed in re.findall(r"`answerable ([a-z -]+)", text):
            command: object = root
            for word in typed.split():
                known = getattr(command, "commands", None)
                if known is None or word.startswith("-"):
                    break
                assert word in known, f"{page}: answerable {typed}"
                command = known[word]
