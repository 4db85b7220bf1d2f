"""Where traces go; the packages for it are imported only where the settings name a collector."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from urllib.parse import urlsplit

from answerable.base.errors import UsageError
from answerable.telemetry.traces import NoTraces, Traces

_STARTED = "Nothing was started."
_CORRECT = (
    "correct `otlp_endpoint` under [telemetry], or leave it empty; what the collector asks for as "
    "proof goes into the environment, as OTEL_EXPORTER_OTLP_HEADERS"
)


def traces_of(endpoint: str) -> Callable[[], Traces]:
    """What opens them. Raises UsageError."""
    if not endpoint:
        return NoTraces
    if not _is_address(endpoint):
        raise UsageError(
            "`otlp_endpoint` is no collector's address: it is http or https, a host, and no user, "
            "password or query.",  # what it is is not said: it may have one in it
            _STARTED, _CORRECT,
        )  # fmt: skip
    try:
        adapter = import_module("answerable.adapters.traces.otlp")
    except ImportError as error:
        raise UsageError(
            "`otlp_endpoint` names a collector, and the packages for OpenTelemetry are not"
            " installed.",
            _STARTED,
            "install Answerable with its extra `otel`; in a clone: `make dev-env`",
        ) from error
    return partial(adapter.OtlpTraces, endpoint)


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a host in half a bracket, of a port that is none
        return False
    return is_whole and "@" not in parts.netloc and not parts.query and not parts.fragment
