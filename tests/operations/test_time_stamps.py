"""A time stamp authority says when a head was there, and openssl alone verifies that it did."""

import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from answerable.base.clock import SECOND_US, SystemClock
from answerable.ledger.tsp import StampWrong, query, read_answer
from documents import blocks
from homes import SmallHome

CONFIG = """
[tsa]
default_tsa = t
[t]
serial = {0}/serial
crypto_device = builtin
signer_cert = {0}/tsa.pem
signer_key = {0}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
"""


def openssl(*arguments: str, data: bytes = b"") -> bytes:
    run = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


class Authority:
    """A certificate authority and a time stamp authority below it, made of openssl."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        (folder / "config").write_text(CONFIG.format(folder))
        (folder / "serial").write_text("01\n")
        (folder / "extensions").write_text(
            "extendedKeyUsage = critical,timeStamping\nbasicConstraints = CA:FALSE\n"
        )
        new = ["req", "-newkey", "rsa:2048", "-nodes"]
        openssl(*new, "-x509", "-subj", "/CN=ca", "-days", "2", "-keyout", str(folder / "ca.key"),
                "-out", str(folder / "ca.pem"))  # fmt: skip
        openssl(*new, "-subj", "/CN=tsa", "-keyout", str(folder / "tsa.key"), "-out",
                str(folder / "tsa.csr"))  # fmt: skip
        openssl("x509", "-req", "-in", str(folder / "tsa.csr"), "-CA", str(folder / "ca.pem"),
                "-CAkey", str(folder / "ca.key"), "-CAcreateserial", "-days", "2", "-extfile",
                str(folder / "extensions"), "-out", str(folder / "tsa.pem"))  # fmt: skip

    def reply(self, asked: bytes) -> bytes:
        (self.folder / "q").write_bytes(asked)
        openssl("ts", "-reply", "-config", str(self.folder / "config"), "-queryfile",
                str(self.folder / "q"), "-out", str(self.folder / "r"))  # fmt: skip
        return (self.folder / "r").read_bytes()

    @contextmanager
    def served(self) -> Iterator[str]:
        authority = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/timestamp-query"
                answer = authority.reply(asked)
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - theirs
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    if subprocess.run(["openssl", "ts", "-help"], capture_output=True, check=False).returncode:
        pytest.skip("this openssl has no `ts`")
    return Authority(tmp_path_factory.mktemp("tsa") / "authority")


def test_the_recipe_of_the_page_verifies_a_token_and_no_other(
    tmp_path: Path, authority: Authority
) -> None:
    home = SmallHome(tmp_path / "home").found()
    home.cli("person", "list").check()
    with authority.served() as url:
        home.says("[ledger]", f'[ledger]\ntimestamp_url = "{url}"')
        said = home.cli("ledger", "witnesses", "--ask").check()
    assert f"timestamp {url}" in said.out
    folder = home.path / "ledger" / "cosigned"
    [token] = folder.glob("*.tsr")
    assert token.read_bytes() == (home.path / "cosigned" / token.name).read_bytes()
    (tmp_path / "cosigned").symlink_to(folder)
    shutil.copy(authority.folder / "ca.pem", tmp_path / "ca.pem")
    [recipe] = blocks("witnesses.md", "sh", "time stamp")
    recipe = recipe.replace("SIZE", token.stem)

    def verified() -> bool:
        run = subprocess.run(
            ["bash", "-c", recipe], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return run.returncode == 0 and "Verification: OK" in run.stdout + run.stderr

    assert verified()
    head = folder / token.stem
    text = head.read_text()
    head.write_text(text.replace(f"\n{token.stem}\n", "\n1\n"))
    assert not verified(), "another tree has this token"
    head.write_text(text)
    assert verified()
    Authority(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "ca.pem", tmp_path / "ca.pem")
    assert not verified(), "an authority that is not trusted"


def test_a_token_is_read_and_what_is_not_ours_is_refused(authority: Authority) -> None:
    digest, nonce = bytes(range(32)), 2**63 + 5
    answer = authority.reply(query(digest, nonce))
    stamp = read_answer(answer, digest, nonce)
    assert abs(stamp.at_s - SystemClock().now() // SECOND_US) < 60
    for other, number in ((bytes(32), nonce), (digest, nonce + 1)):
        with pytest.raises(StampWrong):
            read_answer(answer, other, number)
    for cut in range(0, len(answer), 7):
        with pytest.raises(StampWrong):
            read_answer(answer[:cut], digest, nonce)
    refused = bytes.fromhex("30053003020102")
    with pytest.raises(StampWrong, match="status 2"):
        read_answer(refused, digest, nonce)


def test_the_query_is_what_openssl_would_ask(authority: Authority) -> None:
    (authority.folder / "ours").write_bytes(query(bytes(range(32)), 77))
    shown = openssl("ts", "-query", "-in", str(authority.folder / "ours"), "-text").decode()
    assert "Hash Algorithm: sha256" in shown
    assert "Nonce: 0x4D" in shown
    assert "Certificate required: yes" in shown


def test_an_authority_that_is_down_is_shown_and_nothing_else_is_harmed(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    home.cli("person", "list").check()
    home.says("[ledger]", '[ledger]\ntimestamp_url = "http://127.0.0.1:1/"')
    said = home.cli("ledger", "witnesses", "--ask").check()
    assert "did not answer" in said.out
    assert not list(home.path.glob("cosigned/*"))
