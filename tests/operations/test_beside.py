"""What lies beside a home: nothing is put where it does not belong, no code is taken from there."""

import shutil
import subprocess
import sys
from pathlib import Path

from homes import SmallHome, cli, environment


def test_a_folder_of_other_things_does_not_become_a_project(tmp_path: Path) -> None:
    project = tmp_path / "project"
    home = SmallHome(project / ".answerable")
    for name in ("answerable.toml", "policies", "small_agent.py"):
        shutil.move(home.path / name, project / name)
    home.founding()
    home.cli("backup", str(tmp_path / "b")).check()
    refused = cli("restore", str(tmp_path / "b"), "--home", str(tmp_path / "restored"))
    refused.fails(2, f"into '{tmp_path}', among other things", "restored/.answerable")
    assert not (tmp_path / "answerable.toml").exists()
    assert not (tmp_path / "restored").exists()
    whole = tmp_path / "restored" / ".answerable"
    cli("restore", str(tmp_path / "b"), "--home", str(whole)).check()
    assert (tmp_path / "restored" / "answerable.toml").exists()


def test_a_worker_takes_no_code_from_the_folder_in_which_it_was_started(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    home = SmallHome(project / ".answerable")
    elsewhere.mkdir()
    for name in ("answerable.toml", "policies"):
        shutil.move(home.path / name, project / name)
    shutil.move(home.agent, elsewhere / "small_agent.py")
    home.founding()
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "answerable.cli", "worker", "--home", str(home.path)],
        cwd=elsewhere, capture_output=True, text=True, timeout=60, check=False, env=environment(),
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    assert "No module named 'small_agent'" in ended.stderr
