"""Where traces go; the packages for it are imported only where the settings name a collector."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from urllib.parse import urlsplit

from answerable.base.errors import UsageError
from answerable.telemetry.traces import NoTraces, Traces

_STARTED = "Nothing was started."
_CORRECT = "correct `otlp_endpoint` under [telemetry], or leave it empty"


def traces_of(endpoint: str) -> Callable[[], Traces]:
    """What opens them. Raises UsageError."""
    if not endpoint:
        return NoTraces
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"'{endpoint}' is no collector's address.", _STARTED, _CORRECT)
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
