"""What the page says makes Parquet of the table, does, and loses nothing of it."""

import csv
import re
from pathlib import Path

import pytest

from answerable.exports.table import COLUMNS
from typed import run

PAGE = Path(__file__).parents[2] / "docs" / "exports.md"
COUNTED = ("index", "party_count", "owner_count", "accepted_at", "attempt", "amount_minor")


def recipe(module: str) -> str:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    [found] = [block for block in blocks if f"import {module}" in block]
    return str(found)


@pytest.mark.parametrize("module", ["pyarrow", "duckdb"])
def test_the_recipe_keeps_every_row_column_and_number(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = recipe(module)
    reader = pytest.importorskip(module, reason=f"{module} is not installed: it is none of ours")
    monkeypatch.chdir(tmp_path)
    run("init", "shop", "--owner", "olive@acme.example", "--name", "Olive Marsh")
    monkeypatch.chdir(tmp_path / "shop")
    run("chat", "--message", "Please refund A1", "--message", "Please refund A3")
    run("ledger", "export", "-o", "all.zip")
    run("ledger", "convert", "all.zip", "--to", "csv", "-o", "all.csv")
    exec(compile(code, str(PAGE), "exec"), {})
    with Path("all.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    if module == "pyarrow":
        found = reader.parquet.read_table("all.parquet").to_pylist()
    else:
        asked = reader.sql("FROM 'all.parquet' ORDER BY index")
        found = [dict(zip(asked.columns, row, strict=True)) for row in asked.fetchall()]
    assert [tuple(row) for row in found] == [COLUMNS] * len(table)
    for now, then in zip(found, table, strict=True):
        assert [str(now[name] or "") for name in ("kind", "owner", "rules")] == [
            then[name] for name in ("kind", "owner", "rules")
        ]
        for name in COUNTED:
            assert now[name] == (int(then[name]) if then[name] else None), name
