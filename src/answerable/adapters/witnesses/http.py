"""One request to a witness: small, bounded in time and size, with nothing beyond the standard
library."""

import http.client
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from answerable.base.errors import AnswerableError

_ANSWER_BYTES_MAX = 64 * 1024


class WitnessAway(AnswerableError):
    """No whole answer came."""

    code = "witness_away"
    http_status = 504


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered, whatever it means."""

    status: int
    media: str
    data: bytes


def post(url: str, data: bytes, media: str, *, deadline_s: float) -> Reply:
    """`url` is http or https, without a query. Raises WitnessAway."""
    until = time.monotonic() + deadline_s
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WitnessAway(f"'{url}' is no address of http or https.", "Nothing was sent.")
    connection = _connection(parts.scheme, parts.hostname, parts.port, deadline_s)
    try:
        headers = {"Content-Type": media, "User-Agent": "answerable"}
        connection.request("POST", parts.path or "/", data, headers)
        answer = connection.getresponse()
        found = bytearray()
        while part := answer.read1(8_192):
            found += part
            if len(found) > _ANSWER_BYTES_MAX or time.monotonic() > until:
                raise WitnessAway(f"The answer of '{url}' has no end.", "It was not believed.")
        return Reply(answer.status, answer.getheader("Content-Type", ""), bytes(found))
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise WitnessAway(f"'{url}' did not answer: {said}.", "It is asked again.") from error
    finally:
        connection.close()


def _connection(
    scheme: str, host: str, port: int | None, deadline_s: float
) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=deadline_s)
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(host, port, timeout=deadline_s, context=context)
