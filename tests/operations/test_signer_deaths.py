"""Who dies between writing and signing comes back to the same tree: no honest home is refused."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from answerable.adapters.engines.embedded.journal import FeedFile
from answerable.worker.verification import verify_home
from homes import environment

CHILD = Path(__file__).parents[1] / "signed_child.py"
POINTS = [
    "committer.before_append", "committer.after_append",
    "committer.before_sign", "committer.after_sign",
]  # fmt: skip


def lives(home: Path, life: str, point: str = "none", nth: int = 1, who: str = "worker") -> int:
    """One life of a writer; what it acknowledged is kept in `acknowledged`. Its exit code."""
    command = [sys.executable, str(CHILD), str(home), life, point, str(nth), who]
    with (home.parent / "acknowledged").open("ab") as file:
        done = subprocess.run(
            command, stdout=file, stderr=subprocess.PIPE, check=False, timeout=60,
            env=environment(), text=True,
        )  # fmt: skip
    assert done.returncode in (0, -9), done.stderr
    return done.returncode


def acknowledged(home: Path) -> list[str]:
    return (home.parent / "acknowledged").read_text().split()


def keys_in(home: Path) -> list[str]:
    async def read() -> list[str]:
        feed = FeedFile(home)
        try:
            return [record.key async for record in feed.read(0)]
        finally:
            feed.close()

    return asyncio.run(read())


@pytest.mark.parametrize("who", ["worker", "signer", "both"])
@pytest.mark.parametrize("point", POINTS)
def test_whoever_dies_wherever_no_honest_home_is_refused_and_nothing_is_lost(
    tmp_path: Path, point: str, who: str
) -> None:
    home = tmp_path / "home"
    for nth in (1, 2, 4):
        lives(home, f"{nth}", point, nth, who)
        left = verify_home(home) if (home / "ledger.vkey").exists() else None
        assert left is None or left.verified, left
        if point.endswith("_sign") and who != "signer":
            assert left is not None
            assert left.unsigned, "it died between the two"
    assert lives(home, "last") == 0
    assert set(acknowledged(home)) <= set(keys_in(home))
    assert {f"gap_last.{number}" for number in range(12)} <= set(acknowledged(home))
    verified = verify_home(home)
    assert verified.verified
    assert not verified.unsigned
    if who == "signer":  # its writer waited for the next one, and lost nothing
        assert len(acknowledged(home)) == 4 * 12
