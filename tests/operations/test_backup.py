"""A backup is one instant of a working home, verified; a restored one goes on from there."""

import asyncio
import json
import os
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path

import pytest

from answerable.store.keys import KeyStore
from answerable.store.snapshot import copy_database
from answerable.store.sqlite import open_writer
from answerable.worker.backup import MANIFEST, BackupFailed, write_backup
from answerable.worker.rotation import rotate_home, rotate_signer
from homes import OWNER, SmallHome, cli, until, working

PAYING_AGENT = """
import asyncio, json
from pathlib import Path
from answerable import Agent, Money, Patience, Reply

OUT = Path({out!r})

def note(name, **line):
    with (OUT / name).open("a") as file:
        file.write(json.dumps(line) + "\\n")

def noted(name, key):
    path = OUT / name
    lines = path.read_text().splitlines() if path.exists() else []
    return next((key for line in lines if json.loads(line)["key"] == key), None)

class Mailbox:
    repeat = "reconcilable"
    identifier_kind = "email"
    async def send(self, outgoing):
        note("sent.jsonl", key=outgoing.key, to=outgoing.to, text=outgoing.text)
        return "sent"
    async def find(self, key):
        return noted("sent.jsonl", key)

def rail(home):
    return Mailbox()

support = Agent("support", owner="olga@acme.example", desk="orders", purpose="answer")

async def find_payment(key):
    return noted("paid.jsonl", key)

@support.tool(effect="refund", repeat="reconcilable", find=find_payment,
              patience=Patience(deadline_s=1.0))
async def refund(call, order: str, amount: Money) -> str:
    note("paid.jsonl", key=call.key, order=order)
    await asyncio.sleep(0.02)
    return call.key

@support.tool(effect="voucher", repeat="idempotent")
async def voucher(call, order: str, amount: Money) -> str:
    if noted("vouchers.jsonl", call.key) is None:  # the other side honours the key
        note("vouchers.jsonl", key=call.key, order=order)
    await asyncio.sleep(0.02)
    return call.key

@support.on_message
async def answer(ctx, message):
    kind, order = message.text.split()
    asked = ctx.propose(voucher if kind == "voucher" else refund, order=order,
                        amount=Money(1_000, "USD"))
    return Reply(f"Done: {order}.", after=asked, otherwise=f"Not done: {order}.")
"""
ALLOW = '@id("all") permit (principal, action, resource);'


@pytest.fixture
def home(tmp_path: Path) -> SmallHome:
    return SmallHome(tmp_path / "home").found()


def backup(home: SmallHome, to: Path, *more: str) -> dict[str, object]:
    said = home.cli("backup", str(to), "--json", *more).check().out
    return dict(json.loads(said))


def restored(backup: Path, to: Path, *more: str) -> SmallHome:
    cli("restore", str(backup), "--home", str(to), *more).check()
    made = SmallHome.__new__(SmallHome)
    made.path, made.settings = to, to / "answerable.toml"
    return made


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_home_at_rest_is_copied_verified_and_private(home: SmallHome, tmp_path: Path) -> None:
    view = backup(home, tmp_path / "b")
    assert view["bodies"] == 2  # the cards of two persons
    files = list((tmp_path / "b").rglob("*"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in files if path.is_file())
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0
    names = {path.name for path in files}
    assert {"answerable.db", "keys.sealed", "home.key", "signer.key", "small_agent.py"} <= names
    assert names.isdisjoint(
        {"lock", "worker.sock", "heartbeat", "views.db", "keys.db", "backup-keys"}
    )
    assert not [name for name in names if name.endswith(("-wal", "-shm"))]
    copy = restored(tmp_path / "b", tmp_path / "again")
    assert "Olga Owner" in copy.cli("person", "list").check().out
    assert "Verified" in copy.cli("ledger", "verify").check().out


def test_a_backup_of_a_working_home_goes_on_after_it_was_killed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    home = SmallHome(tmp_path / "home")
    home.agent.write_text(PAYING_AGENT.replace("{out!r}", repr(str(outside))))
    home.policy.write_text(ALLOW)
    home.says('agent = "support"', 'agent = "support"\ndeadline_s = 1.0')
    home.founding()
    ended = threading.Event()
    sent: list[str] = []

    def flow() -> None:
        number = 0
        while not ended.is_set():
            kind = ("refund", "voucher")[number % 2]
            home.say(f"{kind} O{number}", external_id=f"m{number}", sender=f"k{number}@example.org")
            sent.append(f"O{number}")
            number += 1

    with working(home) as worker:
        flowing = threading.Thread(target=flow)
        flowing.start()
        until(lambda: len(sent) > 60)
        known = len(sent)
        view = backup(home, tmp_path / "b")
        until(lambda: len(sent) > known + 40)
        ended.set()
        flowing.join()
        worker.process.kill()
        worker.kill()
        worker.ends()
    shutil.move(home.path, tmp_path / "lost")
    keys = str(tmp_path / "lost" / "backup-keys")
    copy = restored(tmp_path / "b", home.path, "--backup-keys", keys)
    assert int(str(view["entries"])) > known
    with working(copy):
        until(lambda: copy.settled().open == 0, 60)  # "not found" is believed after a deadline
        assert home.say("refund later", external_id="later").is_new
        assert not home.say("again 0", external_id="m0", sender="k0@example.org").is_new
        copy.settled()
        assert "Verified" in copy.cli("ledger", "verify").check().out
        assert json.loads(copy.cli("effect", "unknown", "--json").check().out) == []
    done = Counter(line["order"] for name in ("paid.jsonl", "vouchers.jsonl")
                   for line in lines(outside / name))  # fmt: skip
    assert set(sent[:known]) <= done.keys(), "what was accepted before is done"
    assert set(done.values()) == {1}
    assert set(Counter(line["text"] for line in lines(outside / "sent.jsonl")).values()) == {1}


def test_nothing_is_written_over_and_nothing_is_left_of_a_failed_one(
    home: SmallHome, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis").write_text("years")
    home.cli("backup", str(tmp_path / "full")).fails(2, "not an empty folder")
    home.cli("backup", str(home.path / "b")).fails(2, "lies in the home")
    assert not (home.path / "b").exists()
    cli("backup", str(tmp_path / "b"), "--home", str(tmp_path / "no")).fails(3, "not_a_home")
    with closing(sqlite3.connect(home.path / "answerable.db")) as database:
        database.execute("UPDATE record SET data = x'7b7d' WHERE position = 1")
        database.commit()
    home.cli("backup", str(tmp_path / "b")).fails(1, "Next: ")
    assert not (tmp_path / "b").exists()
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis"]


def test_a_backup_whose_keys_do_not_open_its_bodies_is_none(
    home: SmallHome, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(home.path / "keys.db")) as database:
        database.execute("UPDATE key SET wrapped = randomblob(40) WHERE id = 1")
        database.commit()
    home.cli("backup", str(tmp_path / "b")).fails(1, "key_unreadable", "home's key does not open")
    assert not (tmp_path / "b").exists()


def test_without_secrets_it_is_restored_with_them_only(home: SmallHome, tmp_path: Path) -> None:
    backup(home, tmp_path / "b", "--without-secrets")
    assert not list((tmp_path / "b").rglob("*.key"))
    to = str(tmp_path / "again")
    cli("restore", str(tmp_path / "b"), "--home", to).fails(2, "made without home.key")
    (tmp_path / "wrong").mkdir()
    for name in ("home.key", "signer.key"):
        shutil.copy(home.path / name, tmp_path / "wrong" / name)
    (tmp_path / "wrong" / "home.key").write_bytes(b"w" * 32)
    cli("restore", str(tmp_path / "b"), "--home", to, "--secrets", str(tmp_path / "wrong")).fails(
        1, "home's key does not open"
    )
    assert not (tmp_path / "again").exists()
    copy = restored(tmp_path / "b", tmp_path / "again", "--secrets", str(home.path))
    assert "Olga Owner" in copy.cli("person", "list").check().out


@pytest.mark.parametrize(
    "harm", ["cut", "changed", "gone", "added", "a link", "a pipe", "no manifest", "not json"]
)
def test_a_damaged_backup_is_not_restored(home: SmallHome, tmp_path: Path, harm: str) -> None:
    backup(home, tmp_path / "b")
    database = tmp_path / "b" / "home" / "answerable.db"
    data = database.read_bytes()
    match harm:
        case "cut":
            database.write_bytes(data[:-4096])
        case "changed":
            database.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        case "gone":
            database.unlink()
        case "added":
            (tmp_path / "b" / "home" / "sitecustomize.py").write_text("evil")
        case "a link":
            (tmp_path / "b" / "home" / "agents").symlink_to(tmp_path, target_is_directory=True)
        case "a pipe":
            os.mkfifo(tmp_path / "b" / "home" / "heartbeat")
        case "no manifest":
            (tmp_path / "b" / MANIFEST).unlink()
        case "not json":
            (tmp_path / "b" / MANIFEST).write_text("{")
    said = cli("restore", str(tmp_path / "b"), "--home", str(tmp_path / "again"))
    said.fails(3 if harm == "no manifest" else 1, "Nothing was restored.")
    assert not (tmp_path / "again").exists()
    assert not list(tmp_path.glob(".again*"))


def test_a_home_that_is_there_is_never_restored_over(home: SmallHome, tmp_path: Path) -> None:
    backup(home, tmp_path / "b")
    before = sorted(path.name for path in home.path.iterdir())
    cli("restore", str(tmp_path / "b"), "--home", str(home.path)).fails(2, "is there already")
    assert sorted(path.name for path in home.path.iterdir()) == before


def test_a_log_that_strangers_saw_further_is_not_forked_unasked(
    home: SmallHome, tmp_path: Path
) -> None:
    early = tmp_path / "early"
    early.write_text(home.cli("ledger", "checkpoint").check().out)
    backup(home, tmp_path / "b")
    home.cli("person", "add", "new@acme.example", "--name", "New").check()
    latest = tmp_path / "latest"
    latest.write_text(home.cli("ledger", "checkpoint").check().out)
    to, with_latest = str(tmp_path / "again"), ("--latest-checkpoint", str(latest))
    refused = cli("restore", str(tmp_path / "b"), "--home", to, *with_latest)
    refused.fails(4, "log_forked", "a second history")
    assert not (tmp_path / "again").exists()
    (tmp_path / "forged").write_text(latest.read_text().replace("\n4\n", "\n3\n"))
    cli(
        "restore",
        str(tmp_path / "b"),
        "--home",
        to,
        "--latest-checkpoint",
        str(tmp_path / "forged"),
    ).fails(1, "note_wrong")
    said = cli("restore", str(tmp_path / "b"), "--home", to, *with_latest, "--accept-fork").check()
    assert "1 entries that were signed are gone" in said.err
    shutil.rmtree(tmp_path / "again")
    said = cli(
        "restore", str(tmp_path / "b"), "--home", to, "--latest-checkpoint", str(early)
    ).check()
    assert "two histories" not in said.err


def test_what_was_erased_before_stays_erased_and_is_counted(
    home: SmallHome, tmp_path: Path
) -> None:
    keys = KeyStore.open(home.path / "keys.db", (home.path / "home.key").read_bytes())
    with closing(sqlite3.connect(home.path / "keys.db")) as database:
        (kid,) = database.execute("SELECT kid FROM key WHERE id = 2").fetchone()
    keys.destroy([kid])
    keys.close()
    view = backup(home, tmp_path / "b")
    assert (view["bodies"], view["erased"]) == (1, 1)


def test_settings_beside_the_home_come_along_and_do_not_overwrite(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "project" / ".answerable")
    project = tmp_path / "project"
    for name in ("answerable.toml", "policies", "small_agent.py"):
        shutil.move(home.path / name, project / name)
    home.founding()
    backup(home, tmp_path / "b")
    (tmp_path / "new" / "policies").mkdir(parents=True)
    (tmp_path / "new" / "policies" / "small.cedar").write_text("// theirs")
    said = cli(
        "restore", str(tmp_path / "b"), "--home", str(tmp_path / "new" / ".answerable")
    ).check()
    new = tmp_path / "new"
    assert said.err.startswith(
        f"Into '{new}', beside the home, go answerable.toml.\n"
        f"In '{new}' others lie, and stay: policies/small.cedar.\n"
    ), "said before it is done"
    assert "The code is not in it: put small_agent.py beside the settings." in said.err
    assert (tmp_path / "new" / "policies" / "small.cedar").read_text() == "// theirs"
    same = (tmp_path / "new" / "answerable.toml").read_text()
    assert same == (project / "answerable.toml").read_text()


def test_a_copy_is_one_instant_and_nobody_waits_for_it(tmp_path: Path) -> None:
    source = tmp_path / "source.db"
    schema = "CREATE TABLE a (n INTEGER PRIMARY KEY, x BLOB); CREATE TABLE b (n INTEGER)"
    with closing(open_writer(source, [(1, schema)])) as database:
        database.execute("BEGIN")
        database.executemany(
            "INSERT INTO a VALUES (?, randomblob(4000))", ((n,) for n in range(5_000))
        )
        database.executemany("INSERT INTO b VALUES (?)", ((n,) for n in range(5_000)))
        database.execute("COMMIT")
        copying = threading.Thread(target=copy_database, args=(source, tmp_path / "copy.db"))
        copying.start()
        slowest, number = 0.0, 5_000
        while copying.is_alive():
            began = time.monotonic()
            database.execute("BEGIN")
            database.execute("INSERT INTO a VALUES (?, 'x')", (number,))
            database.execute("INSERT INTO b VALUES (?)", (number,))
            database.execute("COMMIT")
            slowest = max(slowest, time.monotonic() - began)
            number += 1
        copying.join()
    assert number > 5_001
    assert slowest < 2
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        [(a,)] = copy.execute("SELECT count(*) FROM a")
        [(b,)] = copy.execute("SELECT count(*) FROM b")
    assert a == b <= number


def test_the_worker_asks_for_a_whole_path(home: SmallHome) -> None:
    from answerable.worker.client import RemoteError  # noqa: PLC0415
    from answerable.worker.verbs import BackupWrite  # noqa: PLC0415
    from answerable.worker.verbs.proofs import BackupView  # noqa: PLC0415

    with working(home), pytest.raises(RemoteError, match="not a whole path"):
        home.ask(BackupWrite("somewhere"), BackupView)


@pytest.mark.parametrize("rotate", [rotate_home, rotate_signer])
def test_a_key_that_is_replaced_meanwhile_makes_it_no_backup(
    home: SmallHome,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rotate: Callable[[Path, str], Coroutine[object, object, object]],
) -> None:
    def copy_then_rotate(path: Path, to: Path) -> None:
        copy_database(path, to)
        if path.name == "answerable.db":
            asyncio.run(rotate(home.path, OWNER))

    monkeypatch.setattr("answerable.worker.backup.copy_database", copy_then_rotate)
    with pytest.raises(BackupFailed, match="being replaced"):
        write_backup(home.path, tmp_path / "b")
    assert not (tmp_path / "b").exists()
    monkeypatch.undo()
    for name in ("home.key.next", "signer.key.next"):
        (home.path / name).write_bytes(b"n" * 32)
        with pytest.raises(BackupFailed, match="being replaced"):
            write_backup(home.path, tmp_path / "b")
        (home.path / name).unlink()
    write_backup(home.path, tmp_path / "b")
    copy = restored(tmp_path / "b", tmp_path / "again")
    assert "Olga Owner" in copy.cli("person", "list").check().out
