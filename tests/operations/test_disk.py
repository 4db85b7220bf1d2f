"""The end of the disk is seen coming, and refused before it is there."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from answerable.base.clock import DAY_US, HOUR_US, SECOND_US, ManualClock
from answerable.base.settings import parse_settings
from answerable.compose.configured import plan
from answerable.rails.port import Incoming
from answerable.store.disk import MB, SAMPLES, Disk, DiskLow, Sample, growth
from answerable.testing.world import Till
from answerable.worker import commands, verbs
from answerable.worker.client import RemoteError
from answerable.worker.process import close_office, open_office
from disks import small_disk
from homes import SmallHome, until, working
from stories import inline_world, run, support

START_US = 1_767_225_600 * SECOND_US


def message(number: int) -> verbs.MessagesAccept:
    one = Incoming(external_id=f"m{number}", sender="kim@example.org", text="hello", rail="email")
    return verbs.MessagesAccept((one,))


def test_growth_is_what_the_samples_say() -> None:
    steady = [Sample(START_US + n * HOUR_US, 1_000_000 + n * 50_000, 0) for n in range(25)]
    assert growth(steady) == 24 * 50_000
    assert growth([]) == growth(steady[:1]) == 0
    assert growth([steady[0], dataclasses.replace(steady[1], at_us=START_US + 1)]) == 0


def test_the_days_until_the_reserve_are_forecast_from_what_was_seen(tmp_path: Path) -> None:
    disk = Disk(tmp_path, reserve_bytes=0)
    assert disk.forecast(START_US).days_until_full == -1, "nothing is known on the first day"
    disk.sample(START_US)
    (tmp_path / "grown").write_bytes(b"x" * 8 * MB)
    forecast = disk.forecast(START_US + DAY_US)
    assert 7.5 * MB < forecast.bytes_per_day < 8.5 * MB
    expected = forecast.bytes_free / forecast.bytes_per_day
    assert forecast.days_until_full == pytest.approx(expected, rel=0.01)
    reserved = Disk(tmp_path, reserve_bytes=forecast.bytes_free // 2)
    assert reserved.forecast(START_US + DAY_US).days_until_full < expected * 0.6
    (tmp_path / "grown").unlink()
    disk.sample(START_US + DAY_US - HOUR_US)
    (tmp_path / SAMPLES).write_text(f"{START_US} {2 * MB} 0\n")
    shrunk = Disk(tmp_path).forecast(START_US + DAY_US)
    assert (shrunk.days_until_full, shrunk.bytes_per_day) == (-1, 0), "it does not grow"


def test_samples_are_kept_across_lives_and_are_few(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    for hour in range(400):
        assert disk.is_due(START_US + hour * HOUR_US)
        disk.sample(START_US + hour * HOUR_US)
        assert not disk.is_due(START_US + hour * HOUR_US + SECOND_US)
    lines = (tmp_path / SAMPLES).read_text().splitlines()
    assert len(lines) == 336
    assert not Disk(tmp_path).is_due(START_US + 399 * HOUR_US + SECOND_US)


def test_a_clock_that_was_set_back_is_lived_through(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.sample(START_US + DAY_US)
    assert disk.is_due(START_US)
    disk.sample(START_US)
    assert disk.forecast(START_US + HOUR_US).bytes_used > 0
    assert len((tmp_path / SAMPLES).read_text().splitlines()) == 1


@pytest.mark.parametrize("text", ["", "no numbers at all\n", "1 2\n-1 2 3\n", "\x00" * 40])
def test_samples_that_cannot_be_read_are_begun_again(tmp_path: Path, text: str) -> None:
    (tmp_path / SAMPLES).write_text(text)
    disk = Disk(tmp_path)
    assert disk.is_due(START_US)
    disk.sample(START_US)
    assert len((tmp_path / SAMPLES).read_text().splitlines()) == 1


def test_below_the_reserve_nothing_new_is_accepted_and_work_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        assert isinstance(world.clock, ManualClock)
        office = await open_office(world.plan())
        assert await commands.call(office, message(1))
        office.house.disk.reserve_bytes = 10**18  # more than any disk has
        world.clock.advance(SECOND_US)
        with pytest.raises(DiskLow, match="less than its reserve") as low:
            await commands.call(office, message(2))
        assert (low.value.code, low.value.http_status) == ("disk_low", 507)
        assert low.value.retry_after_s > 0
        await close_office(office)  # what was in flight ends
        assert world.mailbox.texts == ["About hello."]

    run(scenario)


def test_the_setting_is_in_megabytes_and_has_a_default(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home")
    assert plan(home.path).disk_reserve_bytes == 512 * MB
    assert parse_settings("[disk]\nreserve_mb = 3", "x").disk.reserve_mb == 3


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, megabytes=60) as mounted:
        yield mounted


def test_a_real_worker_on_a_disk_that_runs_low(disk: Path) -> None:
    home = SmallHome(disk / "home").found()
    home.says("[worker]", "[disk]\nreserve_mb = 30\n\n[worker]")
    ballast = disk / "ballast"
    with working(home):
        home.say("one", external_id="m1")
        ballast.write_bytes(b"x" * 35 * MB)

        until(lambda: _code(home) == "disk_low")
        home.settled()
        assert "About one." in home.sent
        home.cli("person", "add", "n@acme.example", "--name", "N").check()  # commands still go
        ballast.unlink()
        until(lambda: _code(home) == "")


def _code(home: SmallHome) -> str:
    """Why a message is refused; empty if it is accepted."""
    try:
        home.say("more", external_id="m2")
    except RemoteError as error:
        return error.code
    return ""
