"""Replays of a home as it lies there: one decision with its turn, or all verdicts of a time."""

import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from answerable.adapters.engines.embedded.journal import DATABASE, FeedFile
from answerable.agents.domain import Blueprint, release_of
from answerable.base.chance import SystemChance
from answerable.base.clock import SystemClock
from answerable.base.errors import AnswerableError, NotFound, Unreadable
from answerable.base.ids import TimeOrderedIds, kin
from answerable.compose.configured import agents_of
from answerable.effects.intent import decode_intent
from answerable.engine.port import Record
from answerable.ledger.bodies import commit, open_body
from answerable.ledger.domain import KINDS, Entry, decode_entry
from answerable.ledger.keyring import Keyring
from answerable.ledger.sealing import STEP_KIND, kid_of
from answerable.people import rows as people_rows
from answerable.people.service import People
from answerable.pipeline.receive import decode_message
from answerable.policy.decide import evaluations
from answerable.store.keys import KEYS, KeyDestroyed, KeyStore, home_key
from answerable.store.sqlite import open_reader
from answerable.worker.replay.archived import Archives
from answerable.worker.replay.found import Difference, Part, Replayed, Tally
from answerable.worker.replay.sets import PolicySets
from answerable.worker.replay.turns import Recorded, turn_again
from answerable.worker.replay.verdicts import Verdicts
from answerable.worker.stored import stored
from answerable.worker.verification import check_has_ledger

_FIRST_MAX = 20
_ERASURES = sorted(kind for kind in KINDS if kind.startswith("erasure."))
_PARTS_OF_CODE = ("code", "prompt", "model", "tools", "settings")
_IS_A_PERSONS = Part("none", "a person spoke, and no code ran")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which verdicts: of one accountable person or of all, at [since, until), microseconds UTC."""

    owner: str = ""  # a person's id
    since: int = 0
    until: int = 2**63
    archives: Path | None = None  # the folder in which they lie


@dataclass(frozen=True, slots=True)
class _Books:
    """A home, open for reading."""

    feed: FeedFile
    keys: KeyStore
    verdicts: Verdicts
    archives: Archives | None = None

    async def whole(self, records: Sequence[Record]) -> tuple[Record, ...]:
        return tuple(records) if self.archives is None else await self.archives.whole(records)


def replay_decision(home: Path, decision: str, archives: Path | None = None) -> Replayed:
    """One decision: its verdict and its turn. Raises NotFound, ArchiveDamaged,
    RecordDamaged."""
    check_has_ledger(home)
    loaded, problem = _loaded(home)
    with stored():
        return asyncio.run(replay_one(home, decision, loaded, problem, archives=archives))


def replay_ledger(home: Path, asked: Asked) -> Tally:
    """All verdicts of a time. Raises NotFound, ArchiveDamaged, RecordDamaged."""
    check_has_ledger(home)
    with stored():
        return asyncio.run(replay_all(home, asked))


def person_of(home: Path, who: str) -> str:
    """A person's id, whether they are here or have left. Raises PersonUnknown, UsageError."""
    if not who:
        return ""
    with closing(open_reader(home / DATABASE)) as database, closing(_keys(home)) as keys:
        keyring = Keyring(keys.naming_key(), keys, SystemChance())
        ids = TimeOrderedIds(SystemClock(), SystemChance())
        return People(people_rows.load(database), ids, keyring).whoever(who).id


async def replay_all(home: Path, asked: Asked | None = None) -> Tally:
    asked = asked or Asked()
    began, evaluated = time.monotonic(), evaluations()
    count: Counter[str] = Counter()
    sets: set[str] = set()
    first: list[Replayed] = []
    async with _opened(home, asked.archives) as books:
        async for kept in books.feed.read(0, ("decided",)):
            entry = decode_entry(kept.data)
            is_theirs = not asked.owner or entry.accountable == asked.owner
            if not is_theirs or not asked.since <= entry.ts < asked.until:
                continue
            [record] = await books.whole([kept])
            found = books.verdicts.again(record)
            count[found.status] += 1
            sets.add(entry.policy[-1].set)
            if found.status == "different" and len(first) < _FIRST_MAX:
                first.append(_replayed(entry, found, Part("none", "it was not run")))
    return Tally(
        decisions=sum(count.values()), same=count["same"], different=count["different"],
        erased=count["erased"], archived=count["archived"], not_kept=count["not_kept"],
        evaluations=evaluations() - evaluated, sets=len(sets - {"answerable"}),
        seconds=round(time.monotonic() - began, 2), first=tuple(first),
    )  # fmt: skip


async def replay_one(
    home: Path, decision: str, loaded: Mapping[str, Blueprint], problem: str = "", *,
    archives: Path | None = None,
) -> Replayed:  # fmt: skip
    """By the code that is given; `problem` says why there is none. Raises NotFound,
    ArchiveDamaged."""
    async with _opened(home, archives) as books:
        record = books.feed.first(f"dec_{decision.removeprefix('eff_').removeprefix('dec_')}")
        if record is None or record.kind != "decided":
            raise NotFound(
                f"No decision '{decision}' is in this ledger.", "Nothing was replayed.",
                "answerable decision list",
            )  # fmt: skip
        entry = decode_entry(record.data)
        [record] = await books.whole([record])
        verdict = books.verdicts.again(record)
        return _replayed(entry, verdict, await _turn(books, record, entry, loaded, problem))


def _replayed(entry: Entry, verdict: Part, turn: Part) -> Replayed:
    used = entry.policy[-1]
    recorded = f"{used.verdict} by {', '.join(used.reasons) or 'no rule'}"
    return Replayed(
        decision=entry.id, index=entry.seq, verdict=verdict, turn=turn, recorded=recorded
    )


async def _turn(
    books: _Books, record: Record, entry: Entry, loaded: Mapping[str, Blueprint], problem: str
) -> Part:
    if entry.agent is None:
        return _IS_A_PERSONS
    blueprint = loaded.get(entry.agent.id)
    if blueprint is None:
        why = problem or f"no agent '{entry.agent.id}' is configured"
        return Part("not_loaded", f"release not loaded: {why}")
    release = release_of(blueprint, entry.policy[-1].set)
    if release.id != entry.agent.release:
        return Part("not_loaded", _other_code(books, entry.agent.release, release.parts))
    memo = await books.whole(books.feed.memo(record.arrival or ""))
    try:
        recorded = _recorded(books, entry, memo)
    except KeyDestroyed:
        return Part("erased", books.verdicts.erased(entry))
    except _Unopened as gone:
        return gone.part
    return await turn_again(blueprint, recorded)


def _other_code(books: _Books, wanted: str, parts: Mapping[str, str]) -> str:
    """Which parts of the release that ran are not those of the code that is there."""
    registered = books.feed.first(wanted)
    change = (decode_entry(registered.data).change or {}) if registered else {}
    odd = [part for part in _PARTS_OF_CODE if str(change.get(part, "")) != parts[part]]
    what = f"; of what is there {', '.join(odd)} is another" if change and odd else ""
    return f"release not loaded: {wanted} ran{what}"


class _Unopened(Exception):
    def __init__(self, part: Part) -> None:
        self.part = part
        super().__init__(part.why)


def _recorded(books: _Books, entry: Entry, memo: tuple[Record, ...]) -> Recorded:
    """All of the turn, opened. Raises KeyDestroyed, _Unopened."""
    received = next((one for one in memo if one.kind == "received"), None)
    if received is None:
        raise _Unopened(Part("not_kept", "its message is not recorded"))
    decided = [one for one in memo if one.kind == "decided"]
    entries = [decode_entry(one.data) for one in decided]
    assert entry.body is not None
    kid = entry.body.kid
    key = books.keys.get(kid)
    after = next((one.effect.after for one in entries if one.effect and one.effect.after), None)
    return Recorded(
        interaction=entry.interaction, case=entry.case,
        party=entry.subject.pid if entry.subject else "",
        message=decode_message(_open(books, received, "the message")),
        actions=[bytes(decode_intent(_open(books, one, one.key)).action) for one in decided],
        waits_for=int(after.rpartition("-")[2]) if after else 0,
        steps=dict(_steps(books, entry.interaction, memo)),
        keyed=lambda digest: commit(key, "step", digest.encode()),
    )  # fmt: skip


def _steps(
    books: _Books, interaction: str, memo: tuple[Record, ...]
) -> Iterator[tuple[str, bytes]]:
    prefix = f"{kin('stp', interaction, 0)}/"
    for record in memo:
        if record.kind == STEP_KIND and record.key.startswith(prefix):
            name = record.key.removeprefix(prefix)
            yield name, _open(books, record, f"step {name.rpartition('/')[0]}")


def _open(books: _Books, record: Record, where: str) -> bytes:
    if record.body is None:
        said = f"{where} is archived: say with --archives in which folder"
        raise _Unopened(Part("archived", said))
    kid = kid_of(record)
    try:
        return open_body(books.keys.get(kid), kid, record.key, record.body)
    except KeyDestroyed:
        raise
    except (Unreadable, msgspec.DecodeError) as error:
        found = Difference(where, "body", "what was sealed", str(error))
        raise _Unopened(Part("different", difference=found)) from None


@asynccontextmanager
async def _opened(home: Path, folder: Path | None = None) -> AsyncIterator[_Books]:
    with ExitStack() as stack:
        feed = stack.enter_context(closing(FeedFile(home)))
        keys = stack.enter_context(closing(_keys(home)))
        archives = await Archives.of(folder, feed) if folder else None
        if archives is not None:
            stack.enter_context(closing(archives))
        sets = PolicySets(keys)
        await sets.follow(feed)
        erased = {}
        async for record in feed.read(0, _ERASURES):
            entry = decode_entry(record.data)
            if entry.subject is not None:
                erased[entry.subject.pid] = entry.seq
        yield _Books(feed, keys, Verdicts(keys, sets, erased), archives)


def _keys(home: Path) -> KeyStore:
    secret = home_key(home, SystemChance(), may_create=False)
    return KeyStore(home / KEYS, open_reader(home / KEYS), secret)


def _loaded(home: Path) -> tuple[dict[str, Blueprint], str]:
    """The agents whose code is there; or why there are none. What modules print is no data."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return agents_of(home), ""
    except AnswerableError as error:
        return {}, error.happened
    except SystemExit:
        return {}, "a module of the project ends the program when it is imported"
