"""The strict signer signs one history: whoever asks, whatever they say, and after any restart."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from answerable.adapters.signers import asking, strict
from answerable.adapters.signers.file import FileSigner
from answerable.adapters.signers.process import Line, Place, ProcessSigner
from answerable.adapters.signers.strict import SaysNo, StrictKeys
from answerable.base.chance import SeededChance
from answerable.base.errors import AnswerableError, Broken
from answerable.exports.receipt import receipt_message
from answerable.ledger.note import VerifierKey, checkpoint_body, verify_signature
from answerable.ledger.port import Signer, StrictSigner
from answerable.ledger.tree import CompactRange, leaf_hash, root_of
from answerable.ledger.unsealed import SignerAway, SignerRefused, growth_proof

NAME = "acme.example/strict"
CHANCE = SeededChance(7)
LEAVES = [leaf_hash(str(number).encode()) for number in range(70)]
OTHERS = [*LEAVES[:5], *[leaf_hash(f"other {number}".encode()) for number in range(65)]]


def body(size: int, leaves: list[bytes] = LEAVES) -> bytes:
    return checkpoint_body(NAME, size, root_of(leaves[:size])).encode()


def proof(old: int, new: int, leaves: list[bytes] = LEAVES) -> list[bytes]:
    tree = CompactRange()
    for leaf in leaves[:old]:
        tree.append(leaf)
    return growth_proof(tree, leaves[old:new])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    strict.found(tmp_path / "signer", NAME, SeededChance(1))
    return tmp_path / "signer"


def signs(keys: StrictKeys, old: int, new: int, leaves: list[bytes] = LEAVES) -> None:
    signature = keys.sign_tree(keys.key, body(new, leaves), old, proof(old, new, leaves))
    key = VerifierKey.parse(keys.key).public_key
    assert verify_signature(key, body(new, leaves), signature)


def test_a_tree_that_goes_on_is_signed_however_far_it_goes(folder: Path) -> None:
    chance, size = random.Random(4), 0
    for _ in range(60):
        keys = StrictKeys.open(folder, CHANCE)
        new = min(size + chance.choice([0, 1, 1, 2, 3, 5, 8]), len(LEAVES))
        signs(keys, size, new)
        size = new
    assert size == len(LEAVES)


@pytest.mark.parametrize(
    ("old", "new", "leaves", "shown", "why"),
    [
        (10, 9, LEAVES, None, "it has signed a tree of 10 entries"),
        (10, 0, LEAVES, None, "it has signed a tree of 10 entries"),
        (10, 10, OTHERS, None, "another tree of 10"),
        (10, 12, OTHERS, None, "does not continue"),
        (10, 12, LEAVES, [], "does not continue"),
        (10, 12, LEAVES, [bytes(32)] * 4, "does not continue"),
        (5, 12, LEAVES, None, "the proof is from 5"),
        (0, 12, OTHERS, [], "the proof is from 0"),
        (12, 12, OTHERS, [], "the proof is from 12"),
    ],
)
def test_no_other_history_is_signed(
    folder: Path, old: int, new: int, leaves: list[bytes], shown: list[bytes] | None, why: str
) -> None:
    keys = StrictKeys.open(folder, CHANCE)
    signs(keys, 0, 10)
    if shown is None:
        shown = proof(old, new, leaves) if old < new else []
    for asked in (keys, StrictKeys.open(folder, CHANCE)):  # as it goes on, and after a restart
        with pytest.raises(SaysNo, match=why):
            asked.sign_tree(asked.key, body(new, leaves), old, shown)
    signs(keys, 10, 12)


def test_what_is_signed_is_on_the_disk_before_the_signature_is_given(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise Broken("full")

    keys = StrictKeys.open(folder, CHANCE)
    signs(keys, 0, 10)
    monkeypatch.setattr(strict, "replace_file", full)
    with pytest.raises(Broken):
        signs(keys, 10, 12)
    monkeypatch.undo()
    with pytest.raises(SaysNo):
        signs(keys, 12, 14)
    signs(keys, 10, 12)


@pytest.mark.parametrize(
    "message",
    [
        body(12), body(9), body(10), b"", b"answerable-bundle/v1", b"text\n",
        checkpoint_body("other.example", 1, bytes(32)).encode(),
        f"cosignature/v1\ntime 1\n{body(12).decode()}".encode(),
        receipt_message(bytes(32)), receipt_message(root_of(OTHERS[:10])), bytes(32),
    ],
)  # fmt: skip
def test_no_checkpoint_is_signed_as_another_word(folder: Path, message: bytes) -> None:
    keys = StrictKeys.open(folder, CHANCE)
    signs(keys, 0, 10)
    with pytest.raises(SaysNo):
        keys.sign_word(keys.key, message)


def test_seals_of_bundles_and_receipts_of_its_own_trees_are_signed(folder: Path) -> None:
    keys = StrictKeys.open(folder, CHANCE)
    for size in (3, 10):
        signs(keys, keys.last.size, size)
    key = VerifierKey.parse(keys.key).public_key
    for message in (
        b"answerable-bundle/v1\nlog x\n", receipt_message(root_of(LEAVES[:3])),
        receipt_message(root_of(LEAVES[:10])),
    ):  # fmt: skip
        assert verify_signature(key, message, keys.sign_word(keys.key, message))


def test_an_origin_that_is_not_its_own_and_extensions_are_not_signed(folder: Path) -> None:
    keys = StrictKeys.open(folder, CHANCE)
    for text in (
        checkpoint_body("other.example", 1, root_of(LEAVES[:1])),
        checkpoint_body(NAME, 1, root_of(LEAVES[:1]), ["more"]),
    ):
        with pytest.raises(SaysNo, match="alone, without extensions"):
            keys.sign_tree(keys.key, text.encode(), 0, [])


def test_the_log_is_handed_over_once_and_the_old_key_signs_nothing_larger(folder: Path) -> None:
    keys = StrictKeys.open(folder, CHANCE)
    signs(keys, 0, 10)
    keys.make_next()
    old, new = keys.key, keys.next_key
    with pytest.raises(SaysNo, match="signed nothing"):
        keys.take_over(new)
    with pytest.raises(SaysNo, match="first signs what the key before it"):
        keys.sign_tree(new, body(12), 10, proof(10, 12))
    signs(keys, 10, 12)
    keys.sign_tree(new, body(12), 10, proof(10, 12))
    keys = StrictKeys.open(folder, CHANCE)
    with pytest.raises(SaysNo, match="handed over"):
        keys.sign_tree(old, body(13), 12, proof(12, 13))
    with pytest.raises(SaysNo, match="has signed"):
        keys.drop_next()
    keys.take_over(new)
    keys.take_over(new)
    keys = StrictKeys.open(folder, CHANCE)
    assert (keys.key, keys.next_key) == (new, "")
    with pytest.raises(SaysNo, match="another key"):
        keys.sign_tree(old, body(13), 12, proof(12, 13))
    signs(keys, 12, 13)


def test_a_next_key_that_signed_nothing_is_forgotten(folder: Path) -> None:
    keys = StrictKeys.open(folder, CHANCE)
    keys.make_next()
    made = keys.next_key
    keys.make_next()
    assert keys.next_key == made
    keys.drop_next()
    assert StrictKeys.open(folder, CHANCE).next_key == ""


@pytest.mark.parametrize("damage", ["gone", "empty", "another key's", "changed"])
def test_without_what_it_signed_last_it_signs_nothing(folder: Path, damage: str) -> None:
    signs(StrictKeys.open(folder, CHANCE), 0, 10)
    file = folder / strict.SIGNED
    text = file.read_text()
    if damage == "another key's":
        other = folder.with_name("other")
        strict.found(other, NAME, SeededChance(2))
        shutil.copy(other / strict.SIGNED, file)
    else:
        file.write_text({"empty": "", "changed": text.replace("\n10\n", "\n9\n")}.get(damage, ""))
    if damage == "gone":
        file.unlink()
    with pytest.raises(Broken, match="go-back CHECKPOINT"):
        StrictKeys.open(folder, CHANCE)


def test_the_proof_of_growth_is_that_of_the_rfc() -> None:
    """Against the tree as a whole, for all sizes up to 70."""
    from answerable.ledger.tree import consistency_proof, perfect_root  # noqa: PLC0415

    def node(level: int, index: int) -> bytes:
        return perfect_root(LEAVES[index << level : (index + 1) << level])

    for old in range(1, len(LEAVES)):
        for new in range(old + 1, len(LEAVES) + 1):
            assert proof(old, new) == consistency_proof(old, new, node)


# The process


@pytest.fixture
def line(folder: Path, tmp_path: Path) -> Iterator[Line]:
    made = Line(Place(tmp_path / "s.sock", folder))
    yield made
    made.close()


def signer_of(line: Line) -> ProcessSigner:
    return ProcessSigner(line, VerifierKey.parse(line.ask(asking.Who(), asking.Standing).key))


Make = Callable[[Path, Line], Signer]


def _file(folder: Path, _: Line) -> Signer:
    return FileSigner.open(folder / "signer.key", name=NAME, chance=SeededChance(1))


def _process(_: Path, line: Line) -> Signer:
    return signer_of(line)


@pytest.mark.parametrize("make", [_file, _process])
def test_each_signer_keeps_the_port(folder: Path, line: Line, make: Make) -> None:
    from answerable.testing.conformance.signing import PROMISES, check  # noqa: PLC0415

    signer = make(folder, line)
    assert isinstance(signer, StrictSigner) == (make is _process)
    for promise in PROMISES:
        asyncio.run(promise(signer))
    asyncio.run(check(signer))


def test_the_process_refuses_and_says_why_and_goes_on(line: Line) -> None:
    signer = signer_of(line)

    async def story() -> None:
        await signer.sign_tree(body(10), 0, [])
        with pytest.raises(SignerRefused, match="another tree of 10"):
            await signer.sign_tree(body(10, OTHERS), 10, [])
        assert await signer.signed_last() == (10, root_of(LEAVES[:10]))

    asyncio.run(story())


def test_a_process_that_was_killed_is_started_again_and_still_knows(line: Line) -> None:
    signer = signer_of(line)

    async def story() -> None:
        await signer.sign_tree(body(10), 0, [])
        for _ in range(2):
            assert line.pid is not None
            os.kill(line.pid, signal.SIGKILL)
            with pytest.raises(SignerRefused):
                await signer.sign_tree(body(9), 0, [])
        await signer.sign_tree(body(12), 10, proof(10, 12))

    asyncio.run(story())


def test_one_that_somebody_else_starts_is_away_until_it_is_there(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "s.sock"
    theirs = Line(Place(path))
    with pytest.raises(SignerAway, match="systemctl status answerable-signer"):
        theirs.ask(asking.Who(), asking.Standing)
    ours = Line(Place(path, folder))
    try:
        ours.ask(asking.Who(), asking.Standing)
        assert path.stat().st_mode & 0o777 == 0o600
        assert theirs.ask(asking.Who(), asking.Standing).size == 0
        open_before = theirs.is_open
    finally:
        ours.close()
    assert (open_before, theirs.is_open) == (True, False)
    theirs.close()


def test_a_second_process_does_not_work_in_the_folder(line: Line, folder: Path) -> None:
    signer_of(line)
    with pytest.raises(AnswerableError, match="Another signer works"), strict.held(folder, 0.1):
        pass


def test_who_is_another_user_is_not_answered(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom answerable.adapters.signers import serve\n"
        "serve._peer = lambda _: 12345\n"
        "serve.serve(Path(sys.argv[1]), Path(sys.argv[2]), eval(sys.argv[3]), leash=True)\n"
    )
    for peers, is_answered in (("()", False), ("(12345,)", True)):
        path = tmp_path / "s.sock"
        path.unlink(missing_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder), str(path), peers], stdin=subprocess.PIPE
        )
        try:
            while not path.exists():
                assert process.poll() is None
            line = Line(Place(path))
            if is_answered:
                assert line.ask(asking.Who(), asking.Standing).size == 0
            else:
                with pytest.raises(SignerAway):
                    line.ask(asking.Who(), asking.Standing)
            line.close()
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)
