"""Leave each of 10,000 entries out of every answer that it belongs in, and see that it is missed.

The proof is made anew for what is left, as who holds the signing key can make it. Of each party the
answer is its whole history, of each person a quarter, so that first ones, last ones and neighbours
outside of the range are among what is left out; of each answer every tail is cut too. Prints a
table; exits 1 if an omission is believed, or if an honest answer is not.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from answerable.ledger.answer import AnswerWrong, Question, verify_answer
from closed_log import HOUR_US, START_US, ClosedLog, drawn_log
from small_ledger import KEYS


def is_believed(log: ClosedLog, question: Question, without: list[int]) -> bool:
    try:
        verify_answer(log.answer(question, without=without), KEYS)
    except AnswerWrong:
        return False
    return True


def questions(log: ClosedLog, entries: int) -> list[Question]:
    """Each party, whole; each person, a fourth of the time, at four places."""
    parties = {e.subject.pid for e in log.entries if e.subject is not None}
    persons = {e.owner.person for e in log.entries if e.owner is not None}
    found = [Question(party=party) for party in sorted(parties)]
    for person in sorted(persons):
        for part in range(4):
            since, until = (START_US + entries * n // 4 * HOUR_US for n in (part, part + 1))
            found.append(Question(owner=person, since=since, until=until))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    log = drawn_log(
        given.entries, parties=given.entries // 20, owners=given.entries // 50, seed=given.seed
    )
    believed: list[tuple[Question, list[int]]] = []
    honest = left_out = tails = 0
    dropped: set[int] = set()
    for question in questions(log, given.entries):
        run = log.run(question, len(log.entries) - 1)
        honest += is_believed(log, question, [])
        for at, index in enumerate(run):
            dropped.add(index)
            cuts = ([index], run[at:])
            believed += [(question, cut) for cut in cuts if is_believed(log, question, cut)]
        left_out, tails = left_out + len(run), tails + len(run)
    asked = len(questions(log, given.entries))
    about = sum(e.subject is not None or e.owner is not None for e in log.entries)
    sys.stdout.write(
        f"entries about somebody          {about:>8}\n"
        f"of them left out at least once  {len(dropped):>8}\n"
        f"answers, honest                 {asked:>8}\n"
        f"believed                        {honest:>8}\n"
        f"answers without one entry       {left_out:>8}\n"
        f"answers without their tail      {tails:>8}\n"
        f"believed                        {len(believed):>8}\n"
    )
    for question, without in believed[:5]:
        sys.stdout.write(f"believed: {question} without {without}\n")
    return 0 if not believed and honest == asked and len(dropped) == about else 1


if __name__ == "__main__":
    sys.exit(main())
