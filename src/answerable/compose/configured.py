"""A plan from a home's `answerable.toml`: what production is built from."""

import sys
from importlib import import_module
from pathlib import Path

from answerable.base.errors import NotFound, UsageError
from answerable.base.settings import RailSettings, Settings, parse_settings
from answerable.compose.house import Plan
from answerable.pipeline.hall import Line
from answerable.policy.load import load, load_folder
from answerable.policy.schema import Vocabulary
from answerable.rails.port import Rail
from answerable.sdk.agent import Agent

SETTINGS = "answerable.toml"


def read_settings(home: Path) -> Settings:
    """The home's settings; defaults where there is no file. Raises UsageError."""
    path = home / SETTINGS
    if not path.exists():
        return Settings()
    return parse_settings(path.read_text(encoding="utf-8"), str(path))


def plan(home: Path) -> Plan:
    """Everything of a home as it is configured. Raises UsageError, NotFound, PolicyInvalid."""
    settings = read_settings(home)
    sys.path.insert(0, str(home.absolute()))  # agents may lie beside their settings
    agents = {agent.name: agent for agent in map(_agent, settings.agents)}
    lines = {name: _line(home, name, rail, agents) for name, rail in settings.rails.items()}
    folder = home / settings.policies
    vocabulary = Vocabulary(
        tools=frozenset(tool for agent in agents.values() for tool in agent.tools),
        rails=frozenset(lines),
    )
    if settings.agents and not folder.is_dir():
        raise NotFound(
            f"There is no policy folder '{folder}', and without a policy everything is denied.",
            "Nothing was started.",
            f"mkdir {folder} and put a .cedar file into it",
        )
    return Plan(
        home=home,
        blueprints=tuple(agent.blueprint() for agent in agents.values()),
        lines=lines,
        policy=load_folder(folder, vocabulary) if folder.is_dir() else load({}),
        origin=settings.ledger.origin,
        in_flight_max=settings.worker.in_flight_max,
        backlog_max=settings.worker.backlog_max,
    )


def _agent(where: str) -> Agent:
    found = _load(where, "an agent")
    if not isinstance(found, Agent):
        raise UsageError(f"'{where}' is a {type(found).__name__}, not an answerable.Agent.")
    return found


def _line(home: Path, name: str, rail: RailSettings, agents: dict[str, Agent]) -> Line:
    if rail.agent not in agents:
        raise UsageError(
            f"Rail '{name}' names agent '{rail.agent}', which is not configured"
            f" (configured: {', '.join(sorted(agents)) or 'none'}).",
            "Nothing was started.",
            f"correct [rails.{name}] in {home / SETTINGS}",
        )
    factory = _load(rail.use, "a rail")
    if not callable(factory):
        raise UsageError(f"'{rail.use}' is not a function that makes a rail.")
    made: Rail = factory(home)
    return Line(made, rail.agent, rail.deadline_s)


def _load(where: str, what: str) -> object:
    """`module:attribute`, with an error that says which half is wrong."""
    module_name, _, attribute = where.partition(":")
    try:
        return getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"'{where}' does not lead to {what}: {error}.",
            "Nothing was started.",
            f"correct it in {SETTINGS}; the form is `module:attribute`",
        ) from error
