"""Why a request is not served: each says what happened, what did not, and what to do next."""

from answerable.base.errors import AnswerableError, Busy, NotFound, Refused, UsageError
from answerable.worker.client import WorkerAway

_NOTHING = "Nothing was done."


class NoKey(AnswerableError):
    code = "no_key"
    http_status = 401

    def __init__(self) -> None:
        super().__init__(
            "The request names no API key.", _NOTHING,
            "send `Authorization: Bearer ak_...`, made by "
            "`answerable key add --person PERSON --scope SCOPE`",
        )  # fmt: skip


class KeyRefused(AnswerableError):
    code = "key_refused"
    http_status = 401

    def __init__(self) -> None:
        super().__init__(
            "The API key is not valid: unknown, revoked, expired, or its person has left.",
            _NOTHING, "answerable key list",
        )  # fmt: skip


class ScopeMissing(Refused):
    code = "scope_missing"

    def __init__(self, scopes: tuple[str, ...]) -> None:
        super().__init__(
            f"The API key has none of the scopes that allow this: {', '.join(scopes)}.",
            _NOTHING, f"answerable key add --person PERSON --scope {scopes[0]}",
        )  # fmt: skip


class TooManyTries(Busy):
    code = "too_many_tries"

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(
            "Too many keys that are not valid came from this address.",
            "This one was not looked at.", retry_after_s=retry_after_s,
        )  # fmt: skip


class NotFromHere(Refused):
    """A form that no page of ours has sent, or that another session's page has."""

    code = "not_from_here"

    def __init__(self) -> None:
        super().__init__(
            "The form was not sent by a page of this console in this session.", _NOTHING,
            "open the page again, and send it from there",
        )  # fmt: skip


class Overloaded(Busy):
    code = "overloaded"
    http_status = 503

    def __init__(self) -> None:
        super().__init__("More requests are on their way than are served at once.", _NOTHING)


class WorkerUnreachable(Busy):
    """WorkerAway, to who comes over HTTP: to ask again is all that they can do."""

    code = WorkerAway.code
    http_status = 503

    def __init__(self, *, was_sent: bool) -> None:
        super().__init__(
            "The worker does not answer; it may be starting again.",
            "Whether the request took effect is not known." if was_sent else _NOTHING,
            retry_after_s=2.0,
        )


class DeadlinePassed(Busy):
    code = "deadline_passed"
    http_status = 503

    def __init__(self, deadline_s: float) -> None:
        super().__init__(
            f"The worker did not answer within {deadline_s:g} s.",
            "Whether the request took effect is not known.",
            retry_after_s=2.0,
        )


class NoRoute(NotFound):
    code = "no_route"

    def __init__(self) -> None:
        super().__init__("Nothing is at this path.", _NOTHING, "GET /openapi.json")


class WrongMethod(UsageError):
    code = "wrong_method"
    http_status = 405

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        super().__init__(
            f"This path is for {', '.join(allowed)} only.", _NOTHING, "GET /openapi.json"
        )


class WrongContentType(UsageError):
    code = "wrong_content_type"
    http_status = 415

    def __init__(self, expected: str) -> None:
        super().__init__(
            f"The body's content type is not {expected}.", "The body was not read.",
            f"send it with `Content-Type: {expected}`",
        )  # fmt: skip


class TooLarge(UsageError):
    code = "too_large"
    http_status = 413

    def __init__(self, what: str) -> None:
        super().__init__(f"The request has {what}.", _NOTHING, "send less at once")


class HeadersTooLarge(UsageError):
    code = "headers_too_large"
    http_status = 431

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The headers have more than {limit} bytes.", _NOTHING, "send fewer or shorter headers"
        )


class NotHttp(UsageError):
    """Bytes that are no request; whoever sent them may be no HTTP client at all."""

    code = "not_http"

    def __init__(self) -> None:
        super().__init__(
            "What was sent is not an HTTP/1.1 request.", _NOTHING,
            "send it with an HTTP client, by https where this server ends TLS",
        )  # fmt: skip


class HeadLate(UsageError):
    code = "head_late"
    http_status = 408

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"The request's headers did not arrive within {limit_s:g} s.", _NOTHING, "send it again"
        )


class BodyLate(UsageError):
    code = "body_late"
    http_status = 408

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"The body did not arrive within {limit_s:g} s.", _NOTHING, "send it again"
        )


class Malformed(UsageError):
    """What was sent is not what this route takes."""

    code = "malformed"

    def __init__(self, what: str) -> None:
        super().__init__(f"The request is malformed: {what}.", _NOTHING, "GET /openapi.json")


class Defect(AnswerableError):
    code = "defect"

    def __init__(self) -> None:
        super().__init__(
            "The request failed by a defect of ours.", "Whether it took effect is not known.",
            "read the server's log, which says where it was",
        )  # fmt: skip
