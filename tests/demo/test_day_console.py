"""A day that was run can be looked at: with the command, the address and the key that it names."""

import re
from pathlib import Path

import httpx

from homes import SmallHome, process
from serving import serving


class DayHome(SmallHome):
    """A home that is there already: the day's own."""

    def __init__(self, path: Path) -> None:
        self.path = path


def test_a_day_ends_by_naming_its_console_which_then_shows_that_day(tmp_path: Path) -> None:
    home = tmp_path / "day"
    said = process("demo", "--interactions", "40", "--home", str(home)).check()
    assert f"`answerable serve --home {home}`" in said.err
    assert "http://127.0.0.1:8420/" in said.err
    key = re.search(r"ak_\S+", said.err)
    assert key is not None
    assert key[0] not in said.out, "what is kept of the report holds no key"
    with serving(DayHome(home)) as served:
        headers = {"Authorization": f"Bearer {key[0]}"}
        with httpx.Client(base_url=served.url, headers=headers, timeout=30) as client:
            overview = client.get("/v1/overview").json()
            assert overview["last_day"]["interactions"] == 40
            page = client.get("/", headers={"Accept": "text/html"})
            assert page.status_code == 200
            assert "brindlewick.example/day" in page.text
            (agent,) = overview["agents"]
            assert (agent["id"], agent["is_loaded"]) == ("tea", True)


def test_a_day_for_machines_makes_no_key(tmp_path: Path) -> None:
    home = tmp_path / "day"
    said = process("demo", "--interactions", "20", "--home", str(home), "--json").check()
    assert "ak_" not in said.out + said.err
