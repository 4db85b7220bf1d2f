"""`docs/thinking.md` is run: its agent is typed, and its test passes without network or key."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from answerable.agents import model
from documents import DOCS, blocks
from homes import Said, environment

PAGE = "thinking.md"


@pytest.mark.parametrize(
    "check", [("mypy", "--strict", "--cache-dir", os.devnull), ("pytest", "-q")], ids=lambda c: c[0]
)
def test_the_page_holds_together(tmp_path: Path, check: tuple[str, ...]) -> None:
    page = tmp_path / "test_page.py"
    page.write_text("\n\n".join([*blocks(PAGE, "python"), *blocks(PAGE, "python", "test")]))
    done = subprocess.run(
        [sys.executable, "-m", *check, str(page)], cwd=tmp_path, capture_output=True, text=True,
        check=False, env=environment(),
    )  # fmt: skip
    Said(done).check()


def test_the_table_names_each_setting_of_a_model() -> None:
    rows = re.findall(r"^\| (`.*?) \|", (DOCS / PAGE).read_text("utf-8"), re.MULTILINE)
    said = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert said == set(model.SETTINGS)
