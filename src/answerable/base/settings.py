"""What `answerable.toml` may say: typed, and unknown keys are errors. Reading it is compose's."""

import msgspec

from answerable.base.errors import UsageError


class RailSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rail: `use` is `module:factory`, called with the home's path; `agent` answers on it."""

    use: str
    agent: str
    deadline_s: float = 10.0


class LedgerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`origin` names the log in its checkpoints; a name under a domain of yours."""

    origin: str = "answerable.local/home"


class WorkerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much at once, and how long a turn may keep the loop before it is killed."""

    in_flight_max: int = 256
    backlog_max: int = 20_000
    stall_s: float = 5.0


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A home's configuration. `agents` are `module:attribute` of an `answerable.Agent`."""

    agents: tuple[str, ...] = ()
    rails: dict[str, RailSettings] = {}
    policies: str = "policies"
    ledger: LedgerSettings = LedgerSettings()
    worker: WorkerSettings = WorkerSettings()


def parse_settings(text: str, name: str) -> Settings:
    """Read the text of a settings file. Raises UsageError that says where it is wrong."""
    try:
        return msgspec.toml.decode(text, type=Settings)
    except (msgspec.DecodeError, ValueError) as error:
        raise UsageError(
            f"'{name}' cannot be read: {error}.",
            "Nothing was started.",
            f"correct '{name}'",
        ) from error
