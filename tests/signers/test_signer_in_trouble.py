"""A signer that cannot for now, or answers what is no answer: nothing wrong is written, and it goes
on where it can."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from answerable.adapters.signers import asking, strict
from answerable.adapters.signers.process import FOLDER, Line, Place, ProcessSigner
from answerable.base.chance import SeededChance
from answerable.ledger.note import VerifierKey
from answerable.ledger.unsealed import SignerAway, SignerRefused
from answerable.worker.process import close_office, open_office
from answerable.worker.verification import verify_home
from homes import process
from signed_child import ORIGIN, gap, plan_of


@contextmanager
def answering(path: Path, told: asking.Told) -> Iterator[Line]:
    """What says the same to everything."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    listening.listen()

    def answer() -> None:
        with listening.accept()[0] as connection, connection.makefile("rwb") as file:
            while file.readline():
                file.write(asking.encode(told) + b"\n")
                file.flush()

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    line = Line(Place(path))
    try:
        yield line
    finally:
        line.close()
        thread.join(10)
        listening.close()


def test_a_signer_whose_disk_is_full_is_waited_for(tmp_path: Path) -> None:
    home = tmp_path / "home"
    in_the_way = home / FOLDER / "signed.tmp"  # nothing can be written under this name

    async def story() -> None:
        office = await open_office(plan_of(home), works=False)
        committer = office.house.hall.committer
        await committer.commit(gap("gap_a.1"))
        in_the_way.mkdir()
        waiting = asyncio.create_task(committer.commit(gap("gap_a.2")))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        in_the_way.rmdir()
        await asyncio.wait_for(waiting, 10)
        await committer.commit(gap("gap_a.3"))
        await close_office(office)

    asyncio.run(story())
    assert verify_home(home).entries == 3


def test_a_child_that_cannot_begin_says_why_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    strict.found(tmp_path / "signer", ORIGIN, SeededChance(1))
    (tmp_path / "signer" / "signed").unlink()
    line = Line(Place(tmp_path / "s", tmp_path / "signer"))
    with pytest.raises(SignerAway, match="it ended with exit code"):
        line.ask(asking.Who(), asking.Standing)
    line.close()
    said = capfd.readouterr().err
    assert "Fatal" not in said
    assert "answerable signer go-back CHECKPOINT" in said


def test_what_is_no_signature_of_its_key_is_not_written(tmp_path: Path) -> None:
    strict.found(tmp_path / "signer", ORIGIN, SeededChance(1))
    keys = strict.StrictKeys.open(tmp_path / "signer", SeededChance(2))
    with answering(tmp_path / "s", asking.Signed(bytes(64))) as line:
        signer = ProcessSigner(line, VerifierKey.parse(keys.key))
        with pytest.raises(SignerRefused, match="no signature of its key"):
            asyncio.run(signer.sign_tree(b"a tree", 0, []))
        with pytest.raises(SignerRefused, match="no signature of its key"):
            asyncio.run(signer.sign(b"a word"))


def test_an_answer_to_another_question_is_no_signers(tmp_path: Path) -> None:
    with (
        answering(tmp_path / "s", asking.Signed(bytes(64))) as line,
        pytest.raises(SignerAway, match="what answers is no signer"),
    ):
        line.ask(asking.Who(), asking.Standing)


def test_a_file_is_not_taken_for_the_socket_of_an_earlier_life(tmp_path: Path) -> None:
    strict.found(tmp_path / "signer", ORIGIN, SeededChance(1))
    key = tmp_path / "signer" / "signer.key"
    before = key.read_bytes()
    said = process(
        "signer", "serve", "--state", str(tmp_path / "signer"), "--socket", str(key), timeout_s=30
    )
    said.fails(1, "cannot be made")
    assert key.read_bytes() == before
