"""`decision who` in a long history: `python benchmarks/who_at_a_million.py [ENTRIES] [FOLDER]`.

Builds a home of that many sealed entries through the real committer and journal (a person who
accepted, parties, cases, messages, decisions with bodies, their ends), publishes its tiles, follows
it with the index, and asks who was accountable for decisions drawn by chance: of a worker's
commands, of a worker's process through the command line, and of a home that nobody holds. Every
tenth answer's proof is verified. Prints JSON; exit code 1 where the bar is not held.
"""

import asyncio
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from answerable.base.chance import SeededChance
from answerable.base.ids import kin
from answerable.cases.domain import Case, Lease
from answerable.compose.configured import office_plan
from answerable.effects.intent import ReplyAction, encode_action, encode_intent
from answerable.ledger import domain as ledger
from answerable.ledger.draft import Body, Draft, Unit
from answerable.ledger.proof import verify_proof
from answerable.parties.domain import Party
from answerable.policy.domain import Request, encode_request
from answerable.worker.client import Client, WorkerAway
from answerable.worker.commands import call
from answerable.worker.commands.office import Office
from answerable.worker.process import close_office, open_office
from answerable.worker.verbs import DecisionWho, OwnerAccept, PersonAdd, Status
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.control import Standing
from answerable.worker.verbs.proofs import Who

BAR_MS = 50.0
AGENT, RELEASE, RAIL = "support", f"rel_{'0' * 24}", "email"
OWNER = "olga@acme.example"
_EACH_PARTY = 5  # interactions
_AT_ONCE = 2_000  # units on their way
_QUESTIONS = 1_000
_PROCESSES = 20


class History:
    """Units as the hallway writes them, one an interaction."""

    def __init__(self, office: Office, owner: ledger.Owner) -> None:
        self._hall = office.house.hall
        self._owner = owner
        self._party = Party("", "")
        self._case = Case("", "", AGENT, Lease(f"agent:{AGENT}", 1))

    def units(self) -> Iterator[Unit]:
        number = 0
        while True:
            interaction, unit = self._hall.ids.new("int"), Unit()
            if number % _EACH_PARTY == 0:
                self._new_party(number, interaction, unit)
            unit.drafts += self._interaction(interaction)
            number += 1
            yield unit

    def _new_party(self, number: int, interaction: str, unit: Unit) -> None:
        identifier = self._hall.keyring.identifier_hash("email", f"kim{number}@example.org")
        parties, cases = self._hall.parties, self._hall.cases
        self._party = parties.find_or_create(identifier, f"kim{number}", interaction, unit)
        self._case = cases.find_or_open(self._party.id, AGENT, interaction, unit)

    def _interaction(self, interaction: str) -> list[Draft]:
        trace = ledger.Trace(interaction=interaction, case=self._case.id)
        effect = ledger.Effect(
            id=kin("eff", interaction, 1), key=kin("eff", interaction, 1), repeat="idempotent"
        )
        message, agent = kin("msg", interaction, 0), ledger.AgentRef(id=AGENT, release=RELEASE)
        decided = self._decided(interaction, message, effect)
        return [
            Draft(
                kind="received", id=message, actor=f"rail:{RAIL}", party=self._party.id,
                trace=trace, change={"inbox": interaction, "rail": RAIL, "grade": 1},
                body=Body(kid=self._party.kid, data=b"Where is my order? It is a week late."),
            ),
            decided,
            Draft(
                kind="effect.done", id=f"{effect.id}.end", owner=self._owner, agent=agent,
                party=self._party.id, parent=decided.id, trace=trace, effect=effect,
                outcome=ledger.Outcome(status="done"),
                body=Body(kid=self._party.kid, data=b"sent"),
            ),
            Draft(
                kind="outcome", id=kin("out", interaction, 0).removesuffix("-0"),
                actor="system:hallway", party=self._party.id, parent=message, trace=trace,
                outcome=ledger.Outcome(status="answered"),
            ),
        ]  # fmt: skip

    def _decided(self, interaction: str, message: str, effect: ledger.Effect) -> Draft:
        action = encode_action(
            ReplyAction(rail=RAIL, to="kim@example.org", in_reply_to="m1", text="On Tuesday.")
        )
        request = encode_request(
            Request(
                agent=AGENT, release=RELEASE, action="reply", name=RAIL, grade=1,
                at_us=self._hall.clock.now(),
            )
        )  # fmt: skip
        return Draft(
            kind="decided", id=kin("dec", interaction, 1), owner=self._owner,
            agent=ledger.AgentRef(id=AGENT, release=RELEASE), party=self._party.id,
            parent=message, trace=ledger.Trace(interaction=interaction, case=self._case.id),
            policy=(
                ledger.PolicyUse(
                    set="0" * 64, context="0" * 64, verdict="allow",
                    reasons=("shop.cedar:3 @replies",),
                ),
            ),
            action=ledger.Action(kind="reply", name=RAIL, commit="0" * 64),
            effect=effect,
            change={"holder": f"agent:{AGENT}", "epoch": 1, "day": "2026-03-02"},
            body=Body(kid=self._party.kid, data=encode_intent(action, request)),
        )  # fmt: skip


async def build(home: Path, entries: int) -> dict[str, float]:
    """A home with that many entries; how long each part took, in seconds."""
    office = await open_office(office_plan(home), works=False)
    person = await call(office, PersonAdd(OWNER, "Olga Owner"))
    accepted = await call(office, OwnerAccept(AGENT, OWNER))
    assert isinstance(person, Done)
    assert isinstance(accepted, Done)
    committer = office.house.hall.committer
    history = History(office, ledger.Owner(person=person.id, accepted_at=accepted.index)).units()
    took = {"commit": 0.0, "publish": 0.0, "index": 0.0}
    while committer.size < entries:
        start_s = time.perf_counter()
        await asyncio.gather(*(committer.commit(next(history)) for _ in range(_AT_ONCE)))
        took["commit"] += time.perf_counter() - start_s
        if committer.size % 100_000 < 5 * _AT_ONCE:
            sys.stderr.write(f"{committer.size} entries\n")
    for part, follow in (("publish", office.publisher.follow), ("index", office.index.follow)):
        start_s = time.perf_counter()
        await follow(office.house.hall.engine)
        took[part] = time.perf_counter() - start_s
    await close_office(office)
    return {part: round(seconds, 1) for part, seconds in took.items()}


async def ask_commands(home: Path) -> dict[str, float]:
    """Of the worker's own commands, in this process: ms to open, for the first, for the others."""
    start_s = time.perf_counter()
    office = await open_office(office_plan(home), works=False)
    opened_ms = (time.perf_counter() - start_s) * 1_000
    chance, ms = SeededChance(1), []
    for number in range(_QUESTIONS):
        start_s = time.perf_counter()
        who = await call(office, DecisionWho("", chance.uniform()))
        ms.append((time.perf_counter() - start_s) * 1_000)
        assert isinstance(who, Who)
        if number % 10 == 0:
            verify_proof(who.proof, who.entry.encode(), [office.house.vkey])
    await close_office(office)
    return {"open": round(opened_ms, 1), "first": round(ms[0], 1), **spread(ms[1:])}


async def ask_socket(home: Path) -> dict[str, float]:
    client, ms, chance = await connected(home), [], SeededChance(2)
    for _ in range(_QUESTIONS):
        start_s = time.perf_counter()
        await client.call(DecisionWho("", chance.uniform()), Who)
        ms.append((time.perf_counter() - start_s) * 1_000)
    await client.close()
    return spread(ms)


async def connected(home: Path) -> Client:
    for _ in range(600):
        try:
            client = await Client.connect(home)
        except WorkerAway:
            await asyncio.sleep(0.1)
            continue
        await client.call(Status(), Standing)
        return client
    raise WorkerAway(home)


def ask_processes(home: Path) -> dict[str, float]:
    """End to end: a process of the command line for each question."""
    command = [sys.executable, "-m", "answerable.cli", "decision", "who", "--random", "--json"]
    ms = []
    for _ in range(_PROCESSES):
        start_s = time.perf_counter()
        subprocess.run([*command, "--home", str(home)], check=True, capture_output=True)
        ms.append((time.perf_counter() - start_s) * 1_000)
    return spread(ms)


def spread(ms: list[float]) -> dict[str, float]:
    p95 = statistics.quantiles(ms, n=20)[-1]
    return {
        "p50": round(statistics.median(ms), 2), "p95": round(p95, 2), "max": round(max(ms), 2),
    }  # fmt: skip


def main(entries: int, folder: Path) -> int:
    home = folder / "home"
    home.mkdir()
    (home / "answerable.toml").write_text('[ledger]\norigin = "acme.example/million"\n')
    seconds = asyncio.run(build(home, entries))
    commands_ms = asyncio.run(ask_commands(home))
    free_ms = ask_processes(home)
    start_s = time.perf_counter()
    process = [sys.executable, "-m", "answerable.worker.process", str(home)]
    worker = subprocess.Popen(process)
    try:
        asyncio.run(closing(home))
        ready_s = time.perf_counter() - start_s
        socket_ms, processes_ms = asyncio.run(ask_socket(home)), ask_processes(home)
    finally:
        worker.terminate()
        worker.wait()
    found = {
        "entries": entries,
        "built_s": seconds,
        "worker_ready_s": round(ready_s, 2),
        "command_ms": commands_ms,
        "socket_ms": socket_ms,
        "command_line_ms": processes_ms,
        "command_line_on_a_free_home_ms": free_ms,
        "bytes": {name: (home / name).stat().st_size for name in ("answerable.db", "views.db")},
        "memory_mb_max": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "bar_ms": BAR_MS,
        "is_held": max(commands_ms["first"], commands_ms["p95"], socket_ms["p95"]) <= BAR_MS,
    }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0 if found["is_held"] else 1


async def closing(home: Path) -> None:
    await (await connected(home)).close()


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    place = Path(tempfile.mkdtemp(prefix="who-", dir=given.get(1)))
    os.environ.pop("ANSWERABLE_HOME", None)
    try:
        sys.exit(main(int(given.get(0, "1000000")), place))
    finally:
        shutil.rmtree(place, ignore_errors=True)
