"""What a turn's model calls used up, read from its recorded steps: for the entry that holds it."""

from collections.abc import Iterator

import msgspec

from answerable.base.errors import Unreadable
from answerable.ledger.domain import ModelUse
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Received
from answerable.sdk.port import Attempt
from answerable.sdk.think import MODEL_STEP
from answerable.telemetry.passages import Thought

_NAMED = f"/{MODEL_STEP}/"
_CHARS_MAX = 100


class _Answered(msgspec.Struct):
    model: str = ""


class _Step(msgspec.Struct):
    """Of a `ModelStep` what is counted; the rest is not decoded."""

    use: str
    params: dict[str, str | int]
    attempts: tuple[Attempt, ...]
    answer: _Answered | None = None


def model_use(hall: Hall, received: Received) -> ModelUse | None:
    """The sum of the turn's model calls, those of earlier lives included; None without any.

    Counted from the records, so that it is the same whoever counts: the turn that ends, or what
    gives it up.
    """
    steps = list(_steps(hall, received))
    if not steps:
        return None
    attempts = [attempt for step in steps for attempt in step.attempts]
    return ModelUse(
        use=steps[0].use,
        models=tuple(
            dict.fromkeys(_plain(step.answer.model) for step in steps if step.answer is not None)
        ),
        requests=tuple(_plain(one.request_id) for one in attempts if one.request_id),
        params=steps[0].params,
        calls=len(steps),
        attempts=len(attempts),
        input_tokens=sum(one.input_tokens for one in attempts),
        output_tokens=sum(one.output_tokens for one in attempts),
        cost_micros=sum(one.cost_micros or 0 for one in attempts),
        unpriced=sum(one.cost_micros is None for one in attempts),
        estimated=sum(one.is_estimated for one in attempts),
    )


def thought_of(use: ModelUse | None) -> Thought | None:
    """The same in names and numbers only, for telemetry."""
    if use is None:
        return None
    return Thought(use.use, use.models, use.calls, use.input_tokens, use.output_tokens)


def _steps(hall: Hall, received: Received) -> Iterator[_Step]:
    for name, record in received.journey.memo.items():
        if _NAMED not in name:
            continue
        try:
            data = hall.keyring.open(record.data.decode(), record.key, record.body or b"")
        except Unreadable:  # erased meanwhile: what it was can no longer be told
            continue
        yield msgspec.json.decode(data, type=_Step)


def _plain(said: str) -> str:
    """A provider's word, short and encodable: it stands in the ledger for all to read."""
    return said[:_CHARS_MAX].encode(errors="replace").decode()
