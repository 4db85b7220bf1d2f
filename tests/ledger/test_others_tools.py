"""One proof, checked with tools that nobody here wrote: openssl, sha256sum, Go's packages."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from answerable.ledger.proof import prove
from answerable.ledger.tiles import TileReader
from small_ledger import SIGNER, Ledger, ledger_of

ROOT = Path(__file__).parents[2]
SHELL = ROOT / "verify" / "proof.sh"
GOCODE = Path("/usr/share/gocode")
VKEY = SIGNER.vkey.encode()


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return ledger_of(300)


@pytest.fixture
def folder(tmp_path: Path, ledger: Ledger) -> Path:
    ledger.publish(tmp_path / "log")
    (tmp_path / "vkey").write_text(f"{VKEY}\n")
    for index in (0, 7, 256, 299):
        proof = prove(index, ledger.checkpoint, TileReader(tmp_path / "log", 300))
        (tmp_path / f"{index}.tlog-proof").write_text(proof.encode())
        (tmp_path / f"{index}.json").write_bytes(ledger.data()[index])
    return tmp_path


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("go") is None or not (GOCODE / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("Go and golang-golang-x-mod-dev are not installed: checks/install_go.sh")
    built = tmp_path_factory.mktemp("go") / "check-proofs"
    environment = os.environ | {
        "GO111MODULE": "off", "GOPATH": str(GOCODE), "GOFLAGS": "-mod=mod",
        "GOCACHE": str(built.parent / "cache"),
    }  # fmt: skip
    page = (ROOT / "docs" / "audit.md").read_text("utf-8")
    [line] = re.findall(r"^.* (go build -o check-proofs .*)$", page, re.MULTILINE)
    typed = line.replace("check-proofs", str(built)).split()
    subprocess.run(typed, check=True, env=environment, cwd=ROOT)
    return built


def shell(proof: Path, entry: Path, vkey: Path) -> str:
    if shutil.which("openssl") is None or shutil.which("basenc") is None:
        pytest.skip("openssl or coreutils' basenc is not installed")
    done = subprocess.run(
        ["sh", SHELL, proof, entry, vkey], capture_output=True, text=True, check=False
    )
    assert done.returncode == (0 if done.stdout.startswith("ok") else 1), done.stderr
    return done.stdout.strip()


def wrongs(folder: Path) -> list[tuple[Path, Path]]:
    """Proofs and entries that do not belong together, or were changed."""
    text = (folder / "7.tlog-proof").read_text()
    hashes = text.split("\n\n")[0].split("\n")[2:]
    changed = {
        "of another entry": text.replace("index 7\n", "index 8\n"),
        "in another base": text.replace("index 7\n", "index 007\n"),
        "after a strange line": text.replace("index 7\n", "hello\nindex 7\n"),
        "two in a line": text.replace(f"{hashes[0]}\n", f"{hashes[0]} ", 1),
        "under a name like it": text.replace("\u2014 log.", "\u2014 log-"),
        "beyond the end": text.replace("index 7\n", "index 700\n"),
        "too long": text.replace("index 7\n", f"index 7\n{hashes[0]}\n"),
        "too short": text.replace(f"{hashes[-1]}\n", "", 1),
        "other hash": text.replace(hashes[2], hashes[3], 1),
        "of 80 hashes": text.replace("index 7\n", "index 7\n" + f"{hashes[0]}\n" * 80),
        "another size": text.replace("\n300\n", "\n301\n"),
        "other last bits": re.sub(r"[048AEIMQUYcgkosw]=\n\Z", lambda last: _next(last[0]), text),
        "not signed": text.replace("— log.example/home ", "— other.example "),
    }
    pairs = [(folder / "7.tlog-proof", folder / "0.json")]
    for name, content in changed.items():
        assert content != text, name
        (folder / name).write_text(content)
        pairs.append((folder / name, folder / "7.json"))
    return pairs


def _next(last: str) -> str:
    """The same bytes in base64 that nobody would write."""
    return f"{chr(ord(last[0]) + 1)}{last[1:]}"


def test_openssl_and_sha256sum_say_what_we_say(folder: Path) -> None:
    for index in (0, 7, 256, 299):
        pair = (folder / f"{index}.tlog-proof", folder / f"{index}.json")
        assert shell(*pair, folder / "vkey") == f"ok {index} 300"
    for proof, entry in wrongs(folder):
        assert shell(proof, entry, folder / "vkey").startswith("no: "), proof.name


def test_a_wrong_call_is_no_verdict_and_says_what_is_missing(folder: Path) -> None:
    given = [str(folder / name) for name in ("7.tlog-proof", "7.json", "vkey")]
    gone = str(folder / "gone")
    calls = [[*given[:at], gone, *given[at + 1 :]] for at in range(3)]
    for call in (given[:2], given[:1], [*given[:2], str(folder)], *calls):
        done = subprocess.run(["sh", SHELL, *call], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        said = f"there is no file '{gone}'" if gone in call else "wrong call: "
        assert said in done.stderr


def test_the_recipe_of_the_audit_page_is_the_one_that_is_run() -> None:
    page = (ROOT / "docs" / "audit.md").read_text("utf-8")
    assert SHELL.read_text("utf-8").partition("set -eu\n")[2] in page


def test_gos_own_packages_say_what_we_say(folder: Path, program: Path) -> None:
    good = [
        folder / f"{index}{end}" for index in (0, 7, 256, 299) for end in (".tlog-proof", ".json")
    ]
    done = subprocess.run([program, VKEY, *good], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [f"ok {index} 300" for index in (0, 7, 256, 299)]
    assert done.returncode == 0
    bad = [path for pair in wrongs(folder) for path in pair]
    done = subprocess.run([program, VKEY, *bad], capture_output=True, text=True, check=False)
    assert [line[:3] for line in done.stdout.splitlines()] == ["no "] * (len(bad) // 2)
    assert done.returncode == 1
    gone = str(folder / "gone")
    done = subprocess.run([program, gone, *good], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"'{gone}' is neither a file that can be read nor a key" in done.stderr
