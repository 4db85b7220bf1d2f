"""Complete answers, closes and quorums for `verifiers_agree.py`: what is no zip."""

import argparse
import asyncio
import json
import random
import shutil
from pathlib import Path

import answerable_answers as second
import answerable_quorum
import answerable_verify as first

from answerable.base.clock import HOUR_US
from answerable.ledger.answer import AnswerWrong, Question, read_answer, verify_answer
from answerable.ledger.cosigned import EntryTimes, read_cosigned
from answerable.ledger.domain import decode_entry
from answerable.ledger.keychain import KeyChain
from answerable.ledger.note import checkpoint_body, sign_note
from answerable.ledger.quorum import PolicyWrong, parse_policy
from answerable.ledger.tiles import TileReader, TileWriter
from answerable.ledger.tree import CompactRange, leaf_hash
from answerable.ledger.verify_tiles import verify_tiles
from answerable.worker.answering import encode_answer
from closed_log import START_US, ClosedLog, drawn_log
from small_ledger import KEYS, SIGNER
from witnesses import Log as Witnessed
from witnesses import cosigned, keys_of, made

KEY = first.verifier_key(SIGNER.vkey.encode())
PLACE = int | str | None
Logs = list[tuple[ClosedLog, list[Question]]]


def by_second(path: Path, policy: answerable_quorum.Policy | None = None) -> PLACE:
    """The first bad index by the second file; None where it holds."""
    given = argparse.Namespace(path=path, earlier=[], vkey=[KEY], quorum=policy)
    try:
        second.run(given)
    except first.Wrong as wrong:
        return wrong.member or wrong.index or 0
    except (OSError, ValueError):
        return 0
    return None


# ------------------------------------------------------------------------------- answers


def answers() -> Logs:
    found = []
    for seed in range(3):
        log = drawn_log(150, parties=40, owners=3, seed=seed)
        asked = [Question(party=f"pty_{n}") for n in range(42)]
        for n in range(24):
            since = START_US + n * 6 * HOUR_US
            asked.append(Question(owner=f"per_{n % 4}", since=since, until=since + 9 * HOUR_US))
        found.append((log, asked))
    return found


def answer(
    path: Path, logs: Logs, chance: random.Random, *, honest: bool
) -> tuple[str, list[PLACE]]:
    """One that is whole, or leaves out, adds or alters; what was done, and the verdicts."""
    log, asked = chance.choice(logs)
    question, way = chance.choice(asked), "whole"
    data = encode_answer(log.answer(question))
    if not honest:
        way, data = _altered(log, question, data, chance)
    path.write_bytes(data)
    return way, ["no" if place is not None else None for place in (_ours(data), by_second(path))]


def _ours(data: bytes) -> PLACE:
    try:
        verify_answer(read_answer(data), KEYS)
    except AnswerWrong:
        return "no"
    return None


def _altered(
    log: ClosedLog, question: Question, data: bytes, chance: random.Random
) -> tuple[str, bytes]:
    run = log.run(question, len(log.entries) - 1)
    if run and chance.random() < 1 / 2:
        at = chance.randrange(len(run))
        cut = chance.choice((run[at:], run[: at + 1], [run[at]]))
        return "left out", encode_answer(log.answer(question, without=cut))
    value = json.loads(data)
    match chance.randrange(6):
        case 0 if value["bucket"]:
            chance.choice(value["bucket"])[1] += chance.choice((-1, 1))
        case 1:
            value[chance.choice(("names", "close"))] += chance.choice((-1, 1))
        case 2 if value["hashes"]:
            value["hashes"].pop()
        case 3:
            at = chance.randrange(1, len(data) - 2)
            return "space", data[:at] + b" " + data[at:]
        case 4:
            return "key twice", b'{"close":0,' + data[1:]
        case _:
            value["question"]["party"] += "x"
            value["question"]["owner"] = ""
            if not value["question"]["party"][:-1]:
                value["question"]["party"] = "pty_0"
            name = f"s/{value['question']['party']}"
            if not log.counted(Question(party=name[2:])).rows and not run:
                value["names"] += 1
            if not run:
                value["close"] += 1
    return "altered", json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# ------------------------------------------------------------------------------- closes


def closes(folder: Path, chance: random.Random, *, honest: bool) -> tuple[str, list[PLACE]]:
    """A log whose closes say what was counted, or one of which one lies, well signed."""
    shutil.rmtree(folder, ignore_errors=True)
    log, lie, what = ClosedLog(), chance.randrange(1, 4), "true"
    for number in range(1, 5):
        for _ in range(chance.randrange(1, 40)):
            ts = START_US + (len(log.entries) - chance.choice((0, 0, 0, 3))) * HOUR_US
            party = f"pty_{chance.randrange(90)}" if chance.random() < 0.9 else ""
            log.add(party, f"per_{chance.randrange(3)}" if chance.random() < 1 / 2 else "", ts)
        altered: dict[str, str | int] = {}
        if not honest and number == lie:
            lies: dict[str, dict[str, str | int]] = {
                "root": {"root": chance.randbytes(32).hex()}, "names": {"names": 10**6},
                "skew": {"skew": 7}, "as text": {"names": "1"},
                "days": {"since": "2026-01-02", "day": "2026-01-01"},
            }  # fmt: skip
            what = chance.choice(list(lies))
            altered = lies[what]
        log.close(**altered)
    TileWriter(folder, sync=False).publish(0, log.data, log.checkpoint)
    problem = verify_tiles(folder, KEYS).problem
    return what, [problem.index if problem else None, by_second(folder)]


# ------------------------------------------------------------------------------- quorums


class Quorums:
    """One log with three checkpoints, each cosigned by five witnesses of four organisations."""

    def __init__(self, folder: Path) -> None:
        self.folder, home = folder / "quorum", folder / "quorum-home"
        log, seen = drawn_log(60, parties=9, owners=2), Witnessed()
        seen.signer = SIGNER
        names = {"a1": "acme.example/1", "a2": "acme.example/2", "b": "bank.example/1",
                 "c": "court.example/1", "u": "union.example/1"}  # fmt: skip
        states = {
            key: made(folder / key, seen, ml_dsa=key == "u", name=name, seed=number)
            for number, (key, name) in enumerate(names.items())
        }
        self.lines = ""
        for key, state in states.items():
            for number, each in enumerate(keys_of(state)):
                self.lines += f"witness {key}{'' if number == 0 else '-dsa'} {each.encode()}\n"
        writer, tree, before = TileWriter(home / "ledger", sync=False), CompactRange(), 0
        for index, data in enumerate(log.data):
            tree.append(leaf_hash(data))
            if index + 1 in (20, 41, len(log.data)):
                body = checkpoint_body(SIGNER.name, tree.size, tree.root())
                note = asyncio.run(sign_note(body, SIGNER))
                writer.publish(before, log.data[before : tree.size], note)
                before = tree.size
                for state in states.values():
                    at = START_US + tree.size * HOUR_US
                    self._add(home / "ledger", tree.size, cosigned(home, [state], at, keeps=False))
        shutil.copytree(home / "ledger", self.folder)
        self.shown = folder / "quorum-shown"

    def _add(self, folder: Path, size: int, note: str) -> None:
        file = folder / "cosigned" / str(size)
        file.parent.mkdir(exist_ok=True)
        lines = note.rpartition("\n\n")[2].split("\n")[1:-1]
        text = file.read_text() if file.exists() else "\n".join(note.split("\n")[:5]) + "\n"
        file.write_text(text + "".join(f"{line}\n" for line in lines))

    GOOD = (
        "group g 2 a1 a2 b c\nquorum g\n",
        "group g all a1 b c\nquorum g\n",
        "group both all u u-dsa\nquorum both\n",
        "group x any a1 a2\ngroup y all u u-dsa\ngroup g 2 x y b\nquorum g\n",
        "quorum none\n",
        "quorum u-dsa\n",
    )
    BAD = (
        "group g 2 a1 a2\nquorum g\n",
        "group x any a1\ngroup y any a2\ngroup g all x y\nquorum g\n",
        "group g 5 a1 a2 b c u\nquorum g\n",
        "quorum z\n",
        "",
    )

    def one(self, chance: random.Random, *, honest: bool) -> tuple[str, list[PLACE]]:
        rules = chance.choice(self.GOOD)
        shutil.rmtree(self.shown, ignore_errors=True)
        shutil.copytree(self.folder, self.shown)
        what = "met"
        if not honest:
            what = chance.choice(("rules", "flip", "gone", "renamed", "other", "time"))
            rules = rules if what not in ("gone", "time") else "group g 3 a1 b c\nquorum g\n"
            rules = chance.choice(self.BAD) if what == "rules" else rules
            rules = rules if "none" not in rules else self.GOOD[0]
            self._change(what, chance)
        text = self.lines + rules
        return what, [self._ours(text), self._theirs(text)]

    def _change(self, what: str, chance: random.Random) -> None:
        files = sorted((self.shown / "cosigned").glob("[0-9]*"), key=lambda each: int(each.name))
        file = chance.choice(files)
        match what:
            case "flip":
                data = file.read_bytes()
                at = chance.randrange(data.index(b"\n\n"))
                file.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            case "gone":
                for each in files:
                    lines = each.read_text().split("\n")
                    each.write_text("\n".join(line for line in lines if " bank." not in line))
            case "renamed":
                file.rename(file.with_name(str(int(file.name) + chance.choice((-1, 100)))))
            case "other":
                text = chance.choice([each for each in files if each != file]).read_text()
                file.write_text(text)
            case "time":
                self._late(chance)
            case _:
                return

    def _late(self, chance: random.Random) -> None:
        """An entry, well signed, is older than what was cosigned before it."""
        log = ClosedLog()
        for data in self._data()[:41]:
            log.put(decode_entry(data))
        for _ in range(chance.randrange(3)):
            log.add("pty_1", ts=START_US + len(log.entries) * HOUR_US)
        log.add("pty_1", ts=START_US + 2 * HOUR_US)
        shutil.rmtree(self.shown / "tile")
        for name in ("checkpoint", ".published"):
            (self.shown / name).unlink(missing_ok=True)
        for each in (self.shown / "cosigned").glob("*"):
            if each.name not in ("20", "41"):
                each.unlink()
        TileWriter(self.shown, sync=False).publish(0, log.data, log.checkpoint)

    def _data(self) -> list[bytes]:
        size = int((self.folder / "checkpoint").read_text().split("\n")[1])
        return list(TileReader(self.folder, size).bundle(0))

    def _ours(self, text: str) -> PLACE:
        """As `answerable ledger verify --quorum` puts its parts together, of a folder alone."""
        try:
            policy = parse_policy(text)
        except PolicyWrong:
            return "policy"
        chain = KeyChain(KEYS)
        found = read_cosigned(self.shown, chain, policy)
        problem = verify_tiles(self.shown, chain, found.notes).problem or found.problem
        if problem is None:
            times = EntryTimes(found.witnessed)
            size = int((self.shown / "checkpoint").read_text().split("\n")[1])
            entries = map(decode_entry, TileReader(self.shown, size).bundle(0))
            late = (times.problem(entry.seq, entry.ts) for entry in entries)
            problem = next((each for each in late if each), None)
        return problem.index if problem else None

    def _theirs(self, text: str) -> PLACE:
        try:
            policy = answerable_quorum.Policy(text)
        except ValueError:
            return "policy"
        return by_second(self.shown, policy)
