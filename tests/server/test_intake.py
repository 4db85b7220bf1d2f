"""Messages of many requests go to the worker together, and each is answered by itself."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from answerable.base.errors import Busy
from answerable.rails.port import Ack, Incoming
from answerable.server.intake import Intake
from answerable.worker.client import RemoteError
from answerable.worker.verbs import MessagesAccept, Told


def _message(name: str) -> Incoming:
    return Incoming(external_id=name, sender="kim@example.org", text="hello", rail="email")


class Worker:
    """Takes commands one by one; refuses what has a message called `bad` in it, whole."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.is_full = is_full
        self.commands: list[list[str]] = []
        self.taken: list[str] = []

    async def ask(self, verb: MessagesAccept, _returns: Any) -> list[Ack]:
        names = [one.external_id for one in verb.messages]
        self.commands.append(names)
        await asyncio.sleep(0)
        if self.is_full:
            raise Busy("Too many wait.", "Nothing was accepted.", retry_after_s=3.0)
        if "bad" in names:
            raise RemoteError(Told(id=1, code="usage", http_status=400, happened="It is bad."))
        self.taken += names
        return [Ack(name, is_new=True, interaction=f"int_{name}") for name in names]


async def _answers(worker: Worker, requests: Sequence[Sequence[str]]) -> list[Any]:
    intake = Intake(worker)  # type: ignore[arg-type]
    asked = [intake.accept([_message(name) for name in names]) for names in requests]
    return await asyncio.gather(*asked, return_exceptions=True)


def test_what_waits_goes_together_and_each_request_gets_its_own() -> None:
    worker = Worker()
    requests = [["a"], ["b", "c"], ["d"]]
    answers = asyncio.run(_answers(worker, requests))
    assert [[ack.external_id for ack in acks] for acks in answers] == requests
    assert worker.commands == [["a", "b", "c", "d"]]


def test_a_command_has_no_more_than_fits_but_one_request_goes_whole() -> None:
    worker = Worker()
    large = [f"m{number}" for number in range(300)]
    answers = asyncio.run(_answers(worker, [["a"], large, ["b"]]))
    assert [len(acks) for acks in answers] == [1, 300, 1]
    assert [len(command) for command in worker.commands] == [1, 300, 1]


@pytest.mark.parametrize("place", [0, 3, 7])
def test_one_that_is_refused_costs_only_its_own_request(place: int) -> None:
    worker = Worker()
    requests = [[f"m{number}"] for number in range(8)]
    requests[place] = ["good", "bad"]
    answers = asyncio.run(_answers(worker, requests))
    assert isinstance(answers.pop(place), RemoteError)
    assert all(isinstance(acks, list) for acks in answers)
    assert "good" not in worker.taken, "a request is taken whole or not at all"
    assert len(worker.taken) == 7


def test_a_full_worker_is_told_to_everybody_and_asked_once() -> None:
    worker = Worker(is_full=True)
    answers = asyncio.run(_answers(worker, [["a"], ["b"], ["c"]]))
    assert [type(answer) for answer in answers] == [Busy] * 3
    assert len(worker.commands) == 1


def test_who_went_away_takes_nobody_along() -> None:
    async def story() -> list[Any]:
        intake = Intake(Worker())  # type: ignore[arg-type]
        gone = asyncio.create_task(intake.accept([_message("gone")]))
        stays = asyncio.create_task(intake.accept([_message("stays")]))
        await asyncio.sleep(0)
        gone.cancel()
        return list(await asyncio.gather(gone, stays, return_exceptions=True))

    gone, stays = asyncio.run(story())
    assert isinstance(gone, asyncio.CancelledError)
    assert [ack.external_id for ack in stays] == ["stays"]
