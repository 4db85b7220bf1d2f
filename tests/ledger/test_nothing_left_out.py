"""An answer about somebody shows that nothing is left out, or it is not believed."""

import random
import re

import pytest

from answerable.ledger import closes, rows
from answerable.ledger.answer import Answer, AnswerWrong, Question, read_answer, verify_answer
from answerable.ledger.checks import EntryChecks
from answerable.ledger.counted import Counted, bucket_hash, depth_of, key_of
from answerable.ledger.domain import Entry, encode_entry
from answerable.ledger.many import many_proof, many_root
from answerable.ledger.tree import ProofError, leaf_hash
from answerable.store.sqlite import scratch
from answerable.worker.answering import encode_answer
from closed_log import HOUR_US, START_US, ClosedLog, changed, drawn_log
from naive_tree import mth
from small_ledger import KEYS

PARTY, OWNER = Question(party="pty_3"), Question(owner="per_1")
RANGE = Question(owner="per_1", since=START_US + 100 * HOUR_US, until=START_US + 160 * HOUR_US)


@pytest.fixture(scope="module")
def log() -> ClosedLog:
    return drawn_log(400, parties=40, owners=3)


def is_believed(answer: Answer) -> bool:
    try:
        verify_answer(answer, KEYS)
    except AnswerWrong:
        return False
    return True


@pytest.mark.parametrize("question", [PARTY, OWNER, RANGE])
def test_an_honest_answer_is_everything(log: ClosedLog, question: Question) -> None:
    whole = verify_answer(read_answer(encode_answer(log.answer(question))), KEYS)
    theirs = [e for e in log.entries if question.number(e)]
    assert list(whole.entries) == [e for e in theirs if question.is_in(e.ts)]
    assert whole.all == len(theirs)
    assert whole.close == log.entries[-1].seq


@pytest.mark.parametrize("question", [PARTY, OWNER, RANGE])
def test_each_entry_left_out_alone_or_with_its_tail_is_missed(
    log: ClosedLog, question: Question
) -> None:
    run = log.run(question, len(log.entries) - 1)
    assert len(run) > 3
    for at, index in enumerate(run):
        for without in ([index], run[at:], run[: at + 1]):
            assert not is_believed(log.answer(question, without=without)), without


def test_an_owner_in_a_range_has_a_neighbour_beyond_each_end(log: ClosedLog) -> None:
    run = log.run(RANGE, len(log.entries))
    first, last = log.entries[run[0]], log.entries[run[-1]]
    assert (first.oseq or 0) > 1
    assert first.ts < RANGE.since
    assert last.ts >= RANGE.until


def test_who_has_nothing_is_shown_to_have_nothing(log: ClosedLog) -> None:
    answer = log.answer(Question(party="pty_nobody"))
    assert verify_answer(answer, KEYS).all == 0
    assert not is_believed(changed(answer, question=PARTY))


def test_nothing_of_an_answer_can_be_altered(log: ClosedLog) -> None:
    answer = log.answer(PARTY)
    key = key_of("s/pty_3").hex()
    bucket = tuple((k, last - (k == key)) for k, last in answer.bucket)
    others = [log.answer(Question(party=f"pty_{n}")) for n in range(9)]
    other = next(one for one in others if one.bucket != answer.bucket)
    for wrong in (
        changed(answer, bucket=bucket),
        changed(answer, bucket=tuple(row for row in answer.bucket if row[0] != key)),
        changed(answer, bucket=(*answer.bucket, answer.bucket[-1])),
        changed(answer, bucket=(*answer.bucket, ("zz", 1))),
        changed(answer, bucket=tuple((k, -1) for k, _ in answer.bucket)),
        changed(answer, bucket=other.bucket, path=other.path),
        changed(answer, path=answer.path[1:]),
        changed(answer, path=(*answer.path, *answer.path[:1])),
        changed(answer, names=answer.names + 1),
        changed(answer, names=10**18),
        changed(answer, close=log.run(PARTY, 400)[0]),
        changed(answer, hashes=answer.hashes[1:]),
        changed(answer, hashes=(*answer.hashes, answer.hashes[0])),
        changed(answer, hashes=("aGk=", *answer.hashes[1:])),
        changed(answer, entries=answer.entries[:-1]),
        changed(answer, entries=(*answer.entries, answer.entries[0])),
        changed(answer, entries=(answer.entries[0] + " ", *answer.entries[1:])),
        changed(answer, question=Question(party="pty_3", owner="per_1")),
        changed(answer, question=Question()),
        changed(answer, checkpoint=answer.checkpoint.replace("log.example", "log.other")),
    ):
        assert not is_believed(wrong)


def test_an_older_close_is_an_answer_of_then_and_takes_nothing_later() -> None:
    log, older = ClosedLog(), ClosedLog()
    for each in (log, older):
        each.add("pty_1")
        then = each.close()
    before = older.answer(Question(party="pty_1"))
    log.add("pty_1")
    log.close()
    assert verify_answer(before, KEYS).as_of == then.ts
    answer = log.answer(Question(party="pty_1"))
    bucket = before.bucket
    assert not is_believed(changed(answer, close=then.seq, bucket=bucket, path=before.path))


def test_a_clock_that_was_set_back_hides_nothing() -> None:
    """An entry written later may have an earlier time: a neighbour must be beyond that far."""
    log = ClosedLog()
    for hour in (0, 1, 2, 10, 9, 8, 11, 12, 20, 21, 30):  # set back by two hours
        log.add("", "per_1", START_US + hour * HOUR_US)
    log.close()
    question = Question(owner="per_1", since=START_US + 10 * HOUR_US, until=START_US + 12 * HOUR_US)
    run = log.run(question, 11)
    assert [e.seq for e in verify_answer(log.answer(question), KEYS).entries] == [3, 6]
    assert run == list(range(2, 9))
    hidden = log.answer(question, without=[2, 3])  # 9 o'clock is no neighbour to begin with
    assert not is_believed(hidden)


def defined(some: set[int], leaves: list[bytes], start: int, end: int) -> list[bytes]:
    """docs/answers.md, step 2, the other way round: what is taken is what is given."""
    if not some & set(range(start, end)):
        return [mth(leaves[start:end])]
    if end - start == 1:
        return []
    middle = start + (1 << (end - start - 1).bit_length() - 1)
    return defined(some, leaves, start, middle) + defined(some, leaves, middle, end)


def test_many_leaves_have_one_proof_as_the_definition_has_it() -> None:
    chance = random.Random(3)
    for size in (*range(1, 34), 100):
        leaves = [leaf_hash(str(n).encode()) for n in range(size)]

        def node(level: int, index: int, leaves: list[bytes] = leaves) -> bytes:
            return mth(leaves[index << level : (index + 1) << level])

        for _ in range(20):
            some = sorted(chance.sample(range(size), chance.randint(1, size)))
            proof = many_proof(some, size, node)
            assert proof == defined(set(some), leaves, 0, size)
            hashes = {index: leaves[index] for index in some}
            assert many_root(hashes, size, proof) == mth(leaves)
            with pytest.raises(ProofError):
                many_root(hashes, size, [*proof, bytes(32)])
            if proof:
                with pytest.raises(ProofError):
                    many_root(hashes, size, proof[:-1])


def test_the_map_is_the_same_however_its_counters_came() -> None:
    """Close by close, or all at once; over each number of names at which its depth changes."""
    once, often = scratch(), scratch()
    for db in (once, often):
        db.executescript(rows.SCHEMA)
    counts = {f"s/pty_{n}": n + 1 for n in range(140)}
    close = Entry(v=1, id="cls_0", seq=0, ts=0, kind="day.closed")
    checks = closes.CloseChecks()
    for number, (name, last) in enumerate(counts.items()):
        closes.write(often, closes.proposed(often, {name: last}), close)
        if number in (0, 31, 32, 33, 63, 64, 65, 127, 128, 139):
            said = dict(list(counts.items())[: number + 1])
            change = closes.proposed(once, said)
            assert change.root == closes.proposed(often, {}).root
            assert (change.names, change.depth) == (number + 1, depth_of(number + 1))
    closes.write(once, closes.proposed(once, counts), close)
    for table in closes.TABLES:
        sql = f"SELECT * FROM {table}"
        assert once.execute(sql).fetchall() == often.execute(sql).fetchall()
    root = closes.proposed(once, {}).root
    for name, last in counts.items():
        assert closes.counted(once, name).last(name, root) == last
        assert closes.counted(once, name).last(f"{name}x", root) in (None, 0)
    assert checks.take(Entry(v=1, id="e", seq=0, ts=0, kind="stop"), {}) is None


def test_a_bucket_out_of_order_or_of_another_place_proves_nothing() -> None:
    rows_ = sorted((key_of(f"s/{n}"), n) for n in range(3))
    good = Counted(3, rows_, [])
    root = bucket_hash(rows_)
    assert good.last("s/2", root) == 2
    assert Counted(3, rows_[::-1], []).last("s/2", bucket_hash(rows_[::-1])) is None
    assert Counted(40, rows_, [bytes(32)]).last("s/2", root) is None


@pytest.mark.parametrize(
    "altered", [{"root": "00" * 32}, {"names": 1}, {"skew": 1}, {"day": "2026-01-01"}]
)
def test_a_close_that_does_not_commit_what_was_counted_is_named(altered: dict[str, str]) -> None:
    log, checks = ClosedLog(), EntryChecks()
    for number in range(100):
        log.add(f"pty_{number}", "per_1")
        if number % 10 == 9:
            log.close()
    log.close(**altered)
    said = [checks.take(encode_entry(entry)) for entry in log.entries]
    assert all(isinstance(entry, Entry) for entry in said[:-1])
    assert re.match("it closes ", str(said[-1]))


def test_days_are_closed_in_their_order_and_once() -> None:
    def said(*days: tuple[str, str]) -> list[object]:
        log, checks = ClosedLog(), EntryChecks()
        for since, day in days:
            log.close(since=since, day=day)
            log.close(why="asked")
        return [one for e in log.entries if isinstance(one := checks.take(encode_entry(e)), str)]

    assert said(("2026-01-01", "2026-01-01"), ("2026-01-02", "2026-01-09")) == []
    assert len(said(("2026-01-01", "2026-01-02"), ("2026-01-02", "2026-01-03"))) == 1
    assert len(said(("2026-01-02", "2026-01-01"))) == 1


def test_an_entry_beside_those_asked_for_is_not_believed(log: ClosedLog) -> None:
    more = next(e.seq for e in log.entries if not PARTY.number(e) and e.kind == "outcome")
    assert not is_believed(log.answer(PARTY, beside=[more]))
    assert not is_believed(log.answer(PARTY, beside=[0, 1, 2]))


@pytest.mark.parametrize("skew", ["much", "5", -1])
def test_a_close_whose_skew_is_no_time_proves_nothing(skew: str | int) -> None:
    log = drawn_log(20, parties=3, owners=2)
    log.add("pty_1", "per_1")
    log.close(skew=skew)
    with pytest.raises(AnswerWrong, match="skew"):
        verify_answer(log.answer(Question(party="pty_1")), KEYS)
