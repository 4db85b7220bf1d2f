"""A stranger with one file and the key finds what we find, in files alone."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from answerable.adapters.signers.file import FileSigner
from answerable.ledger import domain
from answerable.ledger.bundle import Given, Withheld
from answerable.ledger.domain import KINDS, OWNED_KINDS, AgentRef, Owner, PolicyUse
from answerable.ledger.proof import prove
from answerable.ledger.tiles import TileReader, TileWriter, decode_bundle, encode_bundle
from answerable.ledger.tree import leaf_hash
from answerable.ledger.verify_tiles import verify_tiles
from second import SCRIPT, second_verifier
from small_ledger import SIGNER, Ledger, ledger_of

VKEY = SIGNER.vkey.encode()
NOUNS: dict[str, type[msgspec.Struct]] = {
    "agent": domain.AgentRef, "body": domain.BodyRef, "model": domain.ModelUse,
    "policy": domain.PolicyUse, "given": Given, "held": Withheld,
}  # fmt: skip


@dataclass(frozen=True)
class Report:
    is_good: bool
    index: int | None
    problem: str


@pytest.fixture(scope="module")
def second() -> ModuleType:
    return second_verifier()


@pytest.fixture
def capture(second: ModuleType, capsys: pytest.CaptureFixture[str]) -> "Verifier":
    return Verifier(second, capsys)


class Verifier:
    def __init__(self, second: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
        self._second = second
        self._capsys = capsys

    def __call__(self, *arguments: str | Path, vkey: str = VKEY) -> Report:
        status = self._second.main([*map(str, arguments), "--vkey", vkey, "--json"])
        shown = json.loads(self._capsys.readouterr().out)
        assert status == (0 if shown["ok"] else 1)
        return Report(shown["ok"], shown.get("first_bad_index"), shown.get("problem", ""))


def test_it_imports_nothing_of_ours() -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported - {"cryptography"} <= sys.stdlib_module_names


def test_it_knows_the_kinds_and_fields_of_an_entry(second: ModuleType) -> None:
    said = set("".join(second.SHAPES["kind"].split()).removeprefix("=").split("|"))
    assert said == KINDS
    assert second.OWNED == OWNED_KINDS
    for name in second.SHAPES.keys() - {"kind"}:
        noun = NOUNS.get(name) or getattr(domain, name.capitalize())
        said = {word.replace("?", ":").split(":")[0] for word in second.SHAPES[name].split()}
        needed = {word.split(":")[0] for word in second.SHAPES[name].split() if ":" in word}
        fields = msgspec.structs.fields(noun)
        assert said == {field.name for field in fields}, name
        assert needed == {field.name for field in fields if field.required}, name


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """As a stranger runs it: another folder, none of our paths."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    command: Sequence[str | Path] = [sys.executable, "-I", SCRIPT, *arguments]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=cwd, env=environment
    )


def test_its_exit_status_says_how_it_went(tmp_path: Path) -> None:
    ledger_of(300).publish(tmp_path / "log")
    good = run(tmp_path / "log", "--vkey", VKEY, cwd=tmp_path)
    assert (good.returncode, good.stderr) == (0, "")
    assert "entries: 300" in good.stdout
    tile = tmp_path / "log" / "tile" / "entries" / "000"
    tile.write_bytes(tile.read_bytes().replace(b'"ent_7"', b'"ent_8"'))
    bad = run(tmp_path / "log", "--vkey", VKEY, "--json", cwd=tmp_path)
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["first_bad_index"] == 7
    assert run(tmp_path / "log", cwd=tmp_path).returncode == 2
    assert run(tmp_path / "log", "--vkey", "nonsense", cwd=tmp_path).returncode == 2
    assert run("--vkey", VKEY, cwd=tmp_path).returncode == 2


def test_a_typing_mistake_is_no_bad_entry_and_a_key_may_lie_in_a_file(tmp_path: Path) -> None:
    ledger_of(3).publish(tmp_path / "log")
    (tmp_path / "vkey").write_text(f"{VKEY}\n")
    assert run(tmp_path / "log", "--vkey", "vkey", cwd=tmp_path).returncode == 0
    for typed in (
        ("lgo/checkpoint",),
        ("log", "--earlier", "nothing"),
        ("log", "--proof", "nothing"),
    ):
        wrong = run(typed[0].split("/")[0], *typed[1:], "--vkey", VKEY, cwd=tmp_path)
        assert (wrong.returncode, wrong.stdout) == (2, "")
        assert f"there is no '{typed[-1]}'" in wrong.stderr
    wrong = run("log", "--vkey", "nofile", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "'nofile' is neither a file with a key nor a key" in wrong.stderr


def test_a_file_that_is_no_proof_is_called_none(tmp_path: Path) -> None:
    (tmp_path / "entry").write_text("{}")
    proof = "c2sp.org/tlog-proof@v1\nindex 0\n\ncheckpoint"
    for text in ("", "{}\n", proof.replace("@v1", "@v2"), proof.replace("0", "00")):
        (tmp_path / "proof").write_text(text)
        told = run("--proof", "proof", "--entry", "entry", "--vkey", VKEY, cwd=tmp_path)
        assert told.returncode == 1
        assert "problem: it is no tlog-proof" in told.stdout


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 600, 66_000])
def test_whole_ledgers_of_every_shape_are_good(
    tmp_path: Path, capture: Verifier, size: int
) -> None:
    ledger = ledger_of(size)
    ledger.publish(tmp_path)
    assert capture(tmp_path) == Report(is_good=True, index=None, problem="")
    assert verify_tiles(tmp_path, [SIGNER.vkey]).problem is None


def test_both_verifiers_find_and_locate_every_changed_byte_of_an_entry(
    tmp_path: Path, capture: Verifier
) -> None:
    ledger_of(10).publish(tmp_path)
    bundle = tmp_path / "tile" / "entries" / "000.p" / "10"
    data = bundle.read_bytes()
    entries = decode_bundle(data)
    start = len(encode_bundle(entries[:4]))
    for byte in range(start, start + 2 + len(entries[4])):
        changed = bytearray(data)
        changed[byte] ^= 0x01
        bundle.write_bytes(bytes(changed))
        found = verify_tiles(tmp_path, [SIGNER.vkey]).problem
        assert found is not None
        assert (capture(tmp_path).index, found.index) == (4, 4)


@pytest.mark.parametrize(
    "name",
    ["tile/0/000", "tile/0/001", "tile/0/002.p/39", "tile/1/000.p/2", "tile/entries/000"],
)
def test_both_verifiers_find_a_damaged_file_and_agree_where(
    tmp_path: Path, capture: Verifier, name: str
) -> None:
    ledger_of(551).publish(tmp_path)
    whole = (tmp_path / name).read_bytes()
    damages = [whole[:-1] + bytes([whole[-1] ^ 1]), whole[:-1], whole + b"\x00\x00", b""]
    for content in damages:
        (tmp_path / name).write_bytes(content)
        found = verify_tiles(tmp_path, [SIGNER.vkey]).problem
        assert found is not None
        assert capture(tmp_path).index == found.index
    (tmp_path / name).unlink()
    assert not capture(tmp_path).is_good


def test_every_changed_byte_of_the_checkpoint_is_found(tmp_path: Path, capture: Verifier) -> None:
    ledger_of(10).publish(tmp_path)
    checkpoint = tmp_path / "checkpoint"
    data = checkpoint.read_bytes()
    for byte in range(len(data)):
        for flip in (0x01, 0x20, 0x80):
            changed = bytearray(data)
            changed[byte] ^= flip
            checkpoint.write_bytes(bytes(changed))
            assert not capture(tmp_path).is_good


def test_a_stranger_cannot_sign(tmp_path: Path, capture: Verifier) -> None:
    ledger_of(10).publish(tmp_path)
    stranger = FileSigner(SIGNER.name, b"\x01" * 32)
    assert not capture(tmp_path, vkey=stranger.vkey.encode()).is_good
    other = FileSigner("other.example", bytes(32))
    assert not capture(tmp_path, vkey=other.vkey.encode()).is_good


@pytest.mark.parametrize(
    "changed",
    [
        {"seq": 9},
        {"owner": None, "oseq": None},
        {"oseq": None},
        {"oseq": 3},
        {"kind": "outcome", "owner": None},
        {"owner": Owner(person="per_ada", accepted_at=5)},
        {"owner": Owner(person="per_ada", accepted_at=9)},
        {"owner": Owner(person="per_ada", accepted_at=1)},
        {"owner": Owner(person="per_ada", accepted_at=0, via="per_ben")},
        {"agent": AgentRef(id="sales", release="rel_1")},
        {"agent": AgentRef(id="support", release="rel_2")},
        {"policy": (PolicyUse(context="00", set="set_2", verdict="allow"),)},
    ],
)
def test_what_the_key_holder_signed_wrongly_is_found(
    tmp_path: Path, capture: Verifier, changed: dict[str, object]
) -> None:
    ledger = ledger_of(8)
    entry, body = ledger.entry(**changed)
    ledger.seal([ledger.add(entry, body).hex()])
    ledger.publish(tmp_path)
    assert capture(tmp_path).index == 8


def test_a_decision_left_out_is_missed_by_the_counters(tmp_path: Path, capture: Verifier) -> None:
    ledger = ledger_of(2)
    ledger.next("s/pty_1")
    ledger.batch(5)
    ledger.publish(tmp_path)
    assert capture(tmp_path).index == 3


@pytest.mark.parametrize(
    "data",
    [
        b'{"id":"ent_0", "kind":"stop","seq":0,"ts":1,"v":1}',
        b'{"kind":"stop","id":"ent_0","seq":0,"ts":1,"v":1}',
        b'{"id":"ent_0","kind":"stop","seq":0,"ts":1.5,"v":1}',
        b'{"id":"ent_0","kind":"stop","seq":0,"ts":9007199254740992,"v":1}',
        b'{"id":"ent_0","kind":"stop","kind":"stop","seq":0,"ts":1,"v":1}',
        b'{"id":"\\u0065nt_0","kind":"stop","seq":0,"ts":1,"v":1}',
        b'{"change":{"\xc3\xa9":1},"id":"ent_0","kind":"stop","seq":0,"ts":1,"v":1}',
        b'{"id":"\\ud800","kind":"stop","seq":0,"ts":1,"v":1}',
        b'{"id":"ent_0","kind":"stop","seq":false,"ts":1,"v":true}',
        b'{"id":"ent_0","kind":"stop","ts":1,"v":1}',
        b'{"id":"ent_0","kind":"stop","seq":-0,"ts":1,"v":1}',
        b'{"id":"ent_0","kind":"stop","seq":0,"ts":1,"v":1}\n',
        b'{"id":"ent_0","kind":"stop","seq":0,"ts":NaN,"v":1}',
        b'{"id":"ent_0","kind":"stop","seq":0,"ts":%s,"v":1}' % (b"9" * 5_000),
        b'{"id":"ent_0","kind":"stops","seq":0,"ts":1,"v":1}',
        b'{"id":"ent_0","kind":"stop","seq":0,"ts":"1","v":1}',
        b'{"id":"ent_0","kind":"stop","seq":0,"ts":1,"v":2}',
        b'{"id":"ent_0","kind":"stop","note":"new","seq":0,"ts":1,"v":1}',
        b'{"actor":null,"id":"ent_0","kind":"stop","seq":0,"ts":1,"v":1}',
        b'{"id":"ent_0","inputs":[],"kind":"stop","seq":0,"ts":1,"v":1}',
        b'{"change":{"a":{}},"id":"ent_0","kind":"stop","seq":0,"ts":1,"v":1}',
        b'{"change":{"b":1,"a":1},"id":"ent_0","kind":"stop","seq":0,"ts":1,"v":1}',
        b'{"id":"ent_0","kind":"stop","model":{"calls":0,"use":"m"},"seq":0,"ts":1,"v":1}',
        b'{"id":"","kind":"stop","model":{"params":{"\xc3\xa9":1},"use":"m"},"seq":0,"ts":1,"v":1}',
        b"[]",
        b"[" * 20_000,
        b"\xff",
        b"",
    ],
)
def test_both_verifiers_refuse_what_is_not_canonical(
    tmp_path: Path, capture: Verifier, data: bytes
) -> None:
    ledger = Ledger()
    ledger.tree.append(leaf_hash(data))
    ledger.seal([])
    TileWriter(tmp_path).publish(0, [data], ledger.checkpoint)
    assert capture(tmp_path).index == 0
    found = verify_tiles(tmp_path, [SIGNER.vkey]).problem
    assert found is not None
    assert found.index == 0


def test_rollback_fork_swap_and_rewriting_are_found_by_who_saved_a_checkpoint(
    tmp_path: Path, capture: Verifier
) -> None:
    earlier = tmp_path / "earlier"
    earlier.write_text(ledger_of(3, 7).checkpoint)
    later = tmp_path / "later"
    later.write_text(ledger_of(3, 7, 5).checkpoint)
    ledger_of(3, 7).publish(tmp_path / "whole")
    assert capture(tmp_path / "whole", "--earlier", earlier).is_good

    cut = capture(tmp_path / "whole", "--earlier", earlier, "--earlier", later)
    assert (cut.index, "cut off" in cut.problem) == (10, True)

    rewritten = ledger_of(3)
    entry, body = rewritten.entry(ts=1)
    rewritten.seal([rewritten.add(entry, body).hex()])
    rewritten.batch(6)
    rewritten.publish(tmp_path / "rewritten")
    assert capture(tmp_path / "rewritten").is_good
    assert capture(tmp_path / "rewritten", "--earlier", earlier).index == 0
    (tmp_path / "at_3").write_text(ledger_of(3).checkpoint)
    both = capture(tmp_path / "rewritten", "--earlier", earlier, "--earlier", tmp_path / "at_3")
    assert both.index == 3

    (tmp_path / "fork").write_text(rewritten.checkpoint)
    two = capture(tmp_path / "whole", "--earlier", earlier, "--earlier", tmp_path / "fork")
    assert not two.is_good

    swapped = shutil.copytree(tmp_path / "whole", tmp_path / "swapped")
    bundle = swapped / "tile" / "entries" / "000.p" / "10"
    entries = decode_bundle(bundle.read_bytes())
    entries[4], entries[6] = entries[6], entries[4]
    bundle.write_bytes(encode_bundle(entries))
    assert capture(swapped).index == 4


def test_it_verifies_a_proof_with_the_folder_and_without(tmp_path: Path, capture: Verifier) -> None:
    ledger = ledger_of(300)
    ledger.publish(tmp_path / "log")
    proof, entry = tmp_path / "7.tlog-proof", tmp_path / "entry.json"
    text = prove(7, ledger.checkpoint, TileReader(tmp_path / "log", 300), extra=b"x").encode()
    proof.write_text(text)
    entry.write_bytes(ledger.data()[7])
    assert capture(tmp_path / "log", "--proof", proof).is_good
    assert capture("--proof", proof, "--entry", entry).is_good
    entry.write_bytes(ledger.data()[8])
    assert not capture("--proof", proof, "--entry", entry).is_good
    entry.write_bytes(ledger.data()[7])
    for wrong in (
        text.replace("index 7", "index 8"),
        text.replace("index 7", "index 700"),
        text.replace("index 7", "7"),
        text.replace("@v1", "@v2"),
        text.replace("index 7\n", "index 7\nAAAA\n"),
        "",
    ):
        proof.write_text(wrong)
        assert not capture("--proof", proof, "--entry", entry).is_good
        assert not capture(tmp_path / "log", "--proof", proof).is_good
