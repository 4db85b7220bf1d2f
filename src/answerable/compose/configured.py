"""A plan from a home's `answerable.toml`: what production is built from."""

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from answerable.adapters.rails.pull import pull
from answerable.agents.domain import Blueprint
from answerable.base.errors import AnswerableError, NotFound, UsageError
from answerable.base.settings import RailSettings, Settings
from answerable.compose.backups import backup_place
from answerable.compose.house import Plan
from answerable.compose.places import described_without_ours, place_of, problem_of
from answerable.compose.settings import SETTINGS, read_settings, settings_folder
from answerable.compose.signing import signer_place
from answerable.compose.traces import traces_of
from answerable.pipeline.hall import Line
from answerable.policy.load import PolicySet, load, load_folder
from answerable.policy.schema import Vocabulary
from answerable.rails.port import Rail
from answerable.sdk.agent import Agent
from answerable.store.disk import MB
from answerable.telemetry.failures import describe

_STARTED = "Nothing was started."


class SettingsMissing(NotFound):
    """Agents are wanted, and nothing says which."""

    code = "settings_missing"

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"There is no '{SETTINGS}' in '{home}' or beside it, so no agent is known.",
            _STARTED,
            f"put '{SETTINGS}' into '{home.absolute().parent}', or name the right home with --home",
        )


def plan(home: Path) -> Plan:
    """Everything of a home as it is configured.

    Raises SettingsMissing, UsageError, NotFound, PolicyInvalid.
    """
    agents = agents_of(home)
    lines = lines_of(home, agents)
    settings = read_settings(home)
    return Plan(
        home=home,
        blueprints=tuple(agents.values()),
        lines=lines,
        policy=policy_of(home, agents, lines),
        origin=settings.ledger.origin,
        in_flight_max=settings.worker.in_flight_max,
        wait_max_s=settings.worker.wait_max_s,
        backlog_max=settings.worker.backlog_max,
        disk_reserve_bytes=settings.disk.reserve_mb * MB,
        passages_kept=settings.telemetry.interactions_kept,
        persons_to_erase=settings.parties.persons_to_erase,
        erasure_asked_days=settings.parties.erasure_asked_days,
        backup_keys=backup_place(home, settings),
        traces=traces_of(settings.telemetry.otlp_endpoint),
        signer=signer_place(home, settings),
    )


def agents_of(home: Path) -> dict[str, Blueprint]:
    """The agents that a home's settings name, by their names. Raises SettingsMissing, UsageError.

    Their code is imported: it may lie beside the settings.
    """
    beside = settings_folder(home)
    if beside is None:
        raise SettingsMissing(home)
    if (path := str(beside.absolute())) not in sys.path:
        sys.path.insert(0, path)
    return _agents(beside / SETTINGS, read_settings(home))


def lines_of(home: Path, agents: Collection[str]) -> dict[str, Line]:
    """The rails that a home's settings name, each made. Raises UsageError."""
    at = (settings_folder(home) or home) / SETTINGS
    return {
        name: _line(_Place(home, at, name), rail, frozenset(agents))
        for name, rail in read_settings(home).rails.items()
    }


def names_of(home: Path) -> Vocabulary:
    """What a home's policies may name: its agents' code is imported, and no rail is made.

    Raises SettingsMissing, UsageError.
    """
    return _names(agents_of(home), read_settings(home).rails)


def _names(agents: Mapping[str, Blueprint], rails: Collection[str]) -> Vocabulary:
    tools = frozenset(tool for agent in agents.values() for tool in agent.tools)
    return Vocabulary(agents=frozenset(agents), tools=tools, rails=frozenset(rails))


def policy_of(home: Path, agents: Mapping[str, Blueprint], lines: Collection[str]) -> PolicySet:
    """The policies of a home, valid for what it has. Raises NotFound, PolicyInvalid."""
    folder = policies_of(home)
    if any(folder.glob("*.cedar")):
        return load_folder(folder, _names(agents, lines))
    if not agents:
        return load({})
    if folder.is_dir():
        raise NotFound(
            f"No .cedar file is in '{folder}', and without a policy everything is denied.",
            _STARTED,
            f"put a .cedar file into {folder}, one with a comment alone to deny everything",
        )
    raise NotFound(
        f"There is no policy folder '{folder}', and without a policy everything is denied.",
        _STARTED,
        f"mkdir {folder} and put a .cedar file into it",
    )


def office_plan(home: Path) -> Plan:
    """For a command on a home that nobody holds: its books are opened, its agents' code is not.

    So that who must be stopped can be stopped, however broken the code or the policies are.
    """
    settings = read_settings(home)
    return Plan(
        home=home, policy=load({}), origin=settings.ledger.origin,
        persons_to_erase=settings.parties.persons_to_erase,
        erasure_asked_days=settings.parties.erasure_asked_days,
        backup_keys=backup_place(home, settings),
        signer=signer_place(home, settings),
    )  # fmt: skip


def policies_of(home: Path) -> Path:
    """The folder of a home's policies. Raises UsageError."""
    return (settings_folder(home) or home) / read_settings(home).policies


def _agents(at: Path, settings: Settings) -> dict[str, Blueprint]:
    agents: dict[str, Blueprint] = {}
    for where in settings.agents:
        blueprint = _agent(at, where)
        if blueprint.agent in agents:
            raise UsageError(
                f"Two agents are called '{blueprint.agent}'; the second is '{where}'.",
                _STARTED,
                f"correct `agents` in {at}",
            )
        agents[blueprint.agent] = blueprint
    return agents


def _agent(at: Path, where: str) -> Blueprint:
    found = _load(at, where, "an agent")
    if not isinstance(found, Agent):
        raise UsageError(
            f"'{where}' is a {type(found).__name__}, not an answerable.Agent.",
            _STARTED,
            f"correct `agents` in {at}",
        )
    try:
        return found.blueprint()
    except (ValueError, OSError) as error:
        raise UsageError(
            f"'{where}' is not ready: {error}.", _STARTED, f"correct {where}"
        ) from None


@dataclass(frozen=True, slots=True)
class _Place:
    """Which rail of which home, and the file that says so."""

    home: Path
    at: Path
    name: str

    @property
    def correct(self) -> str:
        return f"correct [rails.{self.name}] in {self.at}"


def _line(place: _Place, rail: RailSettings, agents: frozenset[str]) -> Line:
    if rail.agent not in agents:
        raise UsageError(
            f"Rail '{place.name}' names agent '{rail.agent}', which is not configured"
            f" (configured: {', '.join(sorted(agents)) or 'none'}).",
            _STARTED,
            place.correct,
        )
    made, problem = _made(place, rail)
    if made is None or problem:
        raise UsageError(f"'{rail.use}' makes no rail: {problem}.", _STARTED, place.correct)
    return Line(made, rail.agent, rail.deadline_s)


def _made(place: _Place, rail: RailSettings) -> tuple[Rail | None, str]:
    """The rail, or what is wrong with it."""
    if rail.use in _OURS:
        return _OURS[rail.use](place.home, rail.identifier), ""
    if ":" not in rail.use:
        return None, f"it is none of ours ({', '.join(_OURS)}) and no `module:factory`"
    if rail.identifier:
        return None, "`identifier` is for rails of ours; this one says itself what it goes by"
    factory = _load(place.at, rail.use, "a rail")
    if not callable(factory):
        return None, "it is not a function that makes a rail"
    try:
        made: Rail = factory(place.home)
    except AnswerableError:
        raise
    except Exception as error:  # noqa: BLE001 - author code may raise anything
        return None, f"it failed with {describe(error)}"
    return made, _lacks(made)


def _lacks(rail: object) -> str:
    """What an object lacks to be a rail; empty if nothing."""
    lacking = [name for name in _RAIL if not hasattr(rail, name)]
    return f"{type(rail).__name__} has no {', '.join(lacking)}" if lacking else ""


_RAIL = ("repeat", "identifier_kind", "send", "find")
_OURS: Mapping[str, Callable[[Path, str], Rail]] = {"pull": pull}


def _load(at: Path, where: str, what: str) -> object:
    """`module:attribute`, with an error that says which half is wrong, and where it is."""
    module_name, _, attribute = where.partition(":")
    correct = f"correct it in {at}; the form is `module:attribute`"
    try:
        found: object = getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError, SyntaxError) as error:
        problem = str(error)
        if failed := place_of(error):
            problem, correct = f"{failed}: {problem_of(error)}", f"correct {failed}"
    except AnswerableError as error:  # of ours, about what the author declared
        problem = error.happened.rstrip(".")
    except Exception as error:  # noqa: BLE001 - author code may raise anything as it is imported
        problem = f"importing it failed with {described_without_ours(error)}"
        correct = f"correct {place_of(error) or where}"
    else:
        return found
    raise UsageError(f"'{where}' does not lead to {what}: {problem}.", _STARTED, correct)
