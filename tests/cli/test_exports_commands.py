"""An answer leaves in the words of others: a COSE receipt, CSV, OCSF, PROV; only if it is good."""

import asyncio
import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from answerable.adapters.signers.file import FileSigner
from answerable.base.chance import SeededChance
from answerable.exports.ocsf import event
from answerable.exports.receipt import make_receipt
from answerable.exports.table import to_csv
from answerable.ledger.domain import Entry
from answerable.ledger.quorum import PolicyWrong
from typed import fails, run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    run("init", "shop", "--owner", "olive@acme.example", "--name", "Olive Marsh")
    monkeypatch.chdir(tmp_path / "shop")
    run("chat", "--message", "Please refund A1", "--message", "Please refund A3")
    return tmp_path


@pytest.fixture
def bundle(project: Path) -> Path:
    run("ledger", "export", "-o", "../all.zip")
    return project / "all.zip"


def entries(project: Path) -> list[dict[str, object]]:
    rows = json.loads(run("ledger", "search", "--json", "--limit", "100"))
    return [json.loads(row["entry"]) for row in reversed(rows)]


def of_bytes_that_say_no_place(project: Path) -> str:
    """What is said of bytes that a good receipt is of, and that say no place."""
    home = project / "shop" / ".answerable"
    name = (home / "ledger.vkey").read_text().partition("+")[0]
    signer = FileSigner.open(
        home / "signer.key", name=name, chance=SeededChance(0), may_create=False
    )
    made = asyncio.run(make_receipt(b"bytes", 0, 1, [], signer))
    (project / "m.cose").write_bytes(made)
    (project / "m.entry").write_bytes(b"bytes")
    return str(fails("ledger", "check-receipt", "../m.cose", "../m.entry"))


def test_a_receipt_is_made_and_checked_and_is_of_no_other_entry(project: Path) -> None:
    said = run("ledger", "receipt", "3", "-o", "../r.cose")
    assert "Entry 3 of" in said
    checked = run("ledger", "check-receipt", "../r.cose", "../r.cose.entry.json", "--json")
    assert json.loads(checked)["index"] == 3
    run("ledger", "receipt", "4", "-o", "../s.cose")
    assert "receipt" in str(fails("ledger", "check-receipt", "../r.cose", "../s.cose.entry.json"))
    assert "no entry of a ledger" in of_bytes_that_say_no_place(project)
    assert "there already" in str(fails("ledger", "receipt", "3", "-o", "../r.cose"))
    assert "no entry 99" in str(fails("ledger", "receipt", "99", "-o", "../t.cose"))
    assert not (project / "t.cose").exists()


def test_every_entry_is_a_row_an_event_and_an_entity(project: Path, bundle: Path) -> None:
    for name in ("csv", "ocsf", "prov"):
        run("ledger", "convert", str(bundle), "--to", name, "-o", f"../all.{name}")
    kept = entries(project)
    with (project / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    events = [json.loads(line) for line in (project / "all.ocsf").read_text().splitlines()]
    prov = json.loads((project / "all.prov").read_text())
    assert [int(row["index"]) for row in rows] == [entry["seq"] for entry in kept]
    assert [row["id"] for row in rows] == [entry["id"] for entry in kept]
    assert [event["unmapped"]["entry"] for event in events] == kept
    assert len(prov["entity"]) == len(prov["wasGeneratedBy"]) == len(kept)


def test_who_was_accountable_is_said_in_each(project: Path, bundle: Path) -> None:
    for name in ("csv", "ocsf", "prov"):
        run("ledger", "convert", str(bundle), "--to", name, "-o", f"../all.{name}")
    owner = next(one["owner"] for one in entries(project) if one["kind"] == "decided")
    assert isinstance(owner, dict)
    with (project / "all.csv").open(newline="") as file:
        decided = [row for row in csv.DictReader(file) if row["kind"] == "decided"]
    assert {row["owner"] for row in decided} == {owner["person"]}
    events = map(json.loads, (project / "all.ocsf").read_text().splitlines())
    users = {one["actor"]["user"]["uid"] for one in events if one["activity_name"] == "decided"}
    assert users == {owner["person"]}
    prov = json.loads((project / "all.prov").read_text())
    behalf = {each["prov:responsible"] for each in prov["actedOnBehalfOf"].values()}
    assert behalf == {f"ans:{owner['person']}"}


def test_each_name_in_prov_is_declared_and_of_its_kind(project: Path, bundle: Path) -> None:
    run("ledger", "convert", str(bundle), "--to", "prov", "-o", "../all.prov")
    prov = json.loads((project / "all.prov").read_text())
    kinds = {
        "prov:entity": "entity", "prov:generatedEntity": "entity", "prov:usedEntity": "entity",
        "prov:activity": "activity", "prov:agent": "agent", "prov:delegate": "agent",
        "prov:responsible": "agent",
    }  # fmt: skip
    for relation in ("wasGeneratedBy", "wasDerivedFrom", "wasAssociatedWith", "actedOnBehalfOf"):
        assert prov[relation]
        for name, said in references(prov[relation]):
            assert said in prov[kinds[name]], (relation, name, said)


def references(relation: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    for said in relation.values():
        yield from ((name, value) for name, value in said.items() if name != "prov:time")


def test_each_event_has_what_its_class_demands(project: Path, bundle: Path) -> None:
    run("ledger", "convert", str(bundle), "--to", "ocsf", "-o", "../all.ocsf")
    demanded = {
        "activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid",
    }  # fmt: skip
    of_class = {6003: {"actor", "api", "src_endpoint"}, 3004: {"entity"}}
    for line in (project / "all.ocsf").read_text().splitlines():
        event = json.loads(line)
        assert demanded | of_class[event["class_uid"]] <= event.keys()
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["category_uid"] == event["class_uid"] // 1000


def test_what_a_spreadsheet_would_compute_is_text() -> None:
    entry = Entry(v=1, id="=cmd()", seq=0, ts=0, kind="stop", actor="@sum", parent="-1")
    (_, row) = to_csv([entry])
    assert b"'=cmd()" in row
    assert b"'@sum" in row
    assert b"'-1" in row
    assert event(entry, "log")["class_uid"] == 3004


def test_a_bundle_that_is_not_good_is_not_converted(project: Path, bundle: Path) -> None:
    spoiled = bytearray(bundle.read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    bundle.write_bytes(spoiled)
    assert "not verified" in str(
        fails("ledger", "convert", str(bundle), "--to", "csv", "-o", "../all.csv")
    )
    assert not (project / "all.csv").exists()


def test_what_would_be_passed_over_in_silence_is_refused(project: Path, bundle: Path) -> None:
    verify, key = ("ledger", "verify"), ".answerable/ledger.vkey"
    assert "one at a time" in str(fails(*verify, "--deep", "--quorum", key))
    assert "checked alone" in str(fails(*verify, "--bundle", str(bundle), "--deep"))
    assert "checked alone" in str(fails(*verify, "--bundle", "a", "--archive", "b"))
    assert isinstance(fails(*verify, "--quorum", key), PolicyWrong)  # a key is no quorum
    assert "Verified" in run(*verify, "--bundle", str(bundle), "--vkey", key)
