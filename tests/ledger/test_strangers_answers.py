"""The stranger's second file looks into what the first compares: words, digests, counts."""

import ast
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from answerable.adapters.signers.file import FileSigner
from answerable.base.chance import SeededChance
from answerable.ledger.answer import AnswerWrong, Question, read_answer, verify_answer
from answerable.ledger.bundle import BundleDamaged
from answerable.ledger.cosigned import cosigned_files
from answerable.ledger.tiles import TileWriter
from answerable.ledger.verify_bundle import verify_bundle
from answerable.ledger.verify_tiles import verify_tiles
from answerable.worker.answering import encode_answer
from closed_log import START_US, ClosedLog, drawn_log
from exported import made as exported
from exported import members as members_in
from second import SCRIPT, answers_verifier, second_verifier
from small_bundle import Members, manifest_of, seal_of, write
from small_ledger import KEYS, SIGNER, ledger_of
from witnesses import Log as Witnessed
from witnesses import cosigned, made, policy_of

VKEY = SIGNER.vkey.encode()
Told = dict[str, object]


def verdict(capsys: pytest.CaptureFixture[str], *words: str) -> Told:
    status = answers_verifier().main([*words, "--json"])
    told: Told = json.loads(capsys.readouterr().out)
    assert status == (0 if told["ok"] else 1)
    return told


@pytest.fixture(scope="module")
def party(tmp_path_factory: pytest.TempPathFactory) -> tuple[Members, FileSigner]:
    """Everything of a party, with its words and the proof that nothing is left out."""
    folder = tmp_path_factory.mktemp("party")
    path, (_, key) = exported(folder, "party")
    held = members_in(path)
    file, chance = folder / "home" / "signer.key", SeededChance(0)
    signer = FileSigner.open(file, name=key.name, chance=chance, may_create=False)
    return {name: held[name] for name in held if name not in ("MANIFEST", "SEAL")}, signer


def replaced(begins: str, old: bytes, new: bytes, number: int = 0) -> Callable[[Members], str]:
    def change(members: Members) -> str:
        name = [each for each in sorted(members) if each.startswith(begins)][number]
        assert old in members[name]
        members[name] = members[name].replace(old, new, 1)
        return name

    return change


def swapped(begins: str) -> Callable[[Members], str]:
    def change(members: Members) -> str:
        one, other = [each for each in sorted(members) if each.startswith(begins)][:2]
        members[one], members[other] = members[other], members[one]
        return one

    return change


def counted_less(members: Members) -> str:
    answer = json.loads(members["completeness.json"])
    for row in answer["bucket"]:
        row[1] -= 1
    members["completeness.json"] = json.dumps(answer, separators=(",", ":")).encode()
    return "completeness.json"


def another_reader(members: Members) -> str:
    answer = members["answer.json"]
    members["answer.json"] = answer.replace(b'"by":"per_', b'"by":"per_x')
    return ""


WRONG: dict[str, Callable[[Members], str]] = {
    "two bodies swapped": swapped("bodies/"),
    "a body with a space": replaced("bodies/", b":", b": "),
    "a body under another key": replaced("bodies/", b'"content_key":"', b'"content_key":"AAAA'),
    "a policy of another text": replaced("policies/", b"permit", b"forbid"),
    "a release of another text": replaced("releases/", b"{", b"{ "),
    "a name that is no digest": lambda members: (members.setdefault("policies/x.json", b"") and "")
    or "policies/x.json",
    "one less counted": counted_less,
    "completeness with a key twice": replaced("completeness.json", b"{", b'{"names":1,'),
    "given to another person": another_reader,
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_the_key_holder_sealed_wrongly_is_refused_by_both_and_at_one_place(
    what: str, tmp_path: Path, party: tuple[Members, FileSigner],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    members, signer = dict(party[0]), party[1]
    good = write(tmp_path / "good.zip", members, seal_of(members, signer))
    assert verdict(capsys, str(good), "--vkey", signer.vkey.encode())["complete"]
    where = WRONG[what](members)
    path = write(tmp_path / "bad.zip", members, seal_of(members, signer))
    told = verdict(capsys, str(path), "--vkey", signer.vkey.encode())
    assert not told["ok"]
    with pytest.raises(BundleDamaged) as ours:
        verify_bundle(path, [signer.vkey])
    if where:
        assert told["first_bad_member"] == where
        assert where in str(ours.value)
    else:
        assert f"entry {told['first_bad_index']} " in str(ours.value)


def test_a_commitment_key_beside_words_that_nothing_commits_to_is_refused_by_both(
    tmp_path: Path, party: tuple[Members, FileSigner], capsys: pytest.CaptureFixture[str]
) -> None:
    members, signer = dict(party[0]), party[1]
    names = [name for name in sorted(members) if name.startswith("bodies/")]
    name = next(each for each in names if b"commit_key" not in members[each])
    said = json.loads(members[name])
    said["commit_key"] = said["content_key"]
    members[name] = json.dumps(said, separators=(",", ":"), sort_keys=True).encode()
    path = write(tmp_path / "b.zip", members, seal_of(members, signer))
    told = verdict(capsys, str(path), "--vkey", signer.vkey.encode())
    assert told["first_bad_member"] == name
    with pytest.raises(BundleDamaged, match="commits to no words"):
        verify_bundle(path, [signer.vkey])


def test_a_member_that_is_gone_is_named_and_not_the_one_after_it(
    tmp_path: Path, party: tuple[Members, FileSigner], capsys: pytest.CaptureFixture[str]
) -> None:
    members, signer = dict(party[0]), party[1]
    seal, manifest = seal_of(members, signer), manifest_of(members)
    name = [each for each in sorted(members) if each.startswith("entries/")][2]
    del members[name]
    path = write(tmp_path / "b.zip", members, seal, manifest)
    vkey = ("--vkey", signer.vkey.encode())
    assert verdict(capsys, str(path), *vkey)["first_bad_member"] == name
    assert second_verifier().main([str(path), *vkey]) == 1
    assert name in capsys.readouterr().out
    with pytest.raises(BundleDamaged, match=name):
        verify_bundle(path, [signer.vkey])


def test_a_byte_that_is_flipped_in_the_file_is_of_the_member_that_it_is_in(
    tmp_path: Path, party: tuple[Members, FileSigner], capsys: pytest.CaptureFixture[str]
) -> None:
    members, signer = dict(party[0]), party[1]
    name = [each for each in sorted(members) if each.startswith("entries/")][2]
    path = write(tmp_path / "b.zip", members, seal_of(members, signer))
    path.write_bytes(path.read_bytes().replace(members[name], members[name][:-1] + b"!", 1))
    told = verdict(capsys, str(path), "--vkey", signer.vkey.encode())
    assert told["first_bad_member"] == name
    with pytest.raises(BundleDamaged, match=name):
        verify_bundle(path, [signer.vkey])


@pytest.mark.parametrize("lie", [{"names": 7}, {"root": "00" * 32}, {"skew": 1}, {"names": "2"}])
def test_a_close_that_lies_is_the_first_bad_entry(
    lie: dict[str, str | int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, altered in enumerate(({}, lie)):
        log = ClosedLog()
        for party in range(40):
            log.add(f"pty_{party}")
        log.close()
        log.add("pty_1")
        index = log.close(**altered).seq
        log.add("pty_1")
        folder = tmp_path / str(number)
        TileWriter(folder, sync=False).publish(0, log.data, log.checkpoint)
        told = verdict(capsys, str(folder), "--vkey", VKEY)
        assert told["ok"] == (not number), told
    assert told["first_bad_index"] == index


def test_a_complete_answer_without_one_of_its_entries_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, question, path = drawn_log(200, parties=40, owners=3), Question(party="pty_3"), "a.json"
    run = log.run(question, len(log.entries) - 1)
    (tmp_path / path).write_bytes(encode_answer(log.answer(question)))
    assert verdict(capsys, str(tmp_path / path), "--vkey", VKEY)["entries"] == run
    for index in run:
        (tmp_path / path).write_bytes(encode_answer(log.answer(question, without=[index])))
        assert not verdict(capsys, str(tmp_path / path), "--vkey", VKEY)["ok"]


def test_a_complete_answer_has_one_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = encode_answer(drawn_log(50, parties=4, owners=3).answer(Question(party="pty_3")))
    for other in (b'{"names":1,' + data[1:], data.replace(b":", b": ", 1), data + b"\n"):
        (tmp_path / "a.json").write_bytes(other)
        assert not verdict(capsys, str(tmp_path / "a.json"), "--vkey", VKEY)["ok"]
        with pytest.raises(AnswerWrong, match="one form"):
            read_answer(other)


@pytest.mark.parametrize("skew", ["x", -1])
def test_an_answer_whose_close_says_no_skew_shows_nothing(
    skew: str | int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = ClosedLog()
    log.add("pty_1")
    log.close(skew=skew)
    answer = log.answer(Question(party="pty_1"))
    (tmp_path / "a.json").write_bytes(encode_answer(answer))
    assert not verdict(capsys, str(tmp_path / "a.json"), "--vkey", VKEY)["ok"]
    with pytest.raises(AnswerWrong):
        verify_answer(answer, KEYS)


def test_two_keys_of_one_organisation_are_no_quorum_and_both_algorithms_can_be_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, seen = drawn_log(30, parties=4, owners=2), Witnessed()
    seen.signer = SIGNER
    names = {"a1": "acme.example/1", "a2": "acme.example/2", "b": "bank.example/1"}
    states = {
        each: made(tmp_path / each, seen, ml_dsa=each == "b", name=name, seed=at)
        for at, (each, name) in enumerate(names.items())
    }
    folder, policy = tmp_path / "ledger", tmp_path / "policy"
    TileWriter(folder, sync=False).publish(0, log.data, log.checkpoint)
    cosigned(tmp_path, [states["a1"], states["a2"]], START_US + 30 * 3_600_000_000)
    call = (str(folder), "--vkey", VKEY, "--quorum", str(policy))
    policy.write_text(policy_of(states, "group g 2 a1 a2 b\nquorum g\n"))
    assert not verdict(capsys, *call)["ok"]
    policy.write_text(policy_of(states, "group g all a1 a2\nquorum g\n"))
    assert verdict(capsys, *call)["witnessed"] == len(log.data)
    policy.write_text(policy_of(states, "group g 2 a1 a2\nquorum g\n"))
    with pytest.raises(SystemExit):
        answers_verifier().main([*call])
    capsys.readouterr()


def test_the_strangers_files_import_nothing_of_ours() -> None:
    own = {path.stem for path in SCRIPT.parent.glob("*.py")}
    assert own == {"answerable_verify", "answerable_answers", "answerable_quorum"}
    for path in SCRIPT.parent.glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        names = {each.name for node in nodes if isinstance(node, ast.Import) for each in node.names}
        names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
        roots = {name.partition(".")[0] for name in names}
        assert roots <= {*sys.stdlib_module_names, *own, "cryptography"}, path


@pytest.mark.parametrize(
    "wrong",
    [
        {"entries": [1]}, {"hashes": [1]}, {"path": [None]}, {"bucket": [[1, 2, 3]]},
        {"names": 10**400}, {"checkpoint": "x"},
        {"question": {"party": "pty_3", "owner": "", "since": 10, "until": 5}},
        {"question": {"party": "pty_3", "owner": "", "since": 0, "until": 10**40}},
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused_by_both_and_breaks_neither(
    wrong: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = drawn_log(60, parties=5, owners=2)
    shown = json.loads(encode_answer(log.answer(Question(party="pty_3")))) | wrong
    data = json.dumps(shown, separators=(",", ":"), ensure_ascii=False).encode()
    with pytest.raises(AnswerWrong):
        verify_answer(read_answer(data), KEYS)
    path = tmp_path / "answer.json"
    path.write_bytes(data)
    assert not verdict(capsys, str(path), "--vkey", VKEY)["ok"]


def test_an_earlier_checkpoint_is_never_passed_over_in_silence(
    party: tuple[Members, FileSigner], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With some entries nobody can compare it: then the verifier says so, and does not say yes."""
    members, signer = party
    path = write(tmp_path / "b.zip", members, seal_of(members, signer))
    vkey = signer.vkey.encode()
    assert verdict(capsys, str(path), "--vkey", vkey)["ok"]
    (tmp_path / "earlier").write_bytes(members["checkpoint"])
    words = (str(path), "--vkey", vkey, "--earlier", str(tmp_path / "earlier"))
    assert "all entries" in str(verdict(capsys, *words)["problem"])
    answer = tmp_path / "answer.json"
    answer.write_bytes(members["completeness.json"])
    with pytest.raises(SystemExit, match="2"):
        answers_verifier().main([str(answer), *words[1:]])


def test_what_was_not_looked_into_is_said(
    party: tuple[Members, FileSigner], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page for people says what the company likes: no verifier vouches for it."""
    members, signer = party
    changed = members | {"index.html": b"<p>Nothing ever happened."}
    path = write(tmp_path / "b.zip", changed, seal_of(changed, signer))
    told = verdict(capsys, str(path), "--vkey", signer.vkey.encode())
    assert told["not_checked"] == ["index.html", "vkey"]
    first = second_verifier()
    assert first.main([str(path), "--vkey", signer.vkey.encode(), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"bodies/", "completeness.json", "index.html", "vkey"} <= {*told["not_checked"]}
    ours = verify_bundle(path, [signer.vkey])
    assert "Not looked into: index.html, vkey." in ours.sentence
    assert f"Nothing was left out of what came before entry {ours.close}, of 2" in ours.sentence


def test_where_it_is_the_key_no_index_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger_of(3).publish(tmp_path / "log")
    other = FileSigner(SIGNER.name, b"\x01" * 32).vkey.encode()
    for file in (answers_verifier(), second_verifier()):
        assert file.main([str(tmp_path / "log"), "--vkey", other, "--json"]) == 1
        told = json.loads(capsys.readouterr().out)
        assert told["first_bad_index"] is None
        assert "not signed by a key that was given" in told["problem"]


def test_times_before_1970_are_closed_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = ClosedLog()
    log.add("pty_1", ts=-5)
    log.close(skew=0)
    TileWriter(tmp_path / "log").publish(0, log.data, log.checkpoint)
    assert verify_tiles(tmp_path / "log", KEYS).problem is None
    assert verdict(capsys, str(tmp_path / "log"), "--vkey", VKEY)["closes"] == 1


def test_what_is_no_number_of_ours_is_no_size_of_a_cosigned_head(tmp_path: Path) -> None:
    """Python takes digits of other scripts for numbers; `²` it calls a digit and cannot read."""
    (tmp_path / "cosigned").mkdir()
    for name in ("5", "1\u00b2", "1\u0662"):
        (tmp_path / "cosigned" / name).write_text("")
    assert [size for size, _ in cosigned_files(tmp_path)] == [5]
