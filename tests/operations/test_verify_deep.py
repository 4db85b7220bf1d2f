"""`ledger verify --deep`: what is not as it was written is named, its place, and what to do."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from answerable.store import wal
from answerable.store.sqlite import CorruptPage, open_writer
from answerable.store.wal import examine_log
from answerable.testing.lived import live_in
from answerable.worker.again import make_again
from answerable.worker.deep import DeepVerified, verify_deep
from homes import SmallHome, cli, working

PAGE = 4096
FRAME = PAGE + 24


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which something of everything has happened, left cleanly."""
    return asyncio.run(live_in(tmp_path_factory.mktemp("lived") / "home")).left


@pytest.fixture
def home(lived: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lived, tmp_path / "home"))


def problems(found: DeepVerified) -> list[tuple[str, str]]:
    return [(each.what, each.where) for each in found.problems]


def in_database(home: Path, sql: str, name: str = "answerable.db") -> None:
    with closing(sqlite3.connect(home / name)) as database:
        database.executescript(sql)


def test_a_home_as_it_was_left_is_verified_and_not_changed(home: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    found = verify_deep(home)
    assert found.verified, found.sentence
    assert min(found.entries, found.published, found.bodies, found.arrivals) > 10
    assert found.state_rows > 30
    assert found.view_rows > 30
    after = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert after == before


DAMAGES: tuple[tuple[str, Callable[[Path], object], str, str], ...] = (
    (
        "a row of state says something else",
        lambda home: in_database(home, "UPDATE effect SET status = 'ready' WHERE status = 'done'"),
        "state",
        "table effect, id 'eff_",
    ),
    (
        "a row of state is gone",
        lambda home: in_database(home, "DELETE FROM person"),
        "state",
        "table person, id 'per_",
    ),
    (
        "a row of state is too much",
        lambda home: in_database(home, "INSERT INTO party VALUES ('zzz', 'k')"),
        "state",
        "table party, id 'zzz'",
    ),
    (
        "a row of a view counts otherwise",
        lambda home: in_database(home, "UPDATE hour SET entries = entries + 1", "views.db"),
        "views",
        "table hour, hour ",
    ),
    (
        "a message that nothing became of is said to be finished",
        lambda home: in_database(
            home,
            "UPDATE record SET arrival = NULL WHERE kind = 'received' AND position ="
            " (SELECT min(position) FROM record WHERE kind = 'received')",
        ),
        "arrivals",
        "table arrival, id '",
    ),
    (
        "a timer rings at another time",
        lambda home: in_database(
            home, "UPDATE arrival SET not_before_us = not_before_us + 1 WHERE kind = 'timer'"
        ),
        "arrivals",
        "table arrival, id '",
    ),
    (
        "the fence is another one",
        lambda home: in_database(home, "UPDATE fence SET epoch = epoch + 1"),
        "arrivals",
        "table fence",
    ),
    (
        "a key is damaged",
        lambda home: in_database(home, "UPDATE key SET wrapped = randomblob(40)", "keys.db"),
        "keys",
        "keys.db, table key, kid '",
    ),
    (
        "an address names a key that is not there",
        lambda home: in_database(home, "UPDATE address SET kid = 'x'", "keys.db"),
        "keys",
        "keys.db, table address, hash '",
    ),
    (
        "what a step remembers is damaged",
        lambda home: in_database(
            home, "UPDATE record SET body = zeroblob(length(body)) WHERE kind = 'step'"
        ),
        "bodies",
        "record ",
    ),
    (
        "a record is not as it was signed",
        lambda home: in_database(
            home,
            "UPDATE record SET data = CAST(replace(CAST(data AS TEXT), 'ts\":', 'tz\":') AS BLOB)"
            " WHERE position = 9",
        ),
        "ledger",
        "entry ",
    ),
    (
        "a body is text now",
        lambda home: in_database(home, "UPDATE record SET body = 'x' WHERE position = 20"),
        "database",
        "answerable.db, table record, position 20",
    ),
    (
        "a text is none",
        lambda home: in_database(home, "UPDATE arrival SET inbox = CAST(x'ff' AS TEXT)"),
        "database",
        "answerable.db, table arrival, position ",
    ),
    (
        "an index is not that of its table",
        lambda home: in_database(
            home,
            "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(sql,"
            " '(agent)', '(party)') WHERE name = 'case_of_agent';",
        ),
        "database",
        "answerable.db",
    ),
    (
        "an index of a view does not lead to a row",
        lambda home: in_database(
            home,
            "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM"
            " sqlite_master WHERE name = 'entry_by_id') WHERE name = 'entry_by_kind';",
            "views.db",
        ),
        "views",
        "views.db",
    ),
    (
        "tiles are gone",
        lambda home: shutil.rmtree(home / "ledger" / "tile" / "0" / "000.p"),
        "files",
        "entry ",
    ),
    (
        "the published checkpoint is gone",
        lambda home: (home / "ledger" / "checkpoint").unlink(),
        "files",
        "ledger/checkpoint",
    ),
    (
        "a tile is another one",
        lambda home: min((home / "ledger" / "tile" / "0").rglob("*.p/*")).write_bytes(b"x" * 32),
        "files",
        "ledger/tile/0/",
    ),
    (
        "a file that the ledger has not lies with the tiles",
        lambda home: (home / "ledger" / "tile" / "0" / "777").write_bytes(b"x" * 32),
        "files",
        "ledger/tile/0/777",
    ),
    (
        "the published key has another line end",
        lambda home: (home / "ledger.vkey").write_bytes(
            (home / "ledger.vkey").read_bytes()[:-1] + b" "
        ),
        "keys",
        "ledger.vkey",
    ),
)


@pytest.mark.parametrize(
    ("damage", "what", "where"), [each[1:] for each in DAMAGES], ids=[each[0] for each in DAMAGES]
)
def test_what_is_not_as_it_was_written_is_named(
    home: Path, damage: Callable[[Path], object], what: str, where: str
) -> None:
    damage(home)
    found = verify_deep(home)
    assert not found.verified
    named = [each for each in problems(found) if each[0] == what and each[1].startswith(where)]
    assert named, problems(found)
    assert all(each.next for each in found.problems)


@pytest.mark.parametrize("what", ["state", "views", "files", "files signed by nobody"])
def test_what_is_made_from_the_ledger_is_made_again(home: Path, what: str) -> None:
    if what == "state":
        in_database(home, "DELETE FROM person")
    elif what == "views":
        in_database(home, "DELETE FROM entry", "views.db")
    elif what == "files":
        for path in (home / "ledger" / "tile").rglob("*.p/*"):
            path.write_bytes(b"x")
    else:
        path = home / "ledger" / "checkpoint"
        lines = path.read_text().split("\n")
        lines[2] = ("B" if lines[2][0] == "A" else "A") + lines[2][1:]
        path.write_text("\n".join(lines))
    assert not verify_deep(home).verified
    make_again(home)
    found = verify_deep(home)
    assert found.verified, found.sentence


# The write-ahead log


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A home as a SIGKILL leaves it: much of it is in SQLite's log only."""
    return asyncio.run(live_in(tmp_path / "home")).killed


def test_a_killed_home_is_verified_and_its_log_stays_whole(killed: Path) -> None:
    assert (killed / "answerable.db-wal").stat().st_size > 10 * FRAME
    found = verify_deep(killed)
    assert found.verified, found.sentence


def test_what_is_committed_while_a_log_is_read_is_no_damage(
    killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = (killed / "answerable.db-wal").stat().st_size // FRAME
    monkeypatch.setattr(wal, "_last_commit", lambda _: frames + 1)
    assert examine_log(killed / "answerable.db") is None


def test_a_damaged_log_is_never_opened_because_that_would_drop_what_stands_behind(
    killed: Path,
) -> None:
    """SQLite takes the first frame that does not check for the end: acknowledged commits would be
    gone without a word."""
    log = killed / "answerable.db-wal"
    data = bytearray(log.read_bytes())
    data[32 + 6 * FRAME + 100] ^= 1
    log.write_bytes(data)
    with pytest.raises(CorruptPage, match=r"damaged at byte.*acknowledged.*truncate -s"):
        open_writer(killed / "answerable.db", [])
    assert cli("person", "list", "--home", str(killed)).code == 1
    found = verify_deep(killed)
    assert problems(found)[0][1] == f"answerable.db-wal at byte {32 + 6 * FRAME}"
    assert log.read_bytes() == data


def test_a_commit_that_a_power_cut_has_torn_is_no_damage(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    database = open_writer(file, [(1, "CREATE TABLE t (x);")])
    for _ in range(5):
        database.execute("INSERT INTO t VALUES (randomblob(3000))")
    copy = tmp_path / "copy"
    copy.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{file}{suffix}", copy)
    log = copy / "a.db-wal"
    data = bytearray(log.read_bytes())
    data[-1] ^= 1
    log.write_bytes(data)
    damage = examine_log(copy / "a.db")
    assert damage is not None
    assert not damage.is_certain
    with closing(open_writer(copy / "a.db", [(1, "")])) as opened:
        assert opened.execute("SELECT count(*) FROM t").fetchone() == (4,)
    database.close()


# The command


def test_the_command_names_each_problem_and_its_next_command(home: Path) -> None:
    said = json.loads(cli("ledger", "verify", "--deep", "--json", "--home", str(home)).check().out)
    assert said["verified"] is True
    in_database(home, "DELETE FROM person")
    failed = cli("ledger", "verify", "--deep", "--home", str(home))
    assert failed.code == 1
    assert failed.out.startswith("NOT VERIFIED: state, table person, id 'per_")
    assert "Next: stop the worker, then `answerable ledger rebuild`" in failed.out
    cli("ledger", "rebuild", "--home", str(home)).check()
    cli("ledger", "verify", "--deep", "--home", str(home)).check()


ENDLESS = """
    ALTER TABLE record RENAME TO record_of_others;
    CREATE VIEW record AS WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
    SELECT n AS position, 'k' || n AS key, 'decided' AS kind, x'' AS data, x'' AS body,
    '' AS arrival FROM c;
"""


@pytest.mark.parametrize("command", [("ledger", "verify"), ("ledger", "verify", "--deep")])
@pytest.mark.parametrize(
    "code",
    [ENDLESS, "CREATE TRIGGER more AFTER INSERT ON record BEGIN DELETE FROM record; END"],
    ids=["a view", "a trigger"],
)
def test_code_in_a_home_is_not_run(home: Path, command: tuple[str, ...], code: str) -> None:
    in_database(home, code)
    said = cli(*command, "--home", str(home))
    assert said.code == 1
    assert "and that is not of this program" in said.out + said.err
    assert "Traceback" not in said.err
    with pytest.raises(CorruptPage, match="Nothing was read or written"):
        open_writer(home / "answerable.db", ())


def test_what_a_stranger_wrote_into_a_home_cannot_move_the_terminal(home: Path) -> None:
    in_database(home, "UPDATE record SET kind = char(27) || '[31m' WHERE position = 9")
    said = cli("ledger", "verify", "--deep", "--home", str(home))
    assert said.code == 1
    assert "there is no kind '\u241b[31m'" in said.out
    said = cli("ledger", "verify", "--home", str(home / "\x1b[31m"))
    assert "\u241b[31m" in said.err


def test_it_looks_beside_a_worker_at_work(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    with working(home):
        for number in range(5):
            home.say(f"number {number}", external_id=f"m{number}")
            found = verify_deep(home.path)
            assert found.verified, found.sentence
        home.settled()


def test_a_database_that_does_not_even_open_is_a_problem_and_not_the_end(home: Path) -> None:
    file = home / "answerable.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spoilt = file.read_bytes().replace(b"tablefencefence", b"tablef\xa1ncefence")
    spoilt = spoilt.replace(b"CREATE TABLE fence", b"CREATE \xa1ABLE fence")
    assert spoilt != file.read_bytes()
    file.write_bytes(spoilt)
    found = verify_deep(home)
    assert not found.verified
    assert "answerable.db" in {where for _, where in problems(found)}
