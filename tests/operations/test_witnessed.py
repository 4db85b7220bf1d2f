"""A log verifies by a policy that its reader holds: cosigned by enough, and in its own time."""

import json
from pathlib import Path

import pytest

from answerable.base.clock import SystemClock
from answerable.ledger.cosigned import EntryTimes, Witnessed
from answerable.ledger.note import VerifierKey
from answerable.witness.state import LogFiles
from homes import SmallHome
from witnesses import cosigned, keys_of, made, policy_of

HOUR_US = 3_600_000_000


class Watched:
    """A home, two organisations that witness it (one with two machines), a reader's policy."""

    def __init__(self, folder: Path) -> None:
        self.home = SmallHome(folder / "home").found()
        self.say()
        names = {"a1": "acme.example/w1", "a2": "acme.example/w2", "b1": "bank.example/w1"}
        self.states = {
            name: made(folder / name, name=full, seed=at)
            for at, (name, full) in enumerate(names.items(), 1)
        }
        for state in self.states.values():
            LogFiles(state, self.vkey.name).add_key(self.vkey)
        self.policy = folder / "policy"
        lines = "group g 2 a1 a2 b1\nquorum g\n"
        self.policy.write_text(f"log {self.vkey.encode()}\n{policy_of(self.states, lines)}")
        self.people = 0

    @property
    def vkey(self) -> VerifierKey:
        return VerifierKey.parse((self.home.path / "ledger.vkey").read_text())

    @property
    def folder(self) -> Path:
        return self.home.path / "ledger" / "cosigned"

    def say(self) -> None:
        """Whatever is published is so when a command ends."""
        self.home.cli("person", "list").check()

    def grow(self) -> None:
        self.people += 1
        self.home.cli("person", "add", f"n{self.people}@acme.example", "--name", "N").check()

    def by(self, *names: str, later_us: int = 0) -> int:
        """Cosigned by these; the size."""
        at_us = SystemClock().now() + later_us
        note = cosigned(self.home.path, [self.states[name] for name in names], at_us)
        return int(note.split("\n")[1])

    def verdict(self, *more: str) -> tuple[int, dict[str, object]]:
        said = self.home.cli(
            "ledger", "verify", "--quorum", str(self.policy), "--json", *more
        )  # fmt: skip
        found: dict[str, object] = json.loads(said.out)
        return said.code, found


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_enough_organisations_make_it_verified_and_two_machines_of_one_do_not(
    watched: Watched,
) -> None:
    code, found = watched.verdict()
    assert (code, found["problem"]) == (1, "no checkpoint over it was cosigned by the quorum")
    watched.by("a1", "a2")
    assert watched.verdict()[0] == 1
    watched.grow()
    size = watched.by("a1", "b1")
    watched.grow()
    code, found = watched.verdict()
    assert (code, found["witnessed"]) == (0, size)
    assert found["entries"] == size + 1


def test_an_entry_that_is_backdated_is_named(watched: Watched) -> None:
    size = watched.by("a1", "b1", later_us=HOUR_US)
    assert watched.verdict()[0] == 0
    watched.grow()
    code, found = watched.verdict()
    assert (code, found["index"]) == (1, size)
    assert "backdated" in str(found["problem"])


def test_an_entry_from_after_its_own_witness_is_named(watched: Watched) -> None:
    watched.by("a1", "b1", later_us=-HOUR_US)
    code, found = watched.verdict()
    assert (code, found["index"]) == (1, 0)
    assert "cosigned before that" in str(found["problem"])


def test_a_rewritten_history_does_not_fit_what_was_cosigned(watched: Watched) -> None:
    watched.grow()
    watched.by("a1", "b1")
    file = next(watched.folder.iterdir())
    longer = watched.folder / str(int(file.name) + 1)
    longer.write_text(file.read_text("utf-8"))
    code, found = watched.verdict()
    assert code == 1
    assert longer.name in str(found["problem"])


def test_the_log_of_the_policy_is_the_only_one_that_is_believed(watched: Watched) -> None:
    watched.by("a1", "b1")
    other = VerifierKey("acme.example/small", bytes(range(32)))
    text = watched.policy.read_text("utf-8")
    watched.policy.write_text(text.replace(watched.vkey.encode(), other.encode()))
    assert watched.verdict()[0] == 1


def test_who_asks_for_ed25519_and_ml_dsa_gets_both_or_no(watched: Watched, tmp_path: Path) -> None:
    """One of the two may be broken some day: a policy that names both demands both."""
    both = made(tmp_path / "both", name="court.example/w1", seed=9, ml_dsa=True)
    LogFiles(both, watched.vkey.name).add_key(watched.vkey)
    ed25519, ml_dsa = keys_of(both)
    watched.policy.write_text(
        f"witness a {ed25519.encode()}\nwitness b {ml_dsa.encode()}\ngroup g all a b\nquorum g\n"
    )
    note = cosigned(watched.home.path, [both], SystemClock().now())
    assert watched.verdict()[0] == 0
    head, _, lines = note.rpartition("\n\n")
    log, *words = lines.splitlines(keepends=True)
    [file] = watched.folder.iterdir()
    for word in words:
        file.write_text(f"{head}\n\n{log}{word}")
        code, found = watched.verdict()
        assert (code, found["problem"]) == (1, "no checkpoint over it was cosigned by the quorum")


def test_times_are_those_of_the_neighbours() -> None:
    heads = [Witnessed(10, "", 1_000, 1_010), Witnessed(20, "", 2_000, 2_010)]
    times = EntryTimes(heads, tolerance_s=5)
    for index, second, is_fine in (
        (0, 0, True), (9, 1_015, True), (9, 1_016, False), (10, 995, True), (10, 994, False),
        (19, 2_015, True), (19, 2_016, False), (20, 1_995, True), (20, 1_994, False),
        (20, 99_999, True),
    ):  # fmt: skip
        found = times.problem(index, second * 1_000_000)
        assert (found is None) == is_fine, (index, second)
        assert found is None or found.index == index
