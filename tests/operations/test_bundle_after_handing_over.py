"""An answer of a log whose key was handed over is followed from every key that the log has had."""

import zipfile
from pathlib import Path

import pytest

from answerable.adapters.signers.file import FileSigner
from answerable.ledger.bundle import BundleDamaged
from answerable.ledger.note import VerifierKey
from answerable.ledger.verify_beside import chain_of_bundle
from answerable.ledger.verify_bundle import BundleReader, verify_bundle
from homes import OWNER, SmallHome, working


def test_every_key_verifies_what_the_newest_signed_and_no_other_does(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    with working(home):  # registers the agent's release
        pass
    keys = [(home.path / "ledger.vkey").read_text().strip()]
    for _ in range(2):
        said = home.cli("key", "rotate-signer", "--by", OWNER, "--yes").check()
        keys.append(said.out.strip())
    for name, about in (("all", ()), ("part", ("support",))):
        file = tmp_path / f"{name}.zip"
        home.cli("ledger", "export", *about, "-o", str(file)).check()
        for key in keys:
            verify_bundle(file, [VerifierKey.parse(key)])
        other = FileSigner("acme.example/small", b"o" * 32).vkey
        with pytest.raises(BundleDamaged, match="checkpoint"):
            verify_bundle(file, [other])
        with BundleReader(file) as reader:
            assert len(chain_of_bundle(reader, [VerifierKey.parse(keys[0])]).at(10**9)) == 1
            assert chain_of_bundle(reader, [other]).at(10**9) == [other]
        with zipfile.ZipFile(file) as lying:
            handed = [one for one in lying.namelist() if one.startswith("rotations/")]
        assert len(handed) == 2 * (2 if about else 3)
