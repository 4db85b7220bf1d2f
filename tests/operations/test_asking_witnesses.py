"""A home has its head cosigned by others; who is down, slow or refusing keeps nobody waiting."""

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from answerable.ledger.cosignature import cosignatures
from answerable.ledger.note import VerifierKey
from answerable.witness.state import LogFiles
from answerable.worker.witnessing import read_memory
from homes import SmallHome, working
from witnesses import keys_of, made, policy_of, served

Wait = Callable[[], bool]


@pytest.fixture
def home(tmp_path: Path) -> SmallHome:
    made_home = SmallHome(tmp_path / "home").found()
    made_home.cli("person", "list").check()
    return made_home


def vkey_of(home: SmallHome) -> VerifierKey:
    return VerifierKey.parse((home.path / "ledger.vkey").read_text())


def witness_of(home: SmallHome, name: str, seed: int = 7) -> Path:
    state = made(home.path.parent / name, name=f"{name}.example/w1", seed=seed)
    LogFiles(state, vkey_of(home).name).add_key(vkey_of(home))
    return state


def configure(home: SmallHome, *witnesses: tuple[Path, int], more: str = "") -> None:
    file = home.path / "answerable.toml"
    text = file.read_text().partition("[[ledger.witnesses]]")[0].replace("witness_", "# witness_")
    text = text.replace("[ledger]", f"[ledger]\nwitness_every_s = 0.2\n{more}", 1)
    for state, port in witnesses:
        vkey = keys_of(state)[0].encode()
        text += f'\n[[ledger.witnesses]]\nurl = "http://127.0.0.1:{port}"\nvkey = "{vkey}"\n'
    file.write_text(text)


def shown(home: SmallHome, *more: str) -> list[dict[str, object]]:
    said = home.cli("ledger", "witnesses", "--json", *more)
    rows: list[dict[str, object]] = json.loads(said.out)
    return rows


def grow(home: SmallHome, number: int) -> None:
    home.cli("person", "add", f"n{number}@acme.example", "--name", "N").check()


def until(is_so: Wait, within_s: float = 30) -> None:
    give_up = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < give_up, "it has not come"
        time.sleep(0.05)


def size_of(home: SmallHome) -> int:
    return int((home.path / "ledger" / "checkpoint").read_text().split("\n")[1])


@contextmanager
def mute() -> Iterator[int]:
    """A server that takes every call and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        kept: list[socket.socket] = []

        def take() -> None:
            try:
                while True:
                    kept.append(listening.accept()[0])
            except OSError:
                return

        threading.Thread(target=take, daemon=True).start()
        yield listening.getsockname()[1]
        for each in kept:
            each.close()


def test_the_head_is_cosigned_kept_and_published(home: SmallHome) -> None:
    a, b = witness_of(home, "acme", 1), witness_of(home, "bank", 2)
    with served(a) as (_, port_a), served(b) as (_, port_b):
        configure(home, (a, port_a), (b, port_b))
        for number in range(3):
            rows = shown(home, "--ask")
            assert [row["size"] for row in rows] == [size_of(home)] * 2
            grow(home, number)
    newest = (home.path / "ledger" / "cosigned" / "checkpoint").read_text()
    assert len(cosignatures(newest, keys_of(a) + keys_of(b))) == 2
    kept = {path.name: path.read_text() for path in (home.path / "cosigned").iterdir()}
    public = {path.name: path.read_text() for path in (home.path / "ledger/cosigned").iterdir()}
    assert public.pop("checkpoint") == newest
    assert kept == public
    assert len(kept) == 3
    policy = home.path.parent / "policy"
    policy.write_text(policy_of({"a": a, "b": b}, "group g all a b\nquorum g\n"))
    assert (
        "A quorum cosigned the first"
        in home.cli("ledger", "verify", "--quorum", str(policy)).check().out
    )


def test_a_witness_that_comes_back_goes_on_where_it_was(home: SmallHome) -> None:
    a, b = witness_of(home, "acme", 1), witness_of(home, "bank", 2)
    with served(a) as (_, port_a):
        configure(home, (a, port_a), (b, 1))
        rows = shown(home, "--ask")
        assert "did not answer" in str(rows[1]["error"])
        assert rows[0]["size"] == size_of(home)
        grow(home, 1)
        with served(b) as (_, port_b):
            configure(home, (a, port_a), (b, port_b))
            assert [row["size"] for row in shown(home, "--ask")] == [size_of(home)] * 2


def test_to_ask_is_to_ask_also_where_nothing_is_new(home: SmallHome) -> None:
    a = witness_of(home, "acme", 1)
    with served(a) as (_, port):
        configure(home, (a, port))
        shown(home, "--ask")
        [first] = read_memory(home.path).values()
        cosigned = (home.path / "ledger" / "cosigned" / "checkpoint").read_text()
        assert not shown(home, "--ask")[0]["error"]
    [again] = read_memory(home.path).values()
    assert (again.size, again.refused) == (first.size, "")
    assert again.asked_at_s >= first.asked_at_s
    assert (home.path / "ledger" / "cosigned" / "checkpoint").read_text() == cosigned
    assert "did not answer" in str(shown(home, "--ask")[0]["error"])
    assert shown(home)[0]["size"] == size_of(home)


def test_an_answer_that_was_lost_is_asked_for_again(home: SmallHome) -> None:
    """The witness has kept the head, and we never heard: it tells where it stands."""
    a = witness_of(home, "acme")
    with served(a) as (_, port):
        configure(home, (a, port))
        shown(home, "--ask")
        grow(home, 1)
        before = (home.path / "witnesses.json").read_text()
        shown(home, "--ask")
        (home.path / "witnesses.json").write_text(before)
        for path in (home.path / "cosigned").glob(str(size_of(home))):
            path.unlink()
        assert shown(home, "--ask")[0]["size"] == size_of(home)
        assert (home.path / "cosigned" / str(size_of(home))).exists()
        grow(home, 2)
        (home.path / "witnesses.json").unlink()
        assert shown(home, "--ask")[0]["size"] == size_of(home)


def test_a_log_that_was_rolled_back_is_refused_loudly_and_for_good(home: SmallHome) -> None:
    a = witness_of(home, "acme")
    saved = home.path.with_name("saved")
    shutil.copytree(home.path, saved)
    with served(a) as (_, port):
        configure(home, (a, port))
        settings = (home.path / "answerable.toml").read_bytes()
        grow(home, 1)
        grow(home, 2)
        shown(home, "--ask")
        shutil.rmtree(home.path)
        shutil.copytree(saved, home.path)
        (home.path / "answerable.toml").write_bytes(settings)
        said = home.cli("ledger", "witnesses", "--ask")
        assert said.code == 1
        assert "REFUSED by acme.example/w1" in said.err
        for number in range(5):  # another history, longer than the one that was cosigned
            grow(home, 10 + number)
        assert home.cli("ledger", "witnesses", "--ask").code == 1
        doctor = home.cli("doctor")
        assert doctor.code == 1
        assert "THE LOG WAS REFUSED" in doctor.out + doctor.err
    assert read_memory(home.path)[keys_of(a)[0].encode()].refused


def test_who_verifies_by_a_quorum_is_told_that_one_of_it_refused_the_log(home: SmallHome) -> None:
    """An older home was put back, of which the quorum had cosigned enough."""
    a = witness_of(home, "acme")
    policy, stranger = home.path.parent / "policy", made(home.path.parent / "c", name="c", seed=9)
    policy.write_text(policy_of({"a": a}, "quorum a\n"))
    with served(a) as (_, port):
        configure(home, (a, port))
        shown(home, "--ask")
        grow(home, 1)
        saved = home.path.with_name("saved")
        shutil.copytree(home.path, saved)
        grow(home, 2)
        shown(home, "--ask")
        shutil.rmtree(home.path)
        shutil.copytree(saved, home.path)
        home.cli("ledger", "verify", "--quorum", str(policy)).check()
        assert home.cli("ledger", "witnesses", "--ask").code == 1
    said = home.cli("ledger", "verify", "--quorum", str(policy))
    assert (said.code, "REFUSED by the witness 'acme.example/w1'" in said.out) == (1, True)
    policy.write_text(policy_of({"c": stranger}, "quorum none\n"))
    home.cli("ledger", "verify", "--quorum", str(policy)).check()


def test_no_witness_keeps_the_worker_waiting(home: SmallHome) -> None:
    """One is mute, one is not there, one is well: work goes on, and the third one's word comes."""
    a, b, c = (witness_of(home, name, at) for at, name in enumerate(("mute", "gone", "well"), 1))
    with mute() as silent, served(c) as (_, port):
        configure(home, (a, silent), (b, 1), (c, port), more="witness_deadline_s = 0.5\n")
        with working(home):
            for number in range(3):
                grow(home, number)
            key = keys_of(c)[0].encode()
            until(lambda: key in read_memory(home.path))
            until(lambda: read_memory(home.path)[key].size == size_of(home))
        (mute_one, gone, well) = shown(home)
    assert mute_one["error"]
    assert gone["error"]
    assert not well["error"]
    assert home.cli("ledger", "verify").check()


def test_what_was_cosigned_outlives_the_published_folder(home: SmallHome) -> None:
    a = witness_of(home, "acme")
    with served(a) as (_, port):
        configure(home, (a, port))
        shown(home, "--ask")
        public = home.path / "ledger" / "cosigned"
        before = {path.name: path.read_text() for path in public.iterdir()}
        for path in public.iterdir():
            path.unlink()
        shown(home, "--ask")
        assert {path.name: path.read_text() for path in public.iterdir()} == before


def test_a_wrong_setting_is_named_before_anything_starts(home: SmallHome) -> None:
    file = home.path / "answerable.toml"
    file.write_text(f'{file.read_text()}\n[[ledger.witnesses]]\nurl = "http://x"\nvkey = "y"\n')
    said = home.cli("ledger", "witnesses")
    assert said.code == 2
    assert "The witness 'http://x' of the settings is wrong" in said.err
