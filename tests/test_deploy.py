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
