"""An answer leaves over HTTP as by the command line: sealed, bounded, written down before."""

import asyncio
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest
from starlette.requests import Request

from answerable.base.errors import UsageError
from answerable.ledger.note import VerifierKey
from answerable.ledger.verify_bundle import BundleVerified, verify_bundle
from answerable.server.bundles import ExportBody, export, prefix_of
from answerable.server.calls import Call
from answerable.server.errors import Overloaded
from answerable.server.lobby import Lobby
from answerable.server.places import Places
from answerable.worker import verbs
from answerable.worker.commands import call as run_command
from homes import OWNER, SPECIALIST, SmallHome
from offices import open_for, small_world
from serving import Serving, message, serving, settled

AT = "/v1/ledger/export"
OF_ANOTHER = prefix_of(Path("/another/home"))


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where files go that are on their way."""
    folder = tmp_path_factory.mktemp("parts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def house(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    home = SmallHome(tmp_path_factory.mktemp("exporting") / "home").found()
    for prefix in (prefix_of(home.path), OF_ANOTHER):
        left = parts / f"{prefix}died"
        left.mkdir()
        (left / "bundle.zip").write_bytes(b"of who died while it was made")
    with serving(home) as found:
        yield found


@pytest.fixture(scope="module")
def olga(house: Serving) -> Iterator[httpx.Client]:
    with house.client("all", person=OWNER) as client:
        yield client


@pytest.fixture(scope="module")
def case(olga: httpx.Client) -> str:
    said = message("m1", "kanarie where is it?")
    heard = olga.post("/v1/messages", json=said).raise_for_status().json()["interaction"]
    return str(settled(olga, heard)["case"])


def verified(data: bytes, house: Serving, folder: Path) -> BundleVerified:
    path = folder / "it.zip"
    path.write_bytes(data)
    key = VerifierKey.parse((house.home.path / "ledger.vkey").read_text().strip())
    return verify_bundle(path, [key])


def test_it_is_the_bundle_that_a_stranger_verifies_and_nothing_stays_behind(
    house: Serving, olga: httpx.Client, case: str, parts: Path, tmp_path: Path
) -> None:
    got = olga.post(AT, json={"kind": "case", "of": case}).raise_for_status()
    assert got.headers["content-type"] == "application/zip"
    assert got.headers["cache-control"] == "no-store"
    assert int(got.headers["content-length"]) == len(got.content)
    found = verified(got.content, house, tmp_path)
    assert (found.asked.of, found.bodies, found.entries > 3) == (case, 0, True)
    assert b"kanarie" not in got.content
    assert list(parts.glob("answerable-export-*")) == [parts / f"{OF_ANOTHER}died"]


def test_words_are_given_to_the_keys_person_as_far_as_they_may_read_and_written_down(
    house: Serving, olga: httpx.Client, case: str, tmp_path: Path
) -> None:
    asked = {"kind": "case", "of": case, "bodies": True}
    of_olga = olga.post(AT, json=asked).raise_for_status().content
    found = verified(of_olga, house, tmp_path)
    assert found.bodies > 0
    with zipfile.ZipFile(io.BytesIO(of_olga)) as held:
        told = json.loads(held.read("answer.json"))["bodies"]
        entry = json.loads(held.read(f"entries/{told['read']}.json"))
        assert b"kanarie" in held.read("index.html")
    assert (entry["kind"], entry["actor"]) == ("access.read", told["by"])
    with house.client("ledger", "read", person=SPECIALIST) as sam:
        of_sam = sam.post(AT, json=asked).raise_for_status().content
    assert verified(of_sam, house, tmp_path).bodies == 0
    with zipfile.ZipFile(io.BytesIO(of_sam)) as held:
        withheld = json.loads(held.read("answer.json"))["bodies"]["withheld"]
        assert {one["why"] for one in withheld} == {"not_allowed"}
        assert b"kanarie" not in held.read("index.html")


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"kind": "case", "of": "cas_nobody"}, 404, "not_found"),
        ({"kind": "case"}, 400, "usage"),
        ({"kind": "owner", "of": "per_1"}, 400, "usage"),
        ({"kind": "owner", "of": OWNER, "since": 0, "until": 1}, 400, "usage"),
        ({"kind": "king", "of": "x"}, 400, "malformed"),
        ({"kind": "everything", "to": "/etc/passwd"}, 400, "malformed"),
        ({"kind": "everything", "by": "somebody"}, 400, "malformed"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_and_nothing_is_sent(
    olga: httpx.Client, asked: dict[str, object], status: int, code: str
) -> None:
    answer = olga.post(AT, json=asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_key_without_the_scope_reads_nothing(house: Serving, case: str) -> None:
    asked = {"kind": "case", "of": case}
    with house.client("read") as reader:
        assert reader.post(AT, json=asked).json()["code"] == "scope_missing"
    with house.client("ledger") as of_ledger:
        assert of_ledger.post(AT, json=asked).status_code == 200
        assert of_ledger.post(AT, json=asked | {"bodies": True}).json()["code"] == "scope_missing"


def test_who_comes_when_all_places_are_taken_is_told_to_come_again() -> None:
    class Full:
        exports = Places(0)

    asked = ExportBody(kind="everything")
    request = Request({"type": "http", "method": "POST", "headers": []})
    with pytest.raises(Overloaded):
        asyncio.run(export(Call(cast("Lobby", Full()), request, None, None, asked)))


def test_an_answer_over_the_bound_is_refused_before_anything_is_written_down(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world) as office:
            size = office.house.hall.committer.size
            verb = verbs.LedgerExport(
                str(tmp_path / "x.zip"), "everything", bodies_by=OWNER, entries_max=size - 1
            )
            with pytest.raises(UsageError, match="more than"):
                await run_command(office, verb)
            assert office.house.hall.committer.size == size

    asyncio.run(scenario())
    assert not (tmp_path / "x.zip").exists()
