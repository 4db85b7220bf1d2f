"""A key is durable once put, and once destroyed nobody can find a byte of it."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from answerable.base.chance import SeededChance
from answerable.base.errors import Broken, Busy, Unreadable
from answerable.store.keys import KeyDestroyed, KeyStore, home_key
from answerable.store.keys_wrong import KeyMissing, KeyUnreadable
from vectors import vectors

HOME = bytes(range(32))


def some_keys(count: int, seed: int = 0) -> dict[str, bytes]:
    chance = random.Random(seed)
    return {chance.randbytes(24).hex(): chance.randbytes(32) for _ in range(count)}


def every_byte_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


def test_a_key_that_was_put_is_there_after_a_restart(tmp_path: Path) -> None:
    keys = some_keys(3)
    store = KeyStore.open(tmp_path / "keys.db", HOME)
    store.put_many(keys)
    store.close()
    again = KeyStore.open(tmp_path / "keys.db", HOME)
    assert {kid: again.get(kid) for kid in keys} == keys
    again.close()


def test_a_key_that_was_put_is_there_after_the_process_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, sys, signal; from pathlib import Path\n"
        "from answerable.store.keys import KeyStore\n"
        "store = KeyStore.open(Path(sys.argv[1]), bytes(range(32)))\n"
        "store.put_many({'kid': bytes(32)})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "keys.db"
    ended = subprocess.run([sys.executable, "-c", script, path], check=False, env=dict(os.environ))
    assert ended.returncode == -signal.SIGKILL
    store = KeyStore.open(path, HOME)
    assert store.get("kid") == bytes(32)
    store.close()


def test_putting_again_changes_nothing(tmp_path: Path) -> None:
    store = KeyStore.open(tmp_path / "keys.db", HOME)
    store.put_many({"kid": b"1" * 32})
    store.put_many({"kid": b"2" * 32, "other": b"3" * 32})
    assert store.get("kid") == b"1" * 32
    assert store.get("other") == b"3" * 32
    store.close()


def test_nothing_of_a_destroyed_key_is_left_in_any_file(tmp_path: Path) -> None:
    store = KeyStore.open(tmp_path / "keys.db", HOME)
    keys = some_keys(2_000)
    kids = list(keys)
    for start in range(0, len(kids), 300):
        store.put_many({kid: keys[kid] for kid in kids[start : start + 300]})
    gone = random.Random(1).sample(kids, 1_200)
    kept = sorted(set(kids) - set(gone))
    store.get(gone[0])
    store.destroy(gone[:1_100])
    store.destroy(gone[1_100:])
    lying = every_byte_in(tmp_path)
    for kid in gone:
        wrapped = aes_key_wrap(HOME, keys[kid])
        assert wrapped[:8] not in lying
        assert wrapped[-8:] not in lying
        assert keys[kid] not in lying
    assert all(aes_key_wrap(HOME, keys[kid]) in lying for kid in kept)
    for kid in gone[:50]:
        with pytest.raises(KeyDestroyed):
            store.get(kid)
    assert store.get(kept[0]) == keys[kept[0]]
    store.close()


def test_a_destroyed_key_does_not_come_back(tmp_path: Path) -> None:
    store = KeyStore.open(tmp_path / "keys.db", HOME)
    store.put_many({"kid": b"1" * 32})
    store.destroy(["kid", "never heard of"])
    store.put_many({"kid": b"1" * 32})
    with pytest.raises(KeyDestroyed, match="kid"):
        store.get("kid")
    store.close()
    again = KeyStore.open(tmp_path / "keys.db", HOME)
    with pytest.raises(KeyDestroyed):
        again.get("kid")
    again.close()


def test_destroying_says_so_when_a_reader_holds_the_old_bytes(tmp_path: Path) -> None:
    store = KeyStore.open(tmp_path / "keys.db", HOME)
    store.put_many({"kid": b"1" * 32})
    reader = sqlite3.connect(tmp_path / "keys.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM key").fetchone()
    with pytest.raises(Busy, match="may still lie in that log"):
        store.destroy(["kid"])
    reader.close()
    store.destroy(["kid"])
    assert aes_key_wrap(HOME, b"1" * 32) not in every_byte_in(tmp_path)
    store.close()


def test_keys_do_not_lie_open_in_the_file(tmp_path: Path) -> None:
    store = KeyStore.open(tmp_path / "keys.db", HOME)
    store.put_many({"kid": b"secret key of thirty-two bytes.."})
    assert b"secret key" not in every_byte_in(tmp_path)
    assert (tmp_path / "keys.db").stat().st_mode & 0o077 == 0
    store.close()


def test_another_home_key_opens_nothing_and_is_refused_at_once(tmp_path: Path) -> None:
    store = KeyStore.open(tmp_path / "keys.db", HOME)
    store.put_many({"kid": b"1" * 32})
    store.close()
    with pytest.raises(Broken, match="does not open the key store") as error:
        KeyStore.open(tmp_path / "keys.db", bytes(32))
    assert HOME.hex() not in str(error.value)


def test_the_cache_is_bounded_and_right(tmp_path: Path) -> None:
    store = KeyStore.open(tmp_path / "keys.db", HOME, cached_max=10)
    keys = some_keys(50)
    store.put_many(keys)
    for _ in range(3):
        assert {kid: store.get(kid) for kid in keys} == keys
    assert len(store._cache) == 10
    assert repr(store) == "KeyStore(10 keys cached)"
    store.close()


def test_many_threads_may_ask_and_put_at_once(tmp_path: Path) -> None:
    store = KeyStore.open(tmp_path / "keys.db", HOME, cached_max=5)
    keys = some_keys(40)

    def put_and_get(kid: str) -> bool:
        store.put_many({kid: keys[kid]})
        return store.get(kid) == keys[kid]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(put_and_get, keys))
    store.close()


def test_a_key_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    store = KeyStore.open(tmp_path / "keys.db", HOME)
    with pytest.raises(ValueError, match="32 bytes"):
        store.put_many({"good": bytes(32), "bad": b"short"})
    with pytest.raises(KeyMissing, match="older file"):
        store.get("good")
    store.close()


def test_a_file_that_is_not_a_key_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(Broken, match=r"keys\.db"):
        KeyStore.open(tmp_path / "keys.db", HOME)


def test_the_home_key_is_made_once_and_is_its_owners_only(tmp_path: Path) -> None:
    first = home_key(tmp_path, SeededChance(1))
    assert home_key(tmp_path, SeededChance(2)) == first
    assert len(first) == 32
    assert (tmp_path / "home.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "home.key").chmod(0o640)
    with pytest.raises(Broken, match="may be read by others"):
        home_key(tmp_path, SeededChance(1))


def test_a_home_key_cut_short_is_named_not_replaced(tmp_path: Path) -> None:
    home_key(tmp_path, SeededChance(1))
    (tmp_path / "home.key").write_bytes(b"short")
    with pytest.raises(Broken, match="has 5 bytes"):
        home_key(tmp_path, SeededChance(1))
    assert (tmp_path / "home.key").read_bytes() == b"short"


def test_wrapping_is_rfc_3394_as_the_outside_vectors_have_it() -> None:
    groups = json.loads(vectors("ledger", "wycheproof", "aes_wrap_test.json").read_bytes())
    checked = 0
    for group in groups["testGroups"]:
        for case in group["tests"]:
            key, message, wrapped = (bytes.fromhex(case[name]) for name in ("key", "msg", "ct"))
            if len(key) != 32 or case["result"] == "acceptable":
                continue
            checked += 1
            if case["result"] == "valid":
                assert aes_key_wrap(key, message) == wrapped
                assert aes_key_unwrap(key, wrapped) == message
            else:
                with pytest.raises((InvalidUnwrap, ValueError)):
                    aes_key_unwrap(key, wrapped)
    assert checked > 10


def test_one_damaged_key_costs_what_it_sealed_and_no_other(tmp_path: Path) -> None:
    keys = some_keys(3)
    store = KeyStore.open(tmp_path / "keys.db", HOME)
    store.put_many(keys)
    bad, *others = keys
    store._database.execute("UPDATE key SET wrapped = ? WHERE kid = ?", (b"x" * 40, bad))
    store.close()
    store = KeyStore.open(tmp_path / "keys.db", HOME)  # as read from the file
    with pytest.raises(KeyUnreadable, match=bad) as error:
        store.get(bad)
    assert isinstance(error.value, Unreadable)
    assert not isinstance(error.value, Broken)
    assert [store.get(kid) for kid in others] == [keys[kid] for kid in others]
    store.close()
