"""A home whose key is in a process of its own: it works, outlives it, and is refused a fork."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from answerable.adapters.signers.handing import SIGNER_KEY, SIGNER_KEY_NEXT
from answerable.adapters.signers.process import FOLDER
from answerable.adapters.signers.strict import found
from answerable.base.chance import SeededChance
from answerable.worker.rotation import rotate_signer
from answerable.worker.verification import verify_home
from deaths import Dead, dying_at
from homes import OWNER, SmallHome, end, environment, process, until, working

IN_PROCESS = '[ledger]\nsigner = "process"'


@pytest.fixture
def home(tmp_path: Path) -> SmallHome:
    """It has signed with a file until now."""
    made = SmallHome(tmp_path / "home").found()
    made.cli("person", "list").check()
    made.says("[ledger]", IN_PROCESS)
    return made


def vkey_of(home: SmallHome) -> str:
    return (home.path / "ledger.vkey").read_text().strip()


def signer_of(home: SmallHome) -> int:
    """The pid of the process that signs for a home whose worker runs."""
    found = subprocess.run(
        ["pgrep", "-f", f"adapters.signers.serve {home.path / FOLDER}"],
        capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    return int(found[0]) if found else 0


def add(home: SmallHome, name: str) -> None:
    home.cli("person", "add", f"{name}@acme.example", "--name", name).check()


def test_a_key_moves_out_of_the_home_and_the_log_goes_on_under_it(home: SmallHome) -> None:
    key = vkey_of(home)
    secret = (home.path / SIGNER_KEY).read_bytes()
    add(home, "n")
    assert not (home.path / SIGNER_KEY).exists()
    assert (home.path / FOLDER / SIGNER_KEY).read_bytes() == secret
    assert (home.path / FOLDER).stat().st_mode & 0o77 == 0
    assert vkey_of(home) == key
    assert not signer_of(home), "it ends with who started it"
    assert verify_home(home.path).verified


def test_a_new_home_makes_its_key_there(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "new")
    home.says("[ledger]", IN_PROCESS)
    add(home, "n")
    assert not (home.path / SIGNER_KEY).exists()
    assert (home.path / FOLDER / SIGNER_KEY).exists()
    assert verify_home(home.path).verified


def test_without_the_setting_the_home_says_where_its_key_is(home: SmallHome) -> None:
    add(home, "n")
    home.says(IN_PROCESS, "[ledger]")
    home.cli("person", "add", "o@acme.example", "--name", "O").fails(1, 'signer = "process"')
    (home.path / FOLDER / SIGNER_KEY).rename(home.path / SIGNER_KEY)
    add(home, "p")
    assert verify_home(home.path).verified


def test_a_worker_works_with_it_and_outlives_it_and_it_the_worker(home: SmallHome) -> None:
    with working(home):
        home.say("hello", external_id="m1")
        home.settled()
        for number in range(3):
            os.kill(signer_of(home), signal.SIGKILL)
            home.say("hello", external_id=f"k{number}")
            home.settled()
        receipt = home.path / "receipt.cbor"
        home.cli("ledger", "receipt", "0", "-o", str(receipt)).check()
        home.cli("ledger", "export", "-o", str(home.path.with_name("all.zip"))).check()
        assert "ok       signer\n" in home.cli("doctor").out
    with working(home) as worker:
        worker.kill()
        home.say("hello", external_id="m2")
        home.settled()
    until(lambda: not signer_of(home))
    assert len(home.sent) == 5
    verified = verify_home(home.path)
    assert verified.verified
    home.cli("ledger", "verify", "--deep").check()
    home.cli("ledger", "verify", "--bundle", str(home.path.with_name("all.zip"))).check()


def test_an_older_home_is_refused_before_anything_is_written(home: SmallHome) -> None:
    add(home, "a")
    older = home.path.with_name("older")
    shutil.copytree(home.path, older)
    add(home, "b")
    newest = home.path.with_name("newest")
    home.path.rename(newest)
    older.rename(home.path)
    shutil.rmtree(home.path / FOLDER)
    shutil.copytree(newest / FOLDER, home.path / FOLDER)
    before = (home.path / "answerable.db").read_bytes()
    said = home.cli("person", "add", "c@acme.example", "--name", "C")
    said.fails(1, "signer_refused", "an older copy", "Nothing was written or signed", "go-back")
    assert len((home.path / "answerable.db").read_bytes()) == len(before)
    checkpoint = home.path / "ledger" / "checkpoint"
    folder = str(home.path / FOLDER)
    process("signer", "go-back", str(checkpoint), "--state", folder).fails(2, "two histories")
    process("signer", "go-back", str(checkpoint), "--state", folder, "--yes").check()
    add(home, "c")
    assert verify_home(home.path).verified
    assert "from" in (home.path / FOLDER / "went-back").read_text()


def test_a_worker_that_is_refused_ends_and_says_why(home: SmallHome) -> None:
    add(home, "a")
    older = home.path.with_name("older")
    shutil.copytree(home.path, older)
    add(home, "b")
    shutil.copy(home.path / FOLDER / "signed", older / FOLDER / "signed")
    shutil.rmtree(home.path)
    older.rename(home.path)
    said = process("worker", "--home", str(home.path))
    assert said.code == 1
    assert "signer_refused" in said.err
    assert said.err.count("signer_refused") == 1, "it is not started again and again"


def test_the_key_is_handed_over_and_both_sign_that(home: SmallHome) -> None:
    keys = [vkey_of(home)]
    for number in range(2):
        said = home.cli("key", "rotate-signer", "--by", OWNER, "--yes").check()
        keys.append(said.out.strip())
        assert vkey_of(home) == keys[-1]
        add(home, f"n{number}")
    assert len(set(keys)) == 3
    for key in keys:
        assert verify_home(home.path, [], key).verified
    assert "ok       signer\n" in home.cli("doctor").out


@pytest.mark.parametrize(
    "point",
    [
        "rotation.after_next_signer", "committer.before_sign", "committer.after_sign",
        "rotation.after_handing_over",
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_in_file_after", [False, True])
def test_a_death_while_it_is_handed_over_leaves_the_key_that_the_ledger_names(
    home: SmallHome, point: str, *, is_in_file_after: bool
) -> None:
    add(home, "first")
    old = vkey_of(home)

    with dying_at(point), pytest.raises(Dead):
        asyncio.run(rotate_signer(home.path, OWNER))
    if is_in_file_after:  # whoever changes the setting back in this very moment
        home.says(IN_PROCESS, "[ledger]")
        for name in (SIGNER_KEY, SIGNER_KEY_NEXT):
            if (home.path / FOLDER / name).exists():
                (home.path / FOLDER / name).rename(home.path / name)
    add(home, "after")
    add(home, "later")
    assert (vkey_of(home) == old) == (point == "rotation.after_next_signer")
    assert verify_home(home.path).verified
    assert verify_home(home.path, [], old).verified
    home.cli("key", "rotate-signer", "--by", OWNER, "--yes").check()
    assert verify_home(home.path, [], old).verified


def test_a_backup_leaves_the_signers_folder_out_and_is_restored(
    home: SmallHome, tmp_path: Path
) -> None:
    add(home, "a")
    home.cli("backup", str(tmp_path / "b")).check()
    assert not list((tmp_path / "b").rglob("signer*"))
    shutil.move(home.path / FOLDER, tmp_path / "kept")
    shutil.move(home.path, tmp_path / "lost")
    keys = str(tmp_path / "lost" / "backup-keys")
    home.cli("restore", str(tmp_path / "b"), "--backup-keys", keys).check()
    home.cli("person", "add", "b@acme.example", "--name", "B").fails(1, "secret_lost", SIGNER_KEY)
    shutil.copytree(tmp_path / "kept", home.path / FOLDER)
    add(home, "b")
    assert verify_home(home.path).verified


def test_what_nobody_of_this_home_wrote_is_not_signed(home: SmallHome) -> None:
    """Who can write the file, and has not the home's key, gets nothing signed by writing it."""
    import sqlite3  # noqa: PLC0415

    add(home, "a")
    database = sqlite3.connect(home.path / "answerable.db")
    (last,) = database.execute(
        "SELECT position FROM record WHERE kind = 'person.added' ORDER BY position DESC"
    ).fetchone()
    columns = [row[1] for row in database.execute("PRAGMA table_info(record)")]
    row = dict(
        zip(
            columns,
            database.execute("SELECT * FROM record WHERE position = ?", (last,)).fetchone(),
            strict=True,
        )
    )
    (end_,) = database.execute("SELECT max(position) FROM record").fetchone()
    row |= {"position": end_ + 1, "key": "per_forged"}
    marks = ", ".join("?" * len(columns))
    database.execute(f"INSERT INTO record VALUES ({marks})", [row[each] for each in columns])
    database.commit()
    database.close()
    said = home.cli("person", "add", "b@acme.example", "--name", "B")
    said.fails(1, "were not written by this home", "They were not signed")


# A signer of another user, which somebody else starts


@contextmanager
def serving(folder: Path, path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "answerable.cli", "signer", "serve", "--state", str(folder)]
    started = subprocess.Popen(
        [*command, "--socket", str(path)], env=environment(), stdin=subprocess.DEVNULL
    )
    try:
        until(path.exists)
        yield started
    finally:
        end(started, within_s=10)
        path.unlink(missing_ok=True)


@pytest.fixture
def apart(home: SmallHome, tmp_path: Path) -> tuple[Path, Path]:
    """The signer's folder, with the home's key in it, and its socket."""
    folder, path = tmp_path / "apart", tmp_path / "s.sock"
    process("signer", "init", "--from", str(home.path), "--state", str(folder)).check()
    home.says(IN_PROCESS, f'{IN_PROCESS}\nsigner_socket = "{path}"')
    return folder, path


def test_a_home_signs_with_a_process_that_is_not_its_own(
    home: SmallHome, apart: tuple[Path, Path]
) -> None:
    with serving(*apart):
        with working(home):
            home.say("hello", external_id="m1")
            home.settled()
        add(home, "n")
        assert "ok       signer\n" in home.cli("doctor").out
    shown = json.loads(process("signer", "show", "--state", str(apart[0]), "--json").check().out)
    verified = verify_home(home.path)
    assert verified.verified
    assert (shown["size"], shown["root"]) == (verified.entries, verified.root)


def test_while_it_is_away_commands_say_so(home: SmallHome, apart: tuple[Path, Path]) -> None:
    said = home.cli("person", "add", "n@acme.example", "--name", "N")
    said.fails(1, "signer_away", "Nothing of this was written", "systemctl status")
    assert "does not answer" in home.cli("doctor").out


def test_while_it_is_away_a_worker_waits_and_takes_nothing_new(
    home: SmallHome, apart: tuple[Path, Path]
) -> None:
    with serving(*apart), working(home):
        home.say("hello", external_id="m1")
        home.settled()
        holder = home.holder
        os.kill(int(_pid(apart[0])), signal.SIGKILL)
        home.say("hello", external_id="m2")  # taken in before anybody knew

        def is_refused() -> bool:
            said = home.cli("person", "add", "n@acme.example", "--name", "N")
            return said.code != 0 and "signer_away" in said.err

        until(is_refused)
        with pytest.raises(Exception, match="does not answer"):
            home.say("hello", external_id="m3")
        assert home.holder == holder
        assert len(home.sent) == 1
        apart[1].unlink()
        with serving(*apart):
            home.settled()
            assert len(home.sent) == 2, "what was taken in was done when it could be"
            until(lambda: home.cli("person", "add", "n@acme.example", "--name", "N").code == 0)
            home.say("hello", external_id="m3")
            home.settled()
        assert home.holder == holder, "it never died"
    assert len(home.sent) == 3
    assert verify_home(home.path).verified


def _pid(folder: Path) -> str:
    said = subprocess.run(
        ["pgrep", "-f", f"signer serve --state {folder}"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return said.stdout.split()[0]


def test_a_signer_with_another_key_is_not_believed(
    home: SmallHome, apart: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    found(other, "acme.example/small", SeededChance(3))
    with serving(other, apart[1]):
        said = home.cli("person", "add", "n@acme.example", "--name", "N")
        said.fails(1, "signer_refused", "has not signed the newest checkpoint")
        assert "this home is verified with another one" in home.cli("doctor").out
    found(tmp_path / "elsewhere", "other.example", SeededChance(3))
    with serving(tmp_path / "elsewhere", apart[1]):
        said = home.cli("person", "add", "n@acme.example", "--name", "N")
        said.fails(1, "signer_refused", "signs for 'other.example'")
