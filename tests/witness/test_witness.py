"""A witness cosigns what continues all that it cosigned; else it says what tlog-witness asks."""

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from answerable.base.chance import SeededChance
from answerable.base.clock import ManualClock
from answerable.base.errors import Broken
from answerable.ledger.cosignature import CosignerKey, cosignatures, cosigned_message
from answerable.ledger.note import NoteError, checkpoint_body
from answerable.ledger.tree import EMPTY_ROOT
from answerable.witness.errors import NotCosigned
from answerable.witness.keys import make_keys, read_keys
from answerable.witness.service import Witness
from answerable.witness.state import LogFiles
from witnesses import Log, keys_of, made, request

Ask = Callable[[bytes], str]
CLOCK = ManualClock()


@pytest.fixture
def log() -> Log:
    return Log().grow(20)


@pytest.fixture
def state(tmp_path: Path, log: Log) -> Path:
    return made(tmp_path / "witness", log)


@pytest.fixture
def ask(state: Path) -> Ask:
    witness = Witness(state, read_keys(state), CLOCK)
    return lambda body: asyncio.run(witness.add_checkpoint(body))


def refused(ask: Ask, body: bytes) -> NotCosigned:
    with pytest.raises(NotCosigned) as told:
        ask(body)
    return told.value


def size_of(answer: NotCosigned) -> int:
    """What a 409 says, in the form that the specification gives it."""
    assert (answer.status, answer.media) == (409, "text/x.tlog.size")
    assert answer.text.endswith("\n")
    return int(answer.text)


def test_each_size_that_continues_the_last_is_cosigned(ask: Ask, log: Log, state: Path) -> None:
    for old, size in ((0, 1), (1, 2), (2, 7), (7, 7), (7, 8), (8, 20)):
        lines = ask(log.asks(old, size))
        (word,) = cosignatures(log.checkpoint(size) + lines, keys_of(state))
        assert word.at_s == CLOCK.now() // 1_000_000


def test_a_rollback_is_answered_with_the_size_that_was_seen(ask: Ask, log: Log) -> None:
    ask(log.asks(0, 12))
    for old, size in ((0, 5), (5, 9), (0, 12), (0, 20)):
        assert size_of(refused(ask, log.asks(old, size))) == 12
    assert refused(ask, request(12, [], log.checkpoint(9))).status == 400


def test_a_fork_is_never_cosigned_and_is_kept(ask: Ask, log: Log, state: Path) -> None:
    ask(log.asks(0, 12))
    fork = log.forked_at(5).grow(15, "other")
    assert size_of(refused(ask, request(12, [], fork.checkpoint(12)))) == 12
    (kept,) = LogFiles(state, log.signer.name).forks()
    assert kept.read_text("utf-8") == fork.checkpoint(12)
    assert refused(ask, fork.asks(12)).status == 422
    assert refused(ask, fork.asks(5)).status == 409
    assert ask(log.asks(12, 20))


def test_a_proof_that_does_not_lead_there_is_422(ask: Ask, log: Log) -> None:
    ask(log.asks(0, 12))
    proof = log.proof(12)
    for wrong in (
        [], proof[:-1], [*proof, bytes(32)], [bytes(32), *proof[1:]], list(reversed(proof)),
    ):  # fmt: skip
        assert refused(ask, request(12, wrong, log.checkpoint())).status == 422
    assert refused(ask, request(12, proof, log.checkpoint(12))).status == 422
    assert ask(log.asks(12))


def test_a_first_checkpoint_comes_without_proof(ask: Ask, log: Log) -> None:
    assert refused(ask, request(0, log.proof(12), log.checkpoint())).status == 422
    assert ask(log.asks(0))


def test_an_unknown_log_is_404_and_an_unsigned_checkpoint_403(ask: Ask, log: Log) -> None:
    assert refused(ask, Log("other.example/home").grow(3).asks(0)).status == 404
    assert refused(ask, Log(seed=2).grow(3).asks(0)).status == 403
    altered = log.asks(0).replace(b"\n20\n", b"\n19\n")
    assert refused(ask, altered).status == 403


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: b"",
        lambda body: body.replace(b"old 4", b"old 04"),
        lambda body: body.replace(b"old 4", b"old -4"),
        lambda body: body.replace(b"old 4", b"Old 4"),
        lambda body: body.replace(b"old 4", b"old 4 "),
        lambda body: body.replace(b"old 4\n", b"old 4\r\n"),
        lambda body: body.replace(b"old 4\n", b"old 4\n!!\n"),
        lambda body: body.replace(b"old 4\n", b"old 4\n" + base64.b64encode(bytes(31)) + b"\n"),
        lambda body: body.replace(
            b"old 4\n", b"old 4\n" + (base64.b64encode(bytes(32)) + b"\n") * 64
        ),
        lambda body: body.rstrip(b"\n"),
        lambda body: body + b"\n",
        lambda body: body.replace(b"\n20\n", b"\n020\n"),
        lambda body: b"\xff" + body,
        lambda body: body.partition(b"\n\n")[2],
    ],
)
def test_what_is_not_in_the_form_of_a_request_is_400(
    ask: Ask, log: Log, damage: Callable[[bytes], bytes]
) -> None:
    ask(log.asks(0, 4))
    body = damage(log.asks(4))
    assert body != log.asks(4)
    assert refused(ask, body).status == 400
    assert ask(log.asks(4))


def test_an_empty_log_is_cosigned_as_empty_and_as_nothing_else(ask: Ask) -> None:
    log = Log()
    assert ask(log.asks(0))
    body = checkpoint_body(log.signer.name, 0, EMPTY_ROOT)
    assert log.checkpoint().startswith(body)


def test_its_time_never_goes_back(state: Path, log: Log) -> None:
    clock = ManualClock()
    witness = Witness(state, read_keys(state), clock)
    first = asyncio.run(witness.add_checkpoint(log.asks(0, 4)))
    clock.advance(-3_600_000_000)
    second = asyncio.run(witness.add_checkpoint(log.asks(4, 9)))
    (before,) = cosignatures(log.checkpoint(4) + first, keys_of(state))
    (after,) = cosignatures(log.checkpoint(9) + second, keys_of(state))
    assert after.at_s == before.at_s


def test_a_log_may_sign_with_each_of_its_keys(ask: Ask, log: Log, state: Path) -> None:
    ask(log.asks(0, 4))
    other = Log(seed=2)
    other.leaves = log.leaves
    assert refused(ask, other.asks(4)).status == 403
    LogFiles(state, log.signer.name).add_key(other.signer.vkey)
    assert ask(other.asks(4))


def test_two_requests_at_once_never_roll_back(state: Path, log: Log) -> None:
    """Of all that ask from the same size one is cosigned; the others are told where it stands."""
    witness = Witness(state, read_keys(state), CLOCK)

    bodies = [log.asks(0, size) for size in range(1, 21)]

    async def race() -> list[str | BaseException]:
        asked = (witness.add_checkpoint(body) for body in bodies)
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(race())
    said = [each for each in answers if isinstance(each, str)]
    assert len(said) == 1
    told = {int(each.text) for each in answers if isinstance(each, NotCosigned)}
    assert told == {LogFiles(state, log.signer.name).seen(keys_of(state)).size}


def test_a_damaged_memory_cosigns_nothing(ask: Ask, log: Log, state: Path) -> None:
    ask(log.asks(0, 12))
    head = LogFiles(state, log.signer.name).folder / "head"
    good = head.read_text("utf-8")
    forged = log.checkpoint(5) + good.rpartition("\n—")[2]
    for damaged in ("", good[:40], good.replace("\n12\n", "\n11\n"), log.checkpoint(5), forged):
        head.write_text(damaged, "utf-8")
        with pytest.raises(Broken, match="damaged"):
            ask(log.asks(5, 9))


def test_signatures_of_strangers_are_not_kept(ask: Ask, log: Log, state: Path) -> None:
    """Else a request with sixty-four of them would leave a memory that cannot be read."""
    stranger = "— stranger.example/s " + base64.b64encode(bytes(68)).decode() + "\n"
    ask(log.asks(0, 4) + (stranger * 63).encode())
    assert "stranger" not in (LogFiles(state, log.signer.name).folder / "head").read_text("utf-8")
    assert ask(log.asks(4))


def test_ml_dsa_signs_beside_ed25519(tmp_path: Path, log: Log) -> None:
    state = made(tmp_path / "both", log, ml_dsa=True)
    witness = Witness(state, read_keys(state), CLOCK)
    lines = asyncio.run(witness.add_checkpoint(log.asks(0)))
    words = cosignatures(log.checkpoint() + lines, keys_of(state))
    assert [each.key.type for each in words] == [4, 6]
    for key in keys_of(state):
        assert CosignerKey.parse(key.encode()) == key


def test_the_message_of_ml_dsa_is_the_specifications() -> None:
    """Byte for byte, as c2sp.org/tlog-cosignature writes the structure."""
    key = CosignerKey("w.example", 6, bytes(1312))
    body = checkpoint_body("log.example", 258, bytes(range(32)))
    assert cosigned_message(key, body, 1_679_315_147) == (
        b"subtree/v1\n\x00" b"\x09w.example" b"\x00\x00\x00\x00\x64\x18\x50\xcb"
        b"\x0blog.example" b"\x00\x00\x00\x00\x00\x00\x00\x00" b"\x00\x00\x00\x00\x00\x00\x01\x02"
        + bytes(range(32))
    )  # fmt: skip


def test_a_cosignature_moved_to_another_time_or_tree_is_wrong(
    ask: Ask, log: Log, state: Path
) -> None:
    line = ask(log.asks(0, 12))
    with pytest.raises(NoteError, match="not over this checkpoint"):
        cosignatures(log.checkpoint(13) + line, keys_of(state))
    name, encoded = line.split()[1:]
    moved = bytearray(base64.b64decode(encoded))
    moved[11] ^= 1  # the last byte of its time
    forged = f"— {name} {base64.b64encode(moved).decode()}\n"
    with pytest.raises(NoteError, match="not over this checkpoint"):
        cosignatures(log.checkpoint(12) + forged, keys_of(state))


def test_keys_are_made_once(state: Path) -> None:
    before = keys_of(state)
    with pytest.raises(Broken, match="there already"):
        make_keys(state, "witness.example/w1", SeededChance(9), with_ml_dsa=False)
    assert keys_of(state) == before
