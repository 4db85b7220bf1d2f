"""Checks of the set-up: the machine's programs, settings, agents, rails, policies."""

import socket
from collections.abc import Callable

from answerable.base.errors import AnswerableError
from answerable.compose.configured import agents_of, lines_of, policy_of
from answerable.compose.models import models_of
from answerable.compose.settings import read_settings
from answerable.worker.doctor.patient import Check, Patient, Trouble

_PYTHON_MIN = (3, 11)
_SQLITE_MIN = (3, 37)  # STRICT tables


def programs(patient: Patient) -> Trouble | None:
    if patient.python < _PYTHON_MIN:
        return Trouble(
            f"Python {_dotted(patient.python)} is older than {_dotted(_PYTHON_MIN)}.",
            "install a newer Python and Answerable in it",
        )
    if patient.sqlite < _SQLITE_MIN:
        return Trouble(
            f"Python's SQLite {_dotted(patient.sqlite)} is older than {_dotted(_SQLITE_MIN)}.",
            "install a Python that has a newer SQLite",
        )
    return None


def settings(patient: Patient) -> Trouble | None:
    """A key that is unknown, a value of a wrong kind, a file that is no TOML."""
    return _told(lambda: read_settings(patient.home))


def agents(patient: Patient) -> Trouble | None:
    """A module that cannot be imported, a name that is no agent."""
    if _told(lambda: read_settings(patient.home)):
        return None  # said already
    return _told(lambda: agents_of(patient.home))


def models(patient: Patient) -> Trouble | None:
    """What an agent thinks with: its packages, its key in the environment, a price if one counts.

    A worker that runs has them, whatever the environment of this command is.
    """
    if patient.is_held or _told(lambda: agents_of(patient.home)):
        return None
    return _told(lambda: models_of(list(agents_of(patient.home).values()), {}))


def rails(patient: Patient) -> Trouble | None:
    """A rail of an agent that is not there, a factory that makes none."""
    if _told(lambda: agents_of(patient.home)):
        return None
    return _told(lambda: lines_of(patient.home, agents_of(patient.home)))


def policies(patient: Patient) -> Trouble | None:
    """No folder, or a rule that does not load."""
    if _told(lambda: lines_of(patient.home, agents_of(patient.home))):
        return None
    made = agents_of(patient.home)
    return _told(lambda: policy_of(patient.home, made, lines_of(patient.home, made)))


def port(patient: Patient) -> Trouble | None:
    """Where HTTP would listen, something else does."""
    if patient.is_held or _told(lambda: read_settings(patient.home)):
        return None  # it may be ours, or is said already
    server = read_settings(patient.home).server
    if not server.port:
        return None
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.socket(family) as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind((server.host, server.port))
        except OSError as error:
            return Trouble(
                f"HTTP cannot listen on {server.host}, port {server.port}: {error.strerror}.",
                "answerable serve --port PORT",
                level="warning",
            )
    return None


def _told(look: Callable[[], object]) -> Trouble | None:
    try:
        look()
    except AnswerableError as error:
        return Trouble(error.happened, error.next_command)
    return None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


CHECKS: dict[str, Check] = {
    "programs": programs,
    "settings": settings,
    "agents": agents,
    "models": models,
    "rails": rails,
    "policies": policies,
    "port": port,
}
