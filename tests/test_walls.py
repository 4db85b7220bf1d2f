"""The walls hold: each contract of the house is shown to break when somebody walks through it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = "Imports go down only"
VIEWS = "A stage reads state, never a view"
VENDORS = "Vendor names stand in adapters only"


def lint_imports(source: Path) -> str:
    """What import-linter says of a copy of the house, under the contracts of this repository."""
    command = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run(
        [command, "--config", ROOT / "pyproject.toml", "--no-cache", "--no-logo"],
        env={**os.environ, "PYTHONPATH": str(source), "NO_COLOR": "1"},
        cwd=source, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return run.stdout + run.stderr


@pytest.fixture
def house(tmp_path: Path) -> Path:
    shutil.copytree(
        ROOT / "src" / "answerable", tmp_path / "answerable",
        ignore=shutil.ignore_patterns("__pycache__"),
    )  # fmt: skip
    return tmp_path


@pytest.mark.parametrize(
    ("where", "line", "broken"),
    [
        ("base/clock.py", "import answerable.ledger.domain", FLOORS),
        ("people/service.py", "import answerable.parties.domain", FLOORS),
        ("pipeline/act.py", "import answerable.views.index", VIEWS),
        ("pipeline/act.py", "import twilio", VENDORS),
        ("worker/dispatch.py", "import psycopg", VENDORS),
    ],
)
def test_an_import_through_a_wall_is_named(house: Path, where: str, line: str, broken: str) -> None:
    file = house / "answerable" / where
    file.write_text(f"{file.read_text('utf-8')}\n{line}\n", "utf-8")
    assert f"{broken} BROKEN" in lint_imports(house)


def test_an_adapter_may_name_a_vendor(house: Path) -> None:
    file = house / "answerable" / "adapters" / "signers" / "file.py"
    file.write_text(f"{file.read_text('utf-8')}\nimport twilio\n", "utf-8")
    assert f"{VENDORS} KEPT" in lint_imports(house)


def test_a_new_room_needs_a_floor(house: Path) -> None:
    (house / "answerable" / "helpers").mkdir()
    (house / "answerable" / "helpers" / "__init__.py").touch()
    assert "helpers" in lint_imports(house)
