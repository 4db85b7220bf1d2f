"""The stranger's file reads a bundle by its page: each rule broken is found, and named."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from answerable.adapters.signers.file import FileSigner
from answerable.ledger.domain import Trace
from second import second_verifier
from small_bundle import Members, manifest_of, members_of, seal_of, write
from small_ledger import SIGNER, Ledger, ledger_of

VKEY = SIGNER.vkey.encode()


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    made = ledger_of(40)
    entry, body = made.entry(trace=Trace(case="cas_1", interaction="int_1"))
    made.seal([made.add(entry, body).hex()])
    return made


@pytest.fixture
def log(tmp_path: Path, ledger: Ledger) -> Path:
    ledger.publish(tmp_path / "log")
    return tmp_path / "log"


@pytest.fixture
def members(ledger: Ledger, log: Path) -> Members:
    """All that owner Ben answered for."""
    end = ledger.entries[30].ts
    indexes = [
        entry.seq for entry in ledger.entries if entry.accountable == "per_ben" and entry.ts < end
    ]
    asked = {"kind": "owner", "of": "per_ben", "since": 0, "until": end}
    return members_of(ledger, log, asked, indexes)


def verdict(
    capsys: pytest.CaptureFixture[str], path: Path, *more: str, vkey: str = VKEY
) -> dict[str, object]:
    status = second_verifier().main([str(path), "--vkey", vkey, "--json", *more])
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    assert status == (0 if told["ok"] else 1)
    return told


def test_a_whole_answer_is_good(
    tmp_path: Path, members: Members, capsys: pytest.CaptureFixture[str]
) -> None:
    told = verdict(capsys, write(tmp_path / "b.zip", members, seal_of(members)))
    assert told["ok"], told
    assert told["asked"] == json.loads(members["answer.json"])["asked"]
    assert told["answered"] == len(json.loads(members["answer.json"])["entries"])


def test_every_question_has_its_good_answer(
    tmp_path: Path, ledger: Ledger, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decided = next(entry for entry in ledger.entries if entry.kind == "decided")
    of = {
        "decision": (decided.id, [decided.seq]),
        "case": ("cas_1", [40]),
        "party": (
            "pty_2",
            [e.seq for e in ledger.entries if e.subject and e.subject.pid == "pty_2"],
        ),
        "agent": ("support", [e.seq for e in ledger.entries if e.agent]),
    }
    for kind, (name, indexes) in of.items():
        good = members_of(ledger, log, {"kind": kind, "of": name}, indexes)
        told = verdict(capsys, write(tmp_path / f"{kind}.zip", good, seal_of(good)))
        assert told["ok"], (kind, told)
        other = members_of(ledger, log, {"kind": kind, "of": name}, sorted({*indexes, 5}))
        told = verdict(capsys, write(tmp_path / f"{kind}-more.zip", other, seal_of(other)))
        assert told.get("first_bad_index") == 5, (kind, told)
    everything = members_of(ledger, log, {"kind": "everything"}, [])
    told = verdict(capsys, write(tmp_path / "all.zip", everything, seal_of(everything)))
    assert told["ok"]
    assert (told["entries"], "answered" in told) == (41, False)
    tile = everything["tile/entries/000.p/41"]
    everything["tile/entries/000.p/41"] = tile.replace(b'"ent_7"', b'"ent_8"')
    path = write(tmp_path / "all-bad.zip", everything, seal_of(everything))
    assert verdict(capsys, path)["first_bad_index"] == 7


def test_a_changed_member_is_named_whether_or_not_the_manifest_was_made_to_fit(
    tmp_path: Path, members: Members, capsys: pytest.CaptureFixture[str]
) -> None:
    seal = seal_of(members)
    for number, name in enumerate(sorted(members)):
        changed = members | {name: members[name][:-1] + bytes([members[name][-1] ^ 1])}
        told = verdict(
            capsys, write(tmp_path / f"{number}.zip", changed, seal, manifest_of(members))
        )
        assert not told["ok"]
        if name != "checkpoint":
            assert told["first_bad_member"] == name
        told = verdict(capsys, write(tmp_path / f"{number}-fit.zip", changed, seal))
        assert not told["ok"], name


def test_a_stranger_cannot_seal(
    tmp_path: Path, members: Members, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = FileSigner(SIGNER.name, b"\x01" * 32)
    assert not verdict(capsys, write(tmp_path / "s.zip", members, seal_of(members, stranger)))["ok"]
    told = verdict(
        capsys, write(tmp_path / "k.zip", members, seal_of(members)), vkey=stranger.vkey.encode()
    )
    assert not told["ok"]


Change = Callable[[Members], Members]


def _without(*names: str) -> Change:
    return lambda members: {name: data for name, data in members.items() if name not in names}


def _answer(**changed: object) -> Change:
    def change(members: Members) -> Members:
        answer = json.loads(members["answer.json"]) | changed
        text = json.dumps(answer, separators=(",", ":"), sort_keys=True)
        return members | {"answer.json": text.encode()}

    return change


def _replaced(name: str, old: bytes, new: bytes) -> Change:
    return lambda members: members | {name: members[name].replace(old, new, 1)}


def _swapped(one: str, other: str) -> Change:
    return lambda members: members | {one: members[other], other: members[one]}


WRONG: dict[str, Change] = {
    "an entry left out": _without("entries/3.json", "proofs/3.tlog-proof"),
    "a proof left out": _without("proofs/3.tlog-proof"),
    "no vkey": _without("vkey"),
    "no page": _without("index.html"),
    "entries that do not rise": _answer(entries=[9, 3]),
    "another version": _answer(v=2),
    "a field that nobody knows": _answer(note=1),
    "a kind that nobody knows": _answer(asked={"kind": "person", "of": "per_ben"}),
    "a question without an id": _answer(asked={"kind": "agent", "of": ""}),
    "an owner without a period": _answer(asked={"kind": "owner", "of": "per_ben"}),
    "a period that ends first": _answer(
        asked={"kind": "owner", "of": "per_ben", "since": 2, "until": 1}
    ),
    "another question": _answer(asked={"kind": "party", "of": "pty_2"}),
    "a float": _replaced("answer.json", b'"since":0', b'"since":0.0'),
    "a key twice": _replaced("answer.json", b'"v":1', b'"v":1,"v":1'),
    "a space": _replaced("answer.json", b'"v":1', b'"v": 1'),
    "an escape": _replaced("answer.json", b"per_ben", b"\\u0070er_ben"),
    "swapped entries": _swapped("entries/3.json", "entries/9.json"),
    "swapped proofs": _swapped("proofs/3.tlog-proof", "proofs/9.tlog-proof"),
    "an entry with a space": _replaced("entries/3.json", b":", b": "),
    "an unknown field": _replaced("entries/3.json", b'"v":1', b'"v":1,"w":1'),
    "an extra": _replaced("proofs/3.tlog-proof", b"index", b"extra AAAA\nindex"),
    "a proof of 70 hashes": _replaced(
        "proofs/3.tlog-proof", b"index 3\n", b"index 3\n" + b"A" * 43 + b"=\n" * 70
    ),
    "tiles beside entries": lambda members: members | {"tile/0/000.p/41": bytes(32 * 41)},
    "a name of no place": lambda members: members | {"notes.txt": b""},
    "a way out": lambda members: members | {"tile/../../x": b""},
    "a name twice in another case": lambda members: members | {"bodies/A": b"", "bodies/a": b""},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_bundle_that_the_key_holder_sealed_wrongly_is_refused(
    tmp_path: Path, members: Members, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    changed = WRONG[what](members)
    assert changed != members
    try:
        seal = seal_of(changed)
    except ValueError:
        seal = seal_of(members)
    told = verdict(capsys, write(tmp_path / "b.zip", changed, seal))
    assert not told["ok"], told


def test_every_flipped_byte_of_a_zip_is_found(
    tmp_path: Path, ledger: Ledger, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = members_of(ledger, log, {"kind": "case", "of": "cas_1"}, [40])
    data = write(tmp_path / "b.zip", small, seal_of(small)).read_bytes()
    missed = []
    for at in range(0, len(data), 3):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        (tmp_path / "c.zip").write_bytes(bytes(changed))
        if verdict(capsys, tmp_path / "c.zip")["ok"]:
            missed.append(at)
    assert missed == []
    for cut in (data[:-1], data + b"\0", b"\0" + data, data[: len(data) // 2], b""):
        (tmp_path / "c.zip").write_bytes(cut)
        assert not verdict(capsys, tmp_path / "c.zip")["ok"]


def test_a_packed_member_is_refused_before_it_is_unpacked(
    tmp_path: Path, members: Members, capsys: pytest.CaptureFixture[str]
) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as made:
        for name in sorted(members):
            made.writestr(name, bytes(2**24))
        made.writestr("MANIFEST", b"")
        made.writestr("SEAL", b"")
    told = verdict(capsys, bomb)
    assert "packed" in str(told["problem"])
