"""`docs/write-an-agent.md` is a project: its blocks are put together, and its tests run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from answerable.base.settings import Settings, parse_settings
from documents import DOCS, blocks
from homes import Said, environment

PAGE = "write-an-agent.md"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    for name, parts in {
        "agent.py": blocks(PAGE, "python"),
        "tests/test_agent.py": blocks(PAGE, "python", "test"),
        "policies/agent.cedar": blocks(PAGE, "cedar"),
        "answerable.toml": blocks(PAGE, "toml"),
        "conftest.py": ['"""Makes the agent importable."""\n'],
    }.items():
        assert parts, name
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("\n\n".join(parts), "utf-8")
    return folder


@pytest.mark.parametrize(
    "check",
    [
        ("mypy", "--strict", "--cache-dir", os.devnull, "."),
        ("pytest", "-q", "-p", "no:cacheprovider"),
        ("ruff", "check", "--isolated", "--ignore", "E402,I001", "."),
        ("answerable.cli.loading", ".answerable"),
    ],
    ids=lambda check: check[0],
)
def test_the_page_holds_together(project: Path, check: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *check], cwd=project, capture_output=True, text=True, check=False,
        env=environment(PYTHONDONTWRITEBYTECODE="1", RUFF_NO_CACHE="true"),
    )  # fmt: skip
    Said(done).check()


def test_every_setting_is_in_the_table_and_nothing_else() -> None:
    rows = (DOCS / "settings.md").read_text("utf-8").split("|---|---|---|\n")[1].splitlines()
    said = set()
    for row in rows:
        if not row.startswith("| `"):
            break
        said |= {key.strip(" `") for key in row.split("|")[1].split(",")}
    defaults, known = Settings(), set()
    for name in Settings.__struct_fields__:
        if name == "rails":
            rail = parse_settings('[rails.x]\nuse = "pull"\nagent = "a"\n', "x").rails["x"]
            known |= {f"rails.NAME.{field}" for field in rail.__struct_fields__}
        elif fields := getattr(getattr(defaults, name), "__struct_fields__", ()):
            known |= {f"{name}.{field}" for field in fields}
        else:
            known.add(name)
    assert said == known
