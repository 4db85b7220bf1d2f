"""A plan from a home's `answerable.toml`: what production is built from."""

import sys
from importlib import import_module
from pathlib import Path

from answerable.agents.domain import Blueprint
from answerable.base.errors import AnswerableError, NotFound, UsageError
from answerable.base.settings import RailSettings, Settings, parse_settings
from answerable.compose.house import Plan
from answerable.pipeline.hall import Line
from answerable.policy.load import load, load_folder
from answerable.policy.schema import Vocabulary
from answerable.rails.port import Rail
from answerable.sdk.agent import Agent
from answerable.telemetry.failures import describe

SETTINGS = "answerable.toml"
_STARTED = "Nothing was started."


def read_settings(home: Path) -> Settings:
    """The home's settings; defaults where there is no file. Raises UsageError."""
    path = home / SETTINGS
    if not path.exists():
        return Settings()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"'{path}' cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.",
            _STARTED,
            f"correct '{path}'",
        ) from error
    return parse_settings(text, str(path))


def plan(home: Path) -> Plan:
    """Everything of a home as it is configured. Raises UsageError, NotFound, PolicyInvalid."""
    settings = read_settings(home)
    if (beside := str(home.absolute())) not in sys.path:
        sys.path.insert(0, beside)  # agents may lie beside their settings
    agents = _agents(home, settings)
    lines = {
        name: _line(home, name, rail, frozenset(agents)) for name, rail in settings.rails.items()
    }
    folder = policies_of(home)
    vocabulary = Vocabulary(
        agents=frozenset(agents),
        tools=frozenset(tool for agent in agents.values() for tool in agent.tools),
        rails=frozenset(lines),
    )
    if settings.agents and not folder.is_dir():
        raise NotFound(
            f"There is no policy folder '{folder}', and without a policy everything is denied.",
            _STARTED,
            f"mkdir {folder} and put a .cedar file into it",
        )
    return Plan(
        home=home,
        blueprints=tuple(agents.values()),
        lines=lines,
        policy=load_folder(folder, vocabulary) if folder.is_dir() else load({}),
        origin=settings.ledger.origin,
        in_flight_max=settings.worker.in_flight_max,
        backlog_max=settings.worker.backlog_max,
    )


def office_plan(home: Path) -> Plan:
    """For a command on a home that nobody holds: its books are opened, its agents' code is not.

    So that who must be stopped can be stopped, however broken the code or the policies are.
    """
    return Plan(home=home, policy=load({}), origin=read_settings(home).ledger.origin)


def policies_of(home: Path) -> Path:
    """The folder of a home's policies. Raises UsageError."""
    return home / read_settings(home).policies


def _agents(home: Path, settings: Settings) -> dict[str, Blueprint]:
    agents: dict[str, Blueprint] = {}
    for where in settings.agents:
        blueprint = _agent(home, where)
        if blueprint.agent in agents:
            raise UsageError(
                f"Two agents are called '{blueprint.agent}'; the second is '{where}'.",
                _STARTED,
                f"correct `agents` in {home / SETTINGS}",
            )
        agents[blueprint.agent] = blueprint
    return agents


def _agent(home: Path, where: str) -> Blueprint:
    found = _load(home, where, "an agent")
    if not isinstance(found, Agent):
        raise UsageError(
            f"'{where}' is a {type(found).__name__}, not an answerable.Agent.",
            _STARTED,
            f"correct `agents` in {home / SETTINGS}",
        )
    try:
        return found.blueprint()
    except (ValueError, OSError) as error:
        raise UsageError(
            f"'{where}' is not ready: {error}.", _STARTED, f"correct {where}"
        ) from None


def _line(home: Path, name: str, rail: RailSettings, agents: frozenset[str]) -> Line:
    if rail.agent not in agents:
        raise UsageError(
            f"Rail '{name}' names agent '{rail.agent}', which is not configured"
            f" (configured: {', '.join(sorted(agents)) or 'none'}).",
            _STARTED,
            f"correct [rails.{name}] in {home / SETTINGS}",
        )
    factory = _load(home, rail.use, "a rail")
    problem = "" if callable(factory) else "it is not a function that makes a rail"
    if callable(factory):
        try:
            made: Rail = factory(home)
        except AnswerableError:
            raise
        except Exception as error:  # noqa: BLE001 - author code may raise anything
            problem = f"it failed with {describe(error)}"
        else:
            problem = _lacks(made)
    if problem:
        raise UsageError(
            f"'{rail.use}' makes no rail: {problem}.",
            _STARTED,
            f"correct [rails.{name}] in {home / SETTINGS}",
        )
    return Line(made, rail.agent, rail.deadline_s)


def _lacks(rail: object) -> str:
    """What an object lacks to be a rail; empty if nothing."""
    lacking = [name for name in _RAIL if not hasattr(rail, name)]
    return f"{type(rail).__name__} has no {', '.join(lacking)}" if lacking else ""


_RAIL = ("repeat", "identifier_kind", "send", "find")


def _load(home: Path, where: str, what: str) -> object:
    """`module:attribute`, with an error that says which half is wrong."""
    module_name, _, attribute = where.partition(":")
    try:
        found: object = getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        problem = str(error)
    except Exception as error:  # noqa: BLE001 - author code may raise anything as it is imported
        problem = f"importing it failed with {describe(error)}"
    else:
        return found
    raise UsageError(
        f"'{where}' does not lead to {what}: {problem}.",
        _STARTED,
        f"correct it in {home / SETTINGS}; the form is `module:attribute`",
    )
