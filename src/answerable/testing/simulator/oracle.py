"""After a world has come to rest: is every promise kept that can be looked up afterwards?"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

from answerable.adapters.engines.embedded.journal import DATABASE, FeedFile
from answerable.base.clock import DAY_US, HOUR_US, day_of
from answerable.compose.rebuild import Dump, dump, rebuild
from answerable.ledger.bodies import new_kid
from answerable.ledger.domain import CLOSED, OWNED_KINDS
from answerable.ledger.note import VKEY, VerifierKey
from answerable.ledger.verify import verify_feed
from answerable.ledger.verify_tiles import verify_tiles
from answerable.pipeline.tally import REPLY_ATTEMPTS_MAX
from answerable.store.keys import HOME_KEY, KEYS
from answerable.store.sqlite import open_reader
from answerable.testing.simulator.forgetting import acted_afterwards, learn
from answerable.testing.simulator.shop import TOOL_ATTEMPTS_MAX
from answerable.testing.simulator.witness import Violation
from answerable.testing.simulator.world import World
from answerable.worker.publisher import TILES
from answerable.worker.replay.homes import replay_all

_CANARY = b"canarybird"
_EXPECTED_SURRENDERS = frozenset({"erased", "key_destroyed", "KeyDestroyed"})


async def judge(world: World) -> list[Violation]:
    """Every promise that exists today, by number; the home is closed. Empty: all are kept."""
    world.books.catch_up()
    learn(world)
    found = list(world.witness.violations)
    for number, look in _LOOKS.items():
        found += [Violation(number, seen) for seen in look(world)]
    found += [Violation(8, seen) async for seen in _verified(world.home)]
    found += [Violation(8, seen) async for seen in _judged_again(world.home)]
    return found


def _owners_named(world: World) -> Iterator[str]:
    """1: each act of an agent names somebody who had accepted it, or stood in for who had."""
    by_index = {entry.seq: entry for entry in world.books.entries}
    for entry in world.books.entries:
        if entry.kind not in OWNED_KINDS or entry.agent is None:
            continue
        owner = entry.owner
        power = by_index.get(owner.accepted_at) if owner else None
        change = (power.change or {}) if power and power.seq < entry.seq else {}
        is_theirs = owner is not None and change.get("person") == owner.person
        if not is_theirs or change.get("agent") != entry.agent.id:
            yield f"{entry.id} names {owner}, who had not taken on {entry.agent.id}"


def _recorded(world: World) -> Iterator[str]:
    """2: whatever the other side did has its decision."""
    for key in world.shop.calls:
        if key not in world.books.decided:
            yield f"{key} was asked of the other side without a decision"


def _once(world: World) -> Iterator[str]:
    """3: nothing lost, nothing doubled, nothing left open, and the books agree."""
    books, shop = world.books, world.shop
    for external_id, interaction in world.witness.interactions.items():
        if interaction and not books.outcomes.get(interaction):
            yield f"{external_id} ({interaction}) has no outcome"
    for arrival, kind, _ in books.unfinished():
        if kind != "start":
            yield f"{kind} {arrival} is not finished"
    for effect in books.decided:
        yield from _one_effect(world, effect)
    replies = Counter(
        (one.in_reply_to, books.decided[one.key].agent is None)
        for one in {one.key: one for one in shop.sent}.values()
        if one.key in books.decided
    )
    said = Counter(one.text for one in {one.key: one for one in shop.sent}.values())
    for text, count in said.items():
        if count > 1 and text.startswith("canarybird say-"):
            yield f"a person's {text.split()[1]} was said {count} times"
    for (external_id, is_persons), count in replies.items():
        if count > 1 and not is_persons:
            yield f"{external_id} was answered {count} times"


def _one_effect(world: World, effect: str) -> Iterator[str]:
    books, shop = world.books, world.shop
    final, times = books.final(effect), shop.done[effect]
    entry = books.decided[effect]
    repeat = entry.effect.repeat if entry.effect else ""
    if final == "open":
        yield f"{effect} has not ended: {books.ends.get(effect)}"
    if times > 1:
        yield f"{effect} ({repeat}) was done {times} times"
    if final == "done" and not times:
        yield f"{effect} is recorded as done, and was not"
    if final in ("failed", "refused", "denied") and times:
        yield f"{effect} is recorded as {final}, and was done: {books.ends.get(effect)}"
    most = TOOL_ATTEMPTS_MAX if entry.action and entry.action.kind == "tool" else REPLY_ATTEMPTS_MAX
    if any(one.status == "retry" and one.attempt >= most for one in books.ends[effect]):
        yield f"{effect} was to be tried again after {most} attempts"
    if repeat == "at_most_once" and final == "done" and shop.calls[effect] > 1:
        yield from _counted_calls(world, effect)


def _counted_calls(world: World, effect: str) -> Iterator[str]:
    """What can be done at most once is called again only after a sure no."""
    nos = sum(one.status == "retry" for one in world.books.ends[effect])
    if world.shop.calls[effect] > nos + 1:
        yield f"{effect} (at_most_once) was called {world.shop.calls[effect]} times, {nos} noes"


def _only_proposed(world: World) -> Iterator[str]:
    """4: each decision of an agent stands for something that its message wished, and as often."""
    wished: dict[str, Counter[tuple[str, int | None]]] = {
        world.witness.interactions.get(external_id, ""): Counter(letter.wish.tools)
        for external_id, letter in world.witness.letters.items()
    }
    decided: defaultdict[str, Counter[tuple[str, int | None]]] = defaultdict(Counter)
    for entry in world.books.decided.values():
        action = entry.action
        if action is not None and entry.agent is not None and action.kind == "tool":
            decided[entry.interaction][action.name, action.amount_minor] += 1
    for interaction, actions in decided.items():
        for (name, cents), more in (actions - wished.get(interaction, Counter())).items():
            yield f"{interaction} has {more} decisions on {name} {cents} more than it wished"


def _silence(world: World) -> Iterator[str]:
    """5: a yes is a living person's, single, and given in time."""
    for effect, approvals in world.books.approvals.items():
        if len(approvals) > 1:
            yield f"{effect} has {len(approvals)} approvals"
        for one in approvals:
            verdict = world.books.decided[effect].policy[-1].verdict
            if one.outcome and one.outcome.status == "granted" and verdict != "hold":
                yield f"{effect} was granted, and did not ask"
    yield from world.books.doubtful


def _one_speaker(world: World) -> Iterator[str]:
    """6: hands change one epoch at a time."""
    for case, hands in world.books.hands.items():
        epochs = [epoch for _, epoch, _ in hands]
        if epochs != list(range(1, len(epochs) + 1)):
            yield f"{case} changed hands in the order {epochs}"


def _where_asked(world: World) -> Iterator[str]:
    """7: whatever was sent went back to who had written."""
    for one in world.shop.sent:
        letter = world.witness.letters.get(one.in_reply_to)
        if letter is None or letter.sender != one.to:
            yield f"{one.key} went to {one.to}"


def _counted(world: World) -> Iterator[str]:
    """8: the counters of each party and of each accountable person have no gap."""
    seen: defaultdict[str, int] = defaultdict(int)
    for place, entry in enumerate(world.books.entries):
        if entry.seq != place:
            yield f"{entry.id} has index {entry.seq}, and is entry {place}"
        counters: list[tuple[str, int | None]] = []
        if entry.subject is not None:
            counters.append((f"party {entry.subject.pid}", entry.subject.sseq))
        if entry.owner is not None:
            counters.append((f"owner {entry.owner.person}", entry.oseq))
        for name, count in counters:
            seen[name] += 1
            if count != seen[name]:
                yield f"{entry.id} is number {count} of {name}, after {seen[name] - 1}"


def _complete(world: World) -> Iterator[str]:
    yield from _counted(world)
    yield from _closed(world)


def _closed(world: World) -> Iterator[str]:
    """8: each day that had ended by the last hour is closed, once, whatever crashed."""
    days: Counter[date] = Counter()
    for entry in world.books.entries:
        if entry.kind == CLOSED and (day := entry.changed("day")):
            first, last = date.fromisoformat(entry.changed("since")), date.fromisoformat(day)
            days.update(first + timedelta(days=n) for n in range((last - first).days + 1))
    yield from (f"{day} is closed {times} times" for day, times in days.items() if times != 1)
    at, end = date.fromisoformat(day_of(world.books.entries[0].ts)), world.clock.now() - DAY_US
    while day_of(end - HOUR_US) >= at.isoformat():
        if not days[at]:
            yield f"{at} is not closed"
        at += timedelta(days=1)


def _forgotten(world: World) -> Iterator[str]:
    """9: nothing that a customer wrote, or is called by, lies in any file in plain; no key that was
    destroyed is there under any name, and none is missing that was not."""
    yield from world.books.unreadable
    yield from acted_afterwards(world.books.entries)
    if world.destroyed:
        yield from _still_wrapped(world)
    for path in sorted(world.home.rglob("*")):
        if path.is_file() and _CANARY in path.read_bytes().lower():
            yield f"{path.relative_to(world.home)} holds a customer's words in plain"


def _still_wrapped(world: World) -> Iterator[str]:
    secret = (world.home / HOME_KEY).read_bytes()
    with closing(open_reader(world.home / KEYS)) as database:
        rows = database.execute("SELECT kid, wrapped FROM key ORDER BY id").fetchall()
    for name, wrapped in rows:
        if not any(wrapped):
            continue
        kid = new_kid(aes_key_unwrap(secret, wrapped))
        if kid in world.destroyed:
            yield f"key {kid}, which was destroyed, lies in the store as {name}"


def _way_back(world: World) -> Iterator[str]:
    """11: state says what the feed says: made again from it, it is the same to the row."""
    before = _dump(world.home)
    rebuild(world.home)
    after = _dump(world.home)
    for table in before:
        if before[table] != after[table]:
            odd = set(before[table]).symmetric_difference(after[table])
            yield f"state table {table} differs from the feed: {sorted(odd, key=repr)[:2]}"


def _dump(home: Path) -> Dump:
    with closing(open_reader(home / DATABASE)) as database:
        return dump(database)


async def _verified(home: Path) -> AsyncIterator[str]:
    """8: the feed and the published files are what was signed."""
    vkey = VerifierKey.parse((home / VKEY).read_text().strip())
    feed = FeedFile(home)
    try:
        verified = await verify_feed(feed.read(0), [vkey])
    finally:
        feed.close()
    if verified.problem is not None:
        yield f"feed: {verified.problem}"
    published = verify_tiles(home / TILES, [vkey])
    if published.problem is not None:
        yield f"files: {published.problem}"
    elif published.entries != verified.entries:
        yield f"files have {published.entries} entries, the feed {verified.entries}"


async def _judged_again(home: Path) -> AsyncIterator[str]:
    """8: each verdict comes out of its stored inputs again; what was erased has none."""
    tally = await replay_all(home)
    for one in tally.first:
        yield f"{one.decision} is judged otherwise: {one.verdict}"
    if tally.not_kept:
        yield f"the inputs of {tally.not_kept} verdicts were not kept"


def _no_defects(world: World) -> Iterator[str]:
    """A stage that fails costs an interaction: here only what was erased is a reason to."""
    for interaction, outcomes in world.books.outcomes.items():
        for one in outcomes:
            reason = one.outcome.reason if one.outcome else ""
            party = one.subject.pid if one.subject else ""
            is_expected = reason in _EXPECTED_SURRENDERS and party in world.erased
            if one.outcome and one.outcome.status == "surrendered" and not is_expected:
                yield f"{interaction} was given up: {reason}"
    yield from world.loop.complaints


_LOOKS = {
    0: _no_defects, 1: _owners_named, 2: _recorded, 3: _once, 4: _only_proposed, 5: _silence,
    6: _one_speaker, 7: _where_asked, 8: _complete, 9: _forgotten, 11: _way_back,
}  # fmt: skip
"""By promise; 10, the stop, is seen where the world is touched, and leaves nothing to look up."""
