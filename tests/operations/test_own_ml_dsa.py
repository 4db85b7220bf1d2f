"""A home signs its heads with ML-DSA-44 too: who demands that word gets it, or a no."""

import json
from pathlib import Path

import pytest

from answerable.ledger.cosignature import ML_DSA_44, CosignerKey
from answerable.ledger.cosigned import cosigned_file
from homes import SmallHome, cli

_SETTINGS = "\n[ledger]\nml_dsa = true\n"


class Signed:
    """A home with a second key, and a policy of its reader that demands it."""

    def __init__(self, folder: Path) -> None:
        self.home = SmallHome(folder / "home").found()
        settings = self.home.path / "answerable.toml"
        text = settings.read_text() if settings.exists() else ""
        if "[ledger]" in text:
            text = text.replace("[ledger]", "[ledger]\nml_dsa = true")
        else:
            text += _SETTINGS
        settings.write_text(text)
        self.grow(0)
        self.ask()
        vkey = (self.home.path / "ml-dsa.vkey").read_text().strip()
        self.key = CosignerKey.parse(vkey)
        self.policy = folder / "policy"
        self.policy.write_text(f"witness own {vkey}\nquorum own\n")

    @property
    def log(self) -> Path:
        return self.home.path / "ledger"

    def grow(self, number: int) -> None:
        self.home.cli("person", "add", f"n{number}@acme.example", "--name", "N").check()

    def ask(self) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = json.loads(
            self.home.cli("ledger", "witnesses", "--ask", "--json").out
        )
        return rows

    def verdict(self) -> tuple[int, str]:
        said = self.home.cli("ledger", "verify", "--quorum", str(self.policy), "--json")
        return said.code, str(json.loads(said.out)["problem"])

    @property
    def newest(self) -> Path:
        size = int((self.log / "checkpoint").read_text("utf-8").split("\n")[1])
        return cosigned_file(self.log, size)


@pytest.fixture
def signed(tmp_path: Path) -> Signed:
    return Signed(tmp_path)


def test_the_log_verifies_by_a_policy_that_demands_the_second_key(signed: Signed) -> None:
    assert signed.key.type == ML_DSA_44
    assert signed.key.name == signed.newest.read_text("utf-8").split("\n")[0]
    assert signed.verdict() == (0, "")
    signed.grow(1)
    assert signed.ask()[0]["error"] == signed.ask()[0]["refused"] == ""
    assert signed.verdict() == (0, "")


def test_a_word_that_was_stripped_or_is_over_another_head_is_missed(signed: Signed) -> None:
    whole = signed.newest.read_text("utf-8")
    head, _, lines = whole.rpartition("\n\n")
    own, word = lines.splitlines(keepends=True)
    signed.newest.write_text(f"{head}\n\n{own}", "utf-8")
    assert signed.verdict() == (1, "no checkpoint over it was cosigned by the quorum")
    signed.newest.write_text(whole, "utf-8")
    signed.grow(1)
    signed.ask()
    newer = signed.newest.read_text("utf-8")
    signed.newest.write_text(newer.replace(newer.splitlines(keepends=True)[-1], word), "utf-8")
    code, problem = signed.verdict()
    assert code == 1
    assert "is not over this checkpoint" in problem


def test_it_signs_no_head_that_does_not_continue_what_it_signed(signed: Signed) -> None:
    signed.grow(1)
    signed.ask()
    size = int(signed.newest.name)
    kept = cosigned_file(signed.home.path, size)
    text = kept.read_text("utf-8").split("\n")
    kept.write_text("\n".join([text[0], text[1], f"{'A' * 43}=", *text[3:]]), "utf-8")
    signed.grow(2)
    row = signed.ask()[0]
    assert "do not continue them" in str(row["refused"])
    assert not cosigned_file(signed.log, size + 1).exists()
    assert "THE LOG WAS REFUSED" in signed.home.cli("doctor").out


def test_who_removes_its_memory_gets_no_other_history_signed(signed: Signed) -> None:
    kept = cosigned_file(signed.home.path, int(signed.newest.name))
    text = kept.read_text("utf-8").split("\n")
    kept.write_text("\n".join([text[0], text[1], f"{'A' * 43}=", *text[3:]]), "utf-8")
    (signed.home.path / "witnesses.json").unlink()
    signed.grow(2)
    assert "do not continue them" in str(signed.ask()[0]["refused"])


def test_a_backup_without_secrets_has_not_the_second_key_either(
    signed: Signed, tmp_path: Path
) -> None:
    key, backup = signed.home.path / "ml-dsa.key", tmp_path / "backup"
    signed.home.cli("backup", str(backup), "--without-secrets").check()
    secret = key.read_bytes()
    assert not [one for one in backup.rglob("*") if one.is_file() and secret in one.read_bytes()]
    again = tmp_path / "again"
    keys = tmp_path / "keys"
    keys.mkdir()
    for name in ("home.key", "signer.key"):
        (keys / name).write_bytes((signed.home.path / name).read_bytes())
    arguments = ("restore", str(backup), "--home", str(again), "--secrets", str(keys))
    cli(*arguments).fails(3, "ml-dsa.key")
    (keys / "ml-dsa.key").write_bytes(secret)
    cli(*arguments).check()
    assert (again / "ml-dsa.key").read_bytes() == secret


def test_a_second_key_that_is_gone_is_not_made_anew(signed: Signed) -> None:
    (signed.home.path / "ml-dsa.key").unlink()
    said = signed.home.cli("ledger", "witnesses", "--ask")
    assert said.code != 0
    assert "secret_lost" in said.err
