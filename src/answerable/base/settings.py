"""What `answerable.toml` may say: typed, and unknown keys are errors. Reading it is compose's."""

import difflib
import re
from typing import Annotated, Literal

import msgspec

from answerable.base.errors import UsageError

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
CALL_SECONDS_MAX = 50.0
"""However long a rail or a tool is given to answer: below the time a takeover waits for sends
(`desk.service.SENDS_END_S`), so that a send in flight has always ended when that is over."""
CallSeconds = Annotated[float, msgspec.Meta(gt=0, le=CALL_SECONDS_MAX)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Megabytes = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class RailSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rail: `use` is one of ours by its short name (`pull`), or `module:factory`, called with the
    home's path; `agent` answers on it; `identifier` is what senders on one of ours are called by.
    """

    use: str
    agent: str
    deadline_s: CallSeconds = 10.0
    identifier: Literal["", "chat", "email"] = ""


class WitnessSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody else's process that watches the log: where to ask it, and the key of its word."""

    url: str
    vkey: str


class LedgerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`origin` names the log in its checkpoints; a name under a domain of yours. The witnesses are
    asked for the newest head, at most every `witness_every_s`; so is the time stamp authority.
    With `ml_dsa` the home signs the same heads with a second key, of ML-DSA-44.
    `signer = "process"` keeps the signing key in a process of its own: one that whoever holds the
    home starts, or, with `signer_socket`, one of another user that is started elsewhere."""

    origin: str = "answerable.local/home"
    witnesses: tuple[WitnessSettings, ...] = ()
    witness_every_s: Seconds = 600.0
    witness_deadline_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 10.0
    timestamp_url: str = ""
    ml_dsa: bool = False
    signer: Literal["file", "process"] = "file"
    signer_socket: str = ""


class WorkerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much at once, and how long a turn may keep the loop before it is killed.

    `plan` is the `module:function` that builds the house where these settings do not: a home of
    `answerable demo` names its own.
    """

    in_flight_max: Count = 256
    backlog_max: Count = 20_000
    wait_max_s: Seconds = 30.0
    stall_s: Seconds = 5.0
    plan: str = ""


class DiskSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """With less than `reserve_mb` (10^6 bytes) free nothing new is accepted; 0 is no reserve."""

    reserve_mb: Megabytes = 512


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the processes write about themselves; `file` lies in the home, standard error if empty.

    A file that a rotation has moved away is opened anew.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    file: str = ""


class TelemetrySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of how many of the newest interactions it is kept how long each stage took; 0 is none.

    `metrics` is whether `/metrics` is there; traces go to the collector at `otlp_endpoint`.
    """

    metrics: bool = True
    otlp_endpoint: str = ""
    interactions_kept: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 200_000


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """HTTP. Off loopback it needs TLS: its own (`tls_cert`, `tls_key`), or that of a proxy in
    front of it (`behind_tls`). Of the addresses in `proxies` it believes who the client is."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8420
    behind_tls: bool = False
    proxies: tuple[str, ...] = ()
    tls_cert: str = ""
    tls_key: str = ""
    body_bytes_max: Annotated[int, msgspec.Meta(ge=1_024, le=64 * 1024 * 1024)] = 4 * 1024 * 1024
    batch_max: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 500
    in_flight_max: Annotated[int, msgspec.Meta(ge=1, le=250)] = 200  # below the worker's own bound
    streams_max: Annotated[int, msgspec.Meta(ge=1, le=200)] = 100
    deadline_s: Seconds = 30.0

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it by https."""
        return self.behind_tls or bool(self.tls_cert)


class PartiesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many different persons must say that a party is to be erased, and for how many days the
    first one's request stands; then it is a no."""

    persons_to_erase: Literal[1, 2] = 2
    erasure_asked_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 7


class BackupSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Backups made in `epoch_days` share a key, which lies in the folder `keys` (in the home if
    none is named) and is destroyed `kept_days` after the last of these days."""

    keys: str = ""
    epoch_days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 7
    kept_days: Annotated[int, msgspec.Meta(ge=1, le=3_660)] = 90


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A home's configuration. `agents` are `module:attribute` of an `answerable.Agent`; modules
    and `policies` are looked for where the settings lie."""

    agents: tuple[str, ...] = ()
    rails: dict[str, RailSettings] = {}
    policies: str = "policies"
    ledger: LedgerSettings = LedgerSettings()
    worker: WorkerSettings = WorkerSettings()
    parties: PartiesSettings = PartiesSettings()
    backup: BackupSettings = BackupSettings()
    disk: DiskSettings = DiskSettings()
    log: LogSettings = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    server: ServerSettings = ServerSettings()


_SECTIONS = (
    Settings, RailSettings, WitnessSettings, LedgerSettings, WorkerSettings, PartiesSettings,
    BackupSettings, DiskSettings, LogSettings, TelemetrySettings, ServerSettings,
)  # fmt: skip
_UNKNOWN = re.compile("unknown field `([^`]+)`")


def _meant(said: str) -> str:
    """What an unknown key may have been meant to be."""
    found = _UNKNOWN.search(said)
    if found is None:
        return ""
    names = {each.encode_name for one in _SECTIONS for each in msgspec.structs.fields(one)}
    close = difflib.get_close_matches(found[1], sorted(names), 1)
    return f" (close to it is `{close[0]}`)" if close else ""


def parse_settings(text: str, name: str) -> Settings:
    """Read the text of a settings file. Raises UsageError that says where it is wrong."""
    try:
        return msgspec.toml.decode(text, type=Settings)
    except (msgspec.DecodeError, ValueError) as error:
        raise UsageError(
            f"'{name}' cannot be read: {error}{_meant(str(error))}.",
            "Nothing was started.",
            f"correct '{name}'",
        ) from error
