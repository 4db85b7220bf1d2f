"""The outside fails as it says it does, and its books tell what really happened."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from answerable.demo.books import Books, books_path, read_books, read_lines
from answerable.demo.outside_client import (
    OutsideClient,
    OutsideRefused,
    OutsideSilent,
    OutsideUnreachable,
)
from answerable.demo.shop import find_order
from answerable.demo.wire import Answer, socket_address, socket_path

ORDER = next(n for n in map("BW-{}".format, range(204_817, 300_000)) if find_order(n))
NO_ORDER = next(n for n in map("BW-{}".format, range(204_817, 300_000)) if not find_order(n))
FRIENDLY = ("fail", "order-fail", "find-fail", "hang", "late", "lost", "close")


class Street:
    """A home with an outside that a test starts, kills and reads."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.process: subprocess.Popen[str] | None = None

    def start(self, **rates: float) -> None:
        options = {f"--{name}": "0" for name in FRIENDLY}
        options |= {f"--{name.replace('_', '-')}": str(rate) for name, rate in rates.items()}
        words = [word for option in options.items() for word in option]
        self.process = self.run("--leash", *words)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("outside listens at")

    def run(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "answerable.demo.outside", "--home", str(self.home), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def end(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.communicate()
            self.process = None

    def books(self) -> Books:
        return read_books(books_path(self.home))


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    made = Street(tmp_path)
    yield made
    made.end()


def visit(street: Street, work: Callable[[OutsideClient], Awaitable[None]]) -> None:
    """Run `work` with a client of its own."""

    async def whole() -> None:
        client = OutsideClient(socket_path(street.home))
        try:
            await work(client)
        finally:
            await client.close()

    asyncio.run(whole())


async def refund(client: OutsideClient, key: str, *, timeout_s: float = 5.0) -> Answer:
    return await client.call(
        "shop.refund", timeout_s, key=key, order=ORDER, amount_minor=1_990, currency="USD"
    )


async def send(client: OutsideClient, key: str, to: str, *, timeout_s: float = 5.0) -> Answer:
    return await client.call(
        "mail.send", timeout_s, key=key, to="mara@example.org", in_reply_to=to, text="Soon."
    )


def test_it_looks_orders_up_refunds_and_sends(street: Street) -> None:
    street.start()

    async def work(client: OutsideClient) -> None:
        found = await client.call("shop.order", 5, order=ORDER)
        assert found.order == find_order(ORDER)
        assert (await client.call("shop.order", 5, order=NO_ORDER)).order is None
        assert (await refund(client, "eff_1")).receipt == "rf-1"
        assert (await send(client, "eff_2", "m1")).receipt == "ml-2"
        totals = (await client.call("books", 5)).totals
        assert totals is not None
        assert (totals.refunds, totals.refunds_minor, totals.replies) == (1, 1_990, 1)

    visit(street, work)
    assert street.books().refunds["eff_1"].order == ORDER
    assert street.books().answers == {"m1": 1}


def test_what_is_asked_twice_under_one_key_is_done_twice_and_shown(street: Street) -> None:
    street.start()

    async def work(client: OutsideClient) -> None:
        for _ in range(2):
            await refund(client, "eff_1")
            await send(client, "eff_2", "m1")
        await send(client, "eff_3", "m1")
        found = await client.call("shop.find", 5, key="eff_1")
        assert (found.state, found.receipt, found.times) == ("done", "rf-1", 2)

    visit(street, work)
    totals = street.books().totals()
    assert totals.refunded_again == {"eff_1": 2}
    assert totals.sent_again == {"eff_2": 2}
    assert totals.answered_again == {"m1": 3}
    assert totals.refunds_minor == 2 * 1_990


def test_a_look_up_says_absent_pending_or_done(street: Street) -> None:
    street.start(late=1)

    async def work(client: OutsideClient) -> None:
        assert (await client.call("shop.find", 5, key="eff_1")).state == "absent"
        asked = asyncio.ensure_future(refund(client, "eff_1"))
        await asyncio.sleep(0.05)
        assert (await client.call("shop.find", 5, key="eff_1")).state == "pending"
        assert (await client.call("mail.find", 5, key="eff_1")).state == "absent"
        await asked
        assert (await client.call("shop.find", 5, key="eff_1")).state == "done"

    visit(street, work)


def test_its_books_survive_a_kill_and_it_goes_on_from_them(street: Street) -> None:
    street.start()

    async def first(client: OutsideClient) -> None:
        await asyncio.gather(*(refund(client, f"eff_{n}") for n in range(200)))
        street.end(signal.SIGKILL)
        with pytest.raises((OutsideSilent, OutsideUnreachable)):
            await refund(client, "eff_200")
        street.start()
        assert (await client.call("shop.find", 5, key="eff_199")).state == "done"
        assert (await client.call("shop.find", 5, key="eff_200")).state == "absent"
        assert (await refund(client, "eff_201")).receipt == "rf-201"

    visit(street, first)
    assert street.books().refund_count == 201
    assert street.books().starts == 2


def test_a_line_that_was_cut_off_is_dropped_at_the_next_start(street: Street) -> None:
    street.start()
    visit(street, lambda client: _forget(refund(client, "eff_1")))
    street.end()
    with books_path(street.home).open("ab") as file:
        file.write(b'{"did":"shop.refund","at_us":1,"key":"eff_2"')
    assert street.books().refund_count == 1
    street.start()
    visit(street, lambda client: _forget(refund(client, "eff_3")))
    assert set(street.books().refunds) == {"eff_1", "eff_3"}
    assert [line.did for line in read_lines(books_path(street.home))][-1] == "shop.refund"


async def _forget(call: Awaitable[Answer]) -> None:
    await call


def test_a_refusal_is_definite_and_nothing_was_done(street: Street) -> None:
    street.start(fail=1, order_fail=1, find_fail=1)

    async def work(client: OutsideClient) -> None:
        for call in (
            refund(client, "eff_1"),
            send(client, "eff_2", "m1"),
            client.call("shop.order", 5, order=ORDER),
            client.call("shop.find", 5, key="eff_1"),
        ):
            with pytest.raises(OutsideRefused) as caught:
                await call
            assert caught.value.why == "failed"

    visit(street, work)
    assert (street.books().refund_count, street.books().reply_count) == (0, 0)


def test_a_request_that_makes_no_sense_is_refused(street: Street) -> None:
    street.start()

    async def why(call: Awaitable[Answer]) -> str:
        with pytest.raises(OutsideRefused) as caught:
            await call
        return caught.value.why

    async def work(client: OutsideClient) -> None:
        ask = client.call
        unknown = ask("shop.refund", 5, key="k", order=NO_ORDER, amount_minor=1)
        assert await why(unknown) == "no_such_order"
        assert await why(ask("shop.refund", 5, key="k", order=ORDER)) == "bad_request"
        assert await why(ask("shop.refund", 5, order=ORDER, amount_minor=1)) == "bad_request"
        assert await why(ask("mail.send", 5, key="k", to="a@example.org")) == "bad_request"
        assert await why(ask("shop.window", 5)) == "bad_request"

    visit(street, work)
    assert street.books().refund_count == 0


def test_a_lost_answer_is_silence_and_the_work_is_done(street: Street) -> None:
    street.start(lost=1)

    async def work(client: OutsideClient) -> None:
        with pytest.raises(OutsideSilent):
            await refund(client, "eff_1", timeout_s=0.1)
        assert (await client.call("shop.find", 5, key="eff_1")).state == "done"

    visit(street, work)


def test_half_of_those_that_hang_have_done_the_work(street: Street) -> None:
    street.start(hang=1)

    async def work(client: OutsideClient) -> None:
        calls = (refund(client, f"eff_{n}", timeout_s=0.5) for n in range(200))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(result, OutsideSilent) for result in results)

    visit(street, work)
    assert 60 < street.books().refund_count < 140


def test_a_broken_connection_is_silence_for_all_that_were_under_way(street: Street) -> None:
    street.start(close=0.05)

    async def work(client: OutsideClient) -> None:
        calls = (refund(client, f"eff_{n}") for n in range(200))
        results = await asyncio.gather(*calls, return_exceptions=True)
        kinds = Counter(type(result) for result in results)
        assert kinds[OutsideSilent] > 0
        assert set(kinds) <= {Answer, OutsideSilent, OutsideUnreachable}
        for number, result in enumerate(results):
            found = await _find(client, f"eff_{number}")
            if isinstance(result, Answer):
                assert found == "done"
            if isinstance(result, OutsideUnreachable):
                assert found == "absent"

    visit(street, work)


async def _find(client: OutsideClient, key: str) -> str:
    return (await client.call("shop.find", 5, key=key)).state


def test_a_bad_outside_is_as_bad_as_it_says(street: Street) -> None:
    street.start(fail=0.1, late=0.05, lost=0.05)

    async def work(client: OutsideClient) -> None:
        calls = (send(client, f"eff_{n}", f"m{n}", timeout_s=3) for n in range(1_000))
        results = await asyncio.gather(*calls, return_exceptions=True)
        kinds = Counter(type(result) for result in results)
        assert 70 < kinds[OutsideRefused] < 130
        assert 30 < kinds[OutsideSilent] < 75
        assert kinds[Answer] + kinds[OutsideRefused] + kinds[OutsideSilent] == 1_000
        done = kinds[Answer] + kinds[OutsideSilent]
        assert street.books().reply_count == done

    visit(street, work)


def test_a_look_up_never_overtakes_its_request(street: Street) -> None:
    street.start()

    async def work(client: OutsideClient) -> None:
        calls: list[Awaitable[Answer]] = []
        for number in range(300):
            calls.append(refund(client, f"eff_{number}"))
            calls.append(client.call("shop.find", 5, key=f"eff_{number}"))
        answers = await asyncio.gather(*calls)
        assert {answer.state for answer in answers[1::2]} == {"done"}

    visit(street, work)


def test_a_look_up_does_not_overtake_what_a_killed_worker_had_sent(street: Street) -> None:
    street.start()
    assert street.process is not None
    address = socket_address(socket_path(street.home))
    sent = [
        {"id": n, "door": "shop.refund", "key": f"eff_{n}", "order": ORDER, "amount_minor": 1}
        for n in range(800)
    ]
    with socket.socket(socket.AF_UNIX) as killed, socket.socket(socket.AF_UNIX) as heir:
        for peer in (killed, heir):
            peer.connect(address)
            peer.sendall(b'{"id":0,"door":"books"}\n')
            peer.recv(65_536)
        street.process.send_signal(signal.SIGSTOP)
        heir.sendall(b'{"id":1,"door":"books"}\n')  # so that the heir is the first to be read
        killed.sendall("".join(json.dumps(line) + "\n" for line in sent).encode())
        killed.close()
        heir.sendall(b'{"id":2,"door":"shop.find","key":"eff_799"}\n')
        street.process.send_signal(signal.SIGCONT)
        heir.settimeout(5)
        answers = b""
        while answers.count(b"\n") < 2:
            answers += heir.recv(65_536)
        assert json.loads(answers.splitlines()[1])["state"] == "done"


def test_when_nobody_listens_nothing_was_sent(street: Street) -> None:
    visit(street, lambda client: _unreachable(refund(client, "eff_1")))
    street.start()
    street.end(signal.SIGTERM)
    visit(street, lambda client: _unreachable(refund(client, "eff_1")))


async def _unreachable(call: Awaitable[Answer]) -> None:
    with pytest.raises(OutsideUnreachable, match="was not sent"):
        await call


def test_a_line_that_is_no_request_harms_nobody_else(street: Street) -> None:
    street.start()
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(socket_address(socket_path(street.home)))
        peer.sendall(b'nonsense\n{"id":1,"door":"books"}\n')
        bad, good = peer.recv(65_536).splitlines()
    assert json.loads(bad) == {"id": 0, "ok": False, "why": "bad_request"}
    assert json.loads(good)["ok"]


def test_two_outsides_cannot_keep_the_same_books(street: Street) -> None:
    street.start()
    second = street.run()
    _, said = second.communicate()
    assert second.returncode == 1
    assert "Another outside keeps the books" in said


def test_it_ends_when_its_leash_is_let_go(street: Street) -> None:
    street.start()
    assert street.process is not None
    street.process.communicate()
    assert street.process.returncode == 0
    street.process = None


def test_the_report_can_be_had_after_it_ended(street: Street) -> None:
    street.start()
    visit(street, lambda client: _forget(send(client, "eff_1", "m1")))
    street.end(signal.SIGTERM)
    report, _ = street.run("--report").communicate()
    assert json.loads(report)["replies"] == 1


def test_a_home_whose_path_is_too_long_for_a_socket_works(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 20) / ("home" * 20)
    home.mkdir(parents=True)
    street = Street(home)
    try:
        street.start()
        visit(street, lambda client: _forget(refund(client, "eff_1")))
    finally:
        street.end()
    assert street.books().refund_count == 1
    Path(socket_address(socket_path(home))).unlink()
