"""The examples of `deploy/` name what exists, and are as tight as they say."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from answerable.base.settings import ServerSettings
from answerable.cli.app import app

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "deploy" / "answerable.service"
IMAGE = ROOT / "deploy" / "Containerfile"


def unit() -> dict[str, list[str]]:
    """Each directive with its values; comments and sections left out."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def exists(words: list[str]) -> bool:
    """Whether the command line has this command."""
    command: object = typer.main.get_command(app)
    for word in words:
        command = getattr(command, "commands", {}).get(word)
    return command is not None


def test_the_unit_starts_a_command_that_exists_in_the_folder_that_it_may_write() -> None:
    said = unit()
    [program, *words] = said["ExecStart"][0].split()
    assert Path(program).name == "answerable"
    assert words
    assert exists(words)
    [writable] = said["ReadWritePaths"]
    home = dict(value.split("=", 1) for value in said["Environment"])["ANSWERABLE_HOME"]
    assert Path(home).is_relative_to(said["WorkingDirectory"][0])
    assert Path(home).is_relative_to(writable)
    assert writable == f"/var/lib/{said['StateDirectory'][0]}"
    assert int(said["TimeoutStopSec"][0]) > 15, "what is being done has that long to end"


def test_the_unit_is_hardened() -> None:
    said = unit()
    assert said["User"] != ["root"]
    for name, value in {
        "ProtectSystem": "strict", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "",
        "UMask": "0077", "StateDirectoryMode": "0700", "IPAddressDeny": "any",
        "Restart": "on-failure", "PrivateTmp": "yes",
    }.items():  # fmt: skip
        assert said[name] == [value], name


def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze on this machine")
    text = UNIT.read_text().replace(unit()["ExecStart"][0].split()[0], sys.executable)
    copy = tmp_path / UNIT.name
    copy.write_text(text)
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    said = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, said) == (0, []), done.stderr


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", " ", IMAGE.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def test_the_image_starts_a_command_that_exists_as_nobody_in_particular() -> None:
    said = dict(instructions())
    assert json.loads(said["ENTRYPOINT"]) == ["answerable"]
    assert exists(json.loads(said["CMD"]))
    assert said["USER"] not in ("root", "0")
    port = ServerSettings().port
    assert said["EXPOSE"] == str(port)
    assert f":{port}/healthz" in said["HEALTHCHECK"]
    home = re.search(r"ANSWERABLE_HOME=(\S+)", said["ENV"])
    assert home is not None
    assert Path(home[1]).is_relative_to(said["VOLUME"])


def test_what_the_image_is_built_from_is_there_and_is_not_left_out() -> None:
    kept = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = {
        name
        for instruction, rest in instructions()
        if instruction == "COPY" and not rest.startswith("--from")
        for name in rest.split()[:-1]
    }
    assert copied == kept
    assert [name for name in copied if not (ROOT / name).exists()] == []
    locks = re.findall(r"-r (\S+)", IMAGE.read_text())
    assert set(locks) <= copied


def signers(name: str) -> dict[str, str]:
    lines = (ROOT / "deploy" / f"answerable-signer.{name}").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and line[0] not in "#[")


def test_the_signers_key_is_another_users_and_its_socket_the_workers() -> None:
    service, socket = signers("service"), signers("socket")
    worker = unit()["User"][0]
    assert service["User"] not in (worker, "root")
    assert socket["SocketUser"] == worker
    assert socket["SocketMode"] == "0600"
    [program, *words] = service["ExecStart"].split()
    assert Path(program).name == "answerable"
    assert exists(words[:2])
    state = words[words.index("--state") + 1]
    assert state == service["ReadWritePaths"] == f"/var/lib/{service['StateDirectory']}"
    assert service["StateDirectoryMode"] == "0700"
    assert words[words.index("--peer") + 1] == worker
    assert service["RestrictAddressFamilies"] == "AF_UNIX"


def test_the_signer_takes_the_socket_that_systemd_gives_it(tmp_path: Path) -> None:
    code = (
        "import os, socket, sys\nfrom pathlib import Path\n"
        "from answerable.adapters.signers import asking, strict\n"
        "from answerable.adapters.signers.process import Line, Place\n"
        "from answerable.base.chance import SystemChance\n"
        "strict.found(Path('keys'), 'acme.example/log', SystemChance())\n"
        "given = socket.socket(socket.AF_UNIX)\ngiven.bind('s.sock')\ngiven.listen()\n"
        "if pid := os.fork():\n"
        "    print(Line(Place(Path('s.sock'))).ask(asking.Who(), asking.Standing).size)\n"
        "    os.kill(pid, 15)\n    sys.exit(os.waitpid(pid, 0)[1])\n"
        "os.dup2(given.fileno(), 3)\nos.set_inheritable(3, True)\n"
        "os.environ |= {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'}\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'answerable.cli', 'signer', 'serve',"
        " '--state', 'keys'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
