"""The files of a new project, and how `answerable init` writes and founds it."""

import re
from importlib.resources import files
from pathlib import Path

from answerable.base.errors import UsageError
from answerable.parties.domain import NoAddress, address_of

HOME = ".answerable"
FILES = {
    "answerable.toml": "answerable.toml.txt",
    "agent.py": "agent.py.txt",
    "policies/agent.cedar": "policies/agent.cedar.txt",
    "tests/test_agent.py": "tests/test_agent.py.txt",
    "conftest.py": "conftest.py.txt",
    ".gitignore": "gitignore.txt",
}
_AGENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+")
_WRITTEN = "Nothing was written."


def write_project(folder: Path, *, agent: str, owner: str) -> list[Path]:
    """Write a new project's files, none of which may be there. Returns them. Raises UsageError."""
    _check(folder, agent, owner)
    domain = owner.rpartition("@")[2]
    words = {
        "agent": agent,
        "owner": owner,
        "origin": f"{domain if _DOMAIN.fullmatch(domain) else 'answerable.local'}/{agent}",
    }
    written = []
    try:
        for name, source in FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text((files(__name__) / source).read_text("utf-8").format(**words), "utf-8")
            written.append(path)
    except OSError as error:
        take_away(written)
        raise UsageError(
            f"'{folder}' cannot be written: {error.strerror}.", _WRITTEN,
            "answerable init FOLDER --owner EMAIL --name NAME",
        ) from error  # fmt: skip
    return written


def take_away(written: list[Path]) -> None:
    """What we wrote and nobody has touched since: the project could not be founded."""
    for path in written:
        path.unlink(missing_ok=True)


def _check(folder: Path, agent: str, owner: str) -> None:
    problem = ""
    there = [name for name in (*FILES, HOME) if (folder / name).exists()]
    if folder.exists() and not folder.is_dir():
        problem = f"'{folder}' is a file"
    elif there:
        problem = f"'{folder}' has {', '.join(there)} already, and nothing is written over"
    elif not _AGENT.fullmatch(agent):
        problem = f"{agent!r} is no agent's name: ASCII letters, digits and hyphens"
    else:
        try:
            address_of("email", owner)
        except NoAddress as error:
            problem = f"{owner!r} is no email address: {error}"
        if "@" not in owner:
            problem = f"{owner!r} is no email address"
    if problem:
        raise UsageError(
            f"{problem}.", _WRITTEN,
            "answerable init NEW_FOLDER --owner EMAIL --name NAME",
        )  # fmt: skip
