"""Errors as they travel: RFC 9457 problem details, with our three sentences and stable code."""

import math

import msgspec
from starlette.responses import Response

from answerable.base.errors import AnswerableError, Busy
from answerable.server.errors import Overloaded, WrongMethod

MEDIA = "application/problem+json"
_UNAVAILABLE = 503
_UNKNOWN = 401
_RETRY_AFTER_S = 5.0  # where an error is about the moment and names no time itself


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9457. `detail` is what happened, `not_done` what did not, `next_command` what helps."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    not_done: str
    next_command: str


def problem_of(error: AnswerableError) -> Problem:
    return Problem(
        type=f"urn:answerable:problem:{error.code}",
        title=error.code.replace("_", " ").capitalize(),
        status=error.http_status,
        code=error.code,
        detail=_text(error.happened),
        not_done=_text(error.not_done),
        next_command=_text(error.next_command),
    )


def headers_of(error: AnswerableError) -> dict[str, str]:
    """What the status asks for: when to come again, which methods there are, which key."""
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, Busy):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    elif error.http_status == _UNAVAILABLE:
        headers["Retry-After"] = str(math.ceil(_RETRY_AFTER_S))
    if isinstance(error, Overloaded):
        headers["Connection"] = "close"  # what else was sent on it is not looked at
    if isinstance(error, WrongMethod):
        headers["Allow"] = ", ".join(error.allowed)
    if error.http_status == _UNKNOWN:
        headers["WWW-Authenticate"] = 'Bearer realm="answerable"'
    return headers


def respond(error: AnswerableError) -> Response:
    return Response(
        msgspec.json.encode(problem_of(error)), error.http_status, headers_of(error), MEDIA
    )


def _text(said: str) -> str:
    """What can be written as UTF-8: an error may quote half of a surrogate pair."""
    return said.encode(errors="replace").decode()
