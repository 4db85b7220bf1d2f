"""A backup ends with its epoch: when the key is destroyed it opens nowhere, whoever has it."""

import contextlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from answerable.base.chance import SystemChance
from answerable.base.clock import DAY_US, ManualClock
from answerable.base.errors import UsageError
from answerable.compose.backups import backup_keys_of
from answerable.ledger.bodies import expand
from answerable.store.epochs import BackupKeysAway, Epoch, EpochEnded, EpochKeyMissing, Terms
from answerable.store.erased import BackupKeysDamaged
from answerable.store.keys import KEYS
from answerable.store.keys_sealed import (
    KEYS_SEALED,
    Seal,
    SealedKeysDamaged,
    build_keys,
    seal_keys,
    sealed_rows,
)
from answerable.worker.backup import MANIFEST, BackupFailed, Manifest, marks_of, write_backup
from answerable.worker.process import close_office, open_office
from answerable.worker.tending import tend
from epochs import Story, canaries
from forgotten import CANARY
from homes import SmallHome, cli
from stories import run


@pytest.fixture
def story(tmp_path: Path) -> Story:
    made = Story(tmp_path)
    made.says("hello")
    made.backs_up()
    return made


def epoch_of(story: Story) -> Epoch:
    (epoch,) = story.keys.epochs()
    return epoch


def seal_of(story: Story) -> Seal:
    return Seal(epoch_of(story).id, story.keys.key_of(epoch_of(story).id))


def manifest_of(backup: Path) -> Manifest:
    return msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)


def sealed_again(backup: Path, **changed: object) -> None:
    """A manifest as whoever has the backup could write it."""
    manifest = msgspec.structs.replace(manifest_of(backup), files=marks_of(backup), **changed)
    (backup / MANIFEST).write_bytes(msgspec.json.encode(manifest))


def opened_by_a_thief(backup: Path) -> list[bytes]:
    """What of its bodies opens to who has all of the backup, `home.key` included: with each wrapped
    key that lies anywhere in it, and with each 32 bytes of its small files as one."""
    home_key = (backup / "home" / "home.key").read_bytes()
    keys = {home_key}
    for path in (path for path in backup.rglob("*") if path.is_file()):
        data = path.read_bytes()
        small = data if len(data) < 2_000 else b""
        keys |= {small[at : at + 32] for at in range(max(0, len(small) - 31))}
        for at in range(max(0, len(data) - 39) if "answerable.db" not in path.name else 0):
            with contextlib.suppress(InvalidUnwrap):
                keys.add(aes_key_unwrap(home_key, data[at : at + 40]))
    copied = backup / "home" / "answerable.db"
    with closing(sqlite3.connect(f"file:{copied}?mode=ro", uri=True)) as database:
        sealed = database.execute("SELECT key, body FROM record WHERE body IS NOT NULL").fetchall()
    found = []
    for name, body in sealed:
        for key in keys:
            content = AESGCM(expand(key, b"answerable/body/" + name.encode()))
            with contextlib.suppress(InvalidTag):
                found.append(content.decrypt(body[:12], body[12:], name.encode()))
    return found


# The end


def test_when_its_time_is_over_a_backup_opens_nowhere(story: Story, tmp_path: Path) -> None:
    epoch = epoch_of(story)
    key = (story.keys.folder / f"{epoch.id}.key").read_bytes()
    story.clock.advance(96 * DAY_US)
    assert story.keys.end_over(Terms()) == []
    assert story.restored()[1].bodies > 0, "on its last day it is a backup like any other"
    shutil.rmtree(tmp_path / "again")
    story.clock.advance(DAY_US)
    with pytest.raises(EpochEnded, match="cannot be opened any more"):
        story.restored()
    assert [one.id for one in story.keys.end_over(Terms())] == [epoch.id]
    assert story.keys.end_over(Terms()) == [], "it ends once"
    with pytest.raises(EpochEnded) as said:
        story.restored()
    assert f"{epoch.id} cannot be opened any more: it ended on 2026-01-08" in str(said.value)
    assert "Next: take a newer backup" in str(said.value)
    with pytest.raises(EpochKeyMissing, match="gone"):
        story.restored(clock=ManualClock(story.clock.now() - 50 * DAY_US))
    assert not (tmp_path / "again").exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and key in path.read_bytes()]


def test_a_key_is_overwritten_where_it_lies_before_its_place_is_let_go(story: Story) -> None:
    path = story.keys.folder / f"{epoch_of(story).id}.key"
    story.clock.advance(97 * DAY_US)
    with path.open("rb") as still_open:
        story.keys.end_over(Terms())
        assert not path.exists()
        assert still_open.read() == bytes(32)


def test_who_has_all_of_a_backup_and_the_home_key_opens_nothing(
    story: Story, tmp_path: Path
) -> None:
    assert opened_by_a_thief(story.backup) == []
    build_keys(sealed_rows(story.backup / KEYS_SEALED, seal_of(story)), tmp_path / "plain.db")
    shutil.copy(tmp_path / "plain.db", story.backup / "home" / KEYS)
    found = opened_by_a_thief(story.backup)
    assert [text for text in found if CANARY.encode() in text], "the thief's way is a way"


def test_the_keys_of_backups_are_in_no_backup(story: Story) -> None:
    key = seal_of(story).key
    assert not [path for path in story.backup.rglob("*") if path.name.startswith("backup-keys")]
    files = [path for path in story.backup.rglob("*") if path.is_file()]
    assert not [path for path in files if key in path.read_bytes()]
    assert manifest_of(story.backup).epoch == epoch_of(story).id


def test_backups_of_one_epoch_share_its_key_and_those_of_the_next_do_not(
    story: Story, tmp_path: Path
) -> None:
    first = epoch_of(story)
    story.clock.advance(7 * DAY_US - 1)
    write_backup(story.home, tmp_path / "same", clock=story.clock)
    story.clock.advance(1)
    write_backup(story.home, tmp_path / "next", clock=story.clock)
    assert manifest_of(tmp_path / "same").epoch == first.id
    assert manifest_of(tmp_path / "next").epoch not in ("", first.id)
    story.clock.advance(90 * DAY_US)
    story.keys.end_over(Terms())
    assert [story.keys.has_key(one.id) for one in story.keys.epochs()] == [False, True]


def test_a_shorter_time_counts_for_backups_of_before_and_a_longer_one_does_not(
    story: Story,
) -> None:
    story.clock.advance(20 * DAY_US)
    assert story.keys.end_over(Terms(kept_days=3_000)) == []
    assert len(story.keys.end_over(Terms(kept_days=13))) == 1
    with pytest.raises(EpochEnded, match="the time of its backups on 2026-01-21"):
        story.keys.key_of(epoch_of(story).id)


def test_a_worker_ends_what_is_over(story: Story) -> None:
    async def scenario() -> None:
        office = await open_office(story.world.plan())
        story.clock.advance(98 * DAY_US)
        await tend(office)
        assert not story.keys.has_key(epoch_of(story).id)
        await close_office(office)

    run(scenario)


def test_a_backup_whose_key_is_destroyed_while_it_is_made_is_none(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> bool:
        return False

    monkeypatch.setattr("answerable.store.epochs.BackupKeys.has_key", gone)
    with pytest.raises(BackupFailed, match="destroyed meanwhile"):
        write_backup(story.home, tmp_path / "b", clock=story.clock)
    assert not (tmp_path / "b").exists()


# Without the key


def test_without_the_folder_of_its_key_a_backup_says_which_key_it_wants(
    story: Story, tmp_path: Path
) -> None:
    shutil.move(story.keys.folder, tmp_path / "elsewhere")
    name = manifest_of(story.backup).epoch
    to = str(tmp_path / "again")
    said = cli("restore", str(story.backup), "--home", to)
    said.fails(1, "epoch_ended")  # by the machine's clock; the story's is long ago
    with pytest.raises(EpochKeyMissing, match=f"{name} is not in") as error:
        story.restored()
    assert "--backup-keys FOLDER-OF-THE-KEYS" in str(error.value)
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("harm", ["cut", "flipped", "longer", "swapped", "of another", "empty"])
def test_sealed_keys_that_are_not_as_they_were_sealed_open_nothing(
    story: Story, tmp_path: Path, harm: str
) -> None:
    path = story.backup / KEYS_SEALED
    data = path.read_bytes()
    match harm:
        case "cut":
            path.write_bytes(data[:-20])
        case "flipped":
            path.write_bytes(data[:-30] + bytes([data[-30] ^ 1]) + data[-29:])
        case "longer":
            path.write_bytes(data + b"x")
        case "swapped":
            name = f"keys/v1 {epoch_of(story).id}"
            path.write_bytes(data.replace(name.encode(), b"keys/v1 " + b"e" * (len(name) - 10)))
        case "of another":
            path.unlink()
            other = Seal(epoch_of(story).id, SystemChance().token(32))
            seal_keys(story.home / KEYS, path, other, SystemChance())
        case "empty":
            path.write_bytes(b"")
    sealed_again(story.backup)
    with pytest.raises(SealedKeysDamaged, match="damaged"):
        story.restored()
    assert not (tmp_path / "again").exists()
    assert not list(tmp_path.glob(".again*"))


def test_what_is_sealed_comes_out_row_by_row(tmp_path: Path) -> None:
    story = Story(tmp_path)
    story.says("hello")
    with closing(sqlite3.connect(story.home / KEYS)) as database, database:
        rows = [(f"{number:032}", bytes([number % 256]) * 40) for number in range(9_000)]
        database.executemany("INSERT INTO key (kid, wrapped) VALUES (?, ?)", rows)
    seal = Seal("epo_x", bytes(range(32)))
    seal_keys(story.home / KEYS, tmp_path / "sealed", seal, SystemChance())
    build_keys(sealed_rows(tmp_path / "sealed", seal), tmp_path / "again.db")

    def all_of(path: Path) -> list[list[tuple[object, ...]]]:
        with closing(sqlite3.connect(path)) as database:
            names = ("home", "naming", "key", "address")
            return [database.execute(f"SELECT * FROM {name}").fetchall() for name in names]

    assert all_of(tmp_path / "again.db") == all_of(story.home / KEYS)


# The folder


@pytest.mark.parametrize(
    ("place", "why"), [("keys", "not a whole path"), ("{home}/keys", "lies in the home")]
)
def test_a_place_that_would_be_in_the_backup_or_nowhere_is_refused(
    tmp_path: Path, place: str, why: str
) -> None:
    home = SmallHome(tmp_path / "home").found()
    home.says("[worker]", f'[backup]\nkeys = "{place.format(home=home.path)}"\n\n[worker]')
    home.cli("backup", str(tmp_path / "b")).fails(2, why)
    with pytest.raises(UsageError, match=r"under \[backup\]"):
        backup_keys_of(home.path)


def test_a_place_among_the_policies_of_a_project_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "policies" / "keys"
    (tmp_path / "answerable.toml").write_text(f'[backup]\nkeys = "{place}"\n')
    (tmp_path / ".answerable").mkdir()
    with pytest.raises(UsageError, match="among the policies"):
        backup_keys_of(tmp_path / ".answerable")


def test_where_another_place_is_named_the_keys_are_moved_there_first(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    said = home.cli("backup", str(tmp_path / "b")).check()
    assert "lies on the disk of the home" in said.err
    place = tmp_path / "other disk"
    home.says("[worker]", f'[backup]\nkeys = "{place}"\n\n[worker]')
    home.cli("backup", str(tmp_path / "b2")).fails(1, "backup_keys_away", "mv ")
    place.mkdir()
    for path in (home.path / "backup-keys").iterdir():
        shutil.move(path, place / path.name)
    home.cli("backup", str(tmp_path / "b2")).check()
    old = json.loads((tmp_path / "b" / MANIFEST).read_text())
    assert old["epoch"] == json.loads((tmp_path / "b2" / MANIFEST).read_text())["epoch"]
    restored = ("restore", str(tmp_path / "b"), "--home", str(tmp_path / "again"))
    cli(*restored).fails(3, "epoch_key_missing")
    cli(*restored, "--backup-keys", str(place)).check()


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    place = tmp_path / "not mounted"
    home.says("[worker]", f'[backup]\nkeys = "{place}"\n\n[worker]')
    home.cli("backup", str(tmp_path / "b")).fails(1, "backup_keys_away", "mount what it lies on")
    assert not place.exists()
    assert not (tmp_path / "b").exists()
    with pytest.raises(BackupKeysAway):
        backup_keys_of(home.path)[0].check_there()


def test_an_epoch_whose_dates_cannot_be_read_is_said_to_be_damaged(story: Story) -> None:
    path = story.keys.folder / f"{epoch_of(story).id}.json"
    path.write_text("{")
    with pytest.raises(BackupKeysDamaged, match=path.name):
        story.keys.end_over(Terms())


# A backup of a program without epochs


def as_before_epochs(story: Story) -> None:
    """The backup as it would have been: its keys open in it, no word of them in its manifest."""
    build_keys(
        sealed_rows(story.backup / KEYS_SEALED, seal_of(story)), story.backup / "home" / KEYS
    )
    (story.backup / KEYS_SEALED).unlink()
    manifest = json.loads((story.backup / MANIFEST).read_text())
    for name in ("epoch", "epoch_ends_us", "over_us", "keys_in", "erased"):
        del manifest[name]
    manifest["files"] = msgspec.to_builtins(marks_of(story.backup))
    (story.backup / MANIFEST).write_text(json.dumps(manifest))


def test_a_backup_of_before_is_restored_and_it_is_said_who_is_in_it(
    story: Story, tmp_path: Path
) -> None:
    story.erases()
    as_before_epochs(story)
    keys = str(story.keys.folder)
    to = str(tmp_path / "again")
    said = cli("restore", str(story.backup), "--home", to).check()
    assert "who was erased since is in it again" in said.err
    assert canaries(tmp_path / "again")
    shutil.rmtree(to)
    nobody = str(tmp_path)
    cli("restore", str(story.backup), "--home", to, "--backup-keys", nobody).fails(
        1, "backup_keys_damaged"
    )
    said = cli("restore", str(story.backup), "--home", to, "--backup-keys", keys).check()
    assert "2 keys of who was erased since were destroyed" in said.err
    assert canaries(tmp_path / "again") == []


def test_the_list_has_who_was_erased_before_there_were_epochs(story: Story) -> None:
    story.erases()
    shutil.rmtree(story.keys.folder)

    async def goes_on() -> None:
        await close_office(await open_office(story.world.plan()))

    run(goes_on)
    assert len(story.keys.erased().kids) == 2
