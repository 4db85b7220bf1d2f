"""What explains an answer: the policy sets and releases that its entries name, the handings-over of
the log's key, and the proof that nothing was left out."""

from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

from answerable.engine.port import Feed
from answerable.ledger.bundle import EVERYTHING, Asked, handing_names, policy_name, release_name
from answerable.ledger.domain import decode_entry
from answerable.ledger.keychain import handing_over
from answerable.ledger.named_sets import RELEASE_KINDS, Named, release_digest
from answerable.ledger.proof import prove
from answerable.ledger.tiles import TileReader
from answerable.ledger.verify_beside import question_of
from answerable.store.threads import beside_the_loop
from answerable.worker.answering import answer_from, encode_answer
from answerable.worker.commands.office import Office
from answerable.worker.publisher import HANDINGS, TILES
from answerable.worker.replay.manifests import Manifests
from answerable.worker.replay.sets import PolicySets, kept_text


async def named_members(
    office: Office, named: Named, asked: Asked
) -> tuple[dict[str, bytes], list[str]]:
    """Policy sets and releases, by the names of their members; and those that are not here."""
    hall, keys = office.house.hall, office.house.keys
    sets = PolicySets(keys, office.house.plan.policy)
    manifests = Manifests(keys, hall.releases.values())
    async for record in hall.engine.read(0, RELEASE_KINDS):
        sets.take(record)
        manifests.take(record)
        if asked.kind == EVERYTHING:
            named.take(decode_entry(record.data))
    found: dict[str, bytes] = {}
    for digest in sorted(named.sets):
        kept = kept_text(sets, digest)
        if kept is not None:
            found[policy_name(digest)] = kept.source
    for release in sorted(named.releases):
        manifest = manifests.find(release)
        if manifest is not None:
            found[release_name(release_digest(manifest))] = manifest
    return found, list(named.lacking(found))


async def handing_members(office: Office, asked: Asked, size: int) -> dict[str, bytes]:
    """Each handing-over of the log's key up to that size: its entry, and its proof under the head
    that both keys signed; that head alone too, where the bundle is a whole log."""
    handed = [each async for each in _handed(office.house.hall.engine)]
    entries = [(at, data) for at, data in handed if at <= size]
    folder = office.house.home / TILES
    return await beside_the_loop(lambda: dict(_proven(folder, entries, asked)))


async def _handed(feed: Feed) -> AsyncIterator[tuple[int, bytes]]:
    async for record in feed.read(0, ("key.rotated",)):
        handed = handing_over(decode_entry(record.data))
        if handed is not None:
            yield handed.size, record.data


def _proven(
    folder: Path, entries: Iterable[tuple[int, bytes]], asked: Asked
) -> Iterator[tuple[str, bytes]]:
    for size, data in entries:
        head, entry, proof = handing_names(size)
        note = (folder / HANDINGS / str(size)).read_text("utf-8")
        yield entry, data
        yield proof, prove(size - 1, note, TileReader(folder, size)).encode().encode()
        if asked.kind == EVERYTHING:
            yield head, note.encode()


async def complete_member(office: Office, asked: Asked) -> bytes:
    """What `completeness.json` says; empty where the question has no such answer."""
    question, home = question_of(asked), office.house.home
    if question is None:
        return b""
    return await beside_the_loop(lambda: encode_answer(answer_from(home, question)))
