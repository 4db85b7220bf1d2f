"""Commands that put old bodies away, and read one where it lies.

The order is what makes it safe: the archive is whole, durable and verified; an entry says where it
is and what it hashes to; only then bodies go, a page at a time, and last the published bundles. A
death in between leaves more in the home than the ledger says, never less, and the next run ends it.
"""

import sys
from hashlib import sha256
from pathlib import Path

import msgspec

from answerable.base import faults
from answerable.base.clock import iso
from answerable.base.errors import Busy, NotFound, UsageError
from answerable.effects.intent import action_of, decode_intent, exactly
from answerable.engine.port import Conflict
from answerable.ledger.archive import KINDS as ARCHIVED_KINDS
from answerable.ledger.archive import Archive, ArchiveDamaged, Sealed, sha256_of
from answerable.ledger.domain import Entry, decode_entry
from answerable.ledger.draft import Draft, Unit
from answerable.ledger.tiles import WIDTH
from answerable.ledger.verify_archive import ArchiveReader
from answerable.pipeline.receive import decode_message
from answerable.store.threads import beside_the_loop
from answerable.worker import verbs
from answerable.worker.archiving.writing import Written
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.commands.operations import answered_beside
from answerable.worker.commands.put_away import archives
from answerable.worker.verbs.archives import ArchivedBody, ArchiveView

_POSITIONS_AT_ONCE = 2_000
_NOT_DONE = "Nothing was archived."


async def ledger_archive(office: Office, verb: verbs.LedgerArchive) -> ArchiveView:
    """Raises UsageError, ArchiveDamaged, Busy where another run was first."""
    to = _checked(office, verb.to)
    actor = office.actor(verb.by)
    last = await _last(office)
    finished = ""
    if last is not None and verb.is_meant and await _has_bodies(office, last):
        finished = await _finish(office, last, to)
    await office.publisher.follow(office.house.hall.engine)
    if not office.house.hall.committer.size:
        raise NotFound("The ledger is empty.", _NOT_DONE, "answerable status")
    written = await _written(office, verb, to, last)
    index = -1
    if written.sha256:
        await faults.point("archive.before_entry")
        index = await _recorded(office, written, actor)
        await faults.point("archive.after_entry")
        await _drop(office, written.after, written.until)
        await office.publisher.follow(office.house.hall.engine)
    return ArchiveView(
        file=written.file, first=written.first, end=written.end, bodies=written.bodies,
        steps=written.steps, bundles=(written.end - written.first) // WIDTH,
        bytes=written.bytes, because=written.because, sha256=written.sha256, index=index,
        finished=finished,
    )  # fmt: skip


def _checked(office: Office, folder: str) -> Path:
    to = Path(folder)
    if not to.is_absolute():
        raise UsageError(
            f"'{to}' is not a whole path: the worker has a folder of its own.", _NOT_DONE,
            "answerable ledger archive --before DATE --to FOLDER",
        )  # fmt: skip
    if to.resolve().is_relative_to(office.house.home.resolve()):
        raise UsageError(
            f"'{to}' lies in the home: it would be lost with it.", _NOT_DONE,
            "answerable ledger archive --before DATE --to FOLDER",
        )  # fmt: skip
    return to


async def _last(office: Office) -> Archive | None:
    return next(iter(await archives(office.index, office.house.hall.engine)), None)


async def _after(office: Office, last: Archive) -> int:
    """The position after which an archive's records stand: where the one before it ends."""
    known = await archives(office.index, office.house.hall.engine)
    earlier = [each.until for each in known if each.end == last.first]
    return earlier[0] if earlier else 0


async def _has_bodies(office: Office, archive: Archive) -> bool:
    """Whether a death came before all that was put away had gone."""
    after = await _after(office, archive)
    async for record in office.house.hall.engine.read(after, ARCHIVED_KINDS):
        if record.position > archive.until:
            return False
        if record.body is not None:
            return True
    return False


async def _finish(office: Office, archive: Archive, to: Path) -> str:
    """Take away what an earlier run put away and could not take. Raises ArchiveDamaged where its
    file is not there any more as it was recorded: then nothing goes."""
    path = to / archive.file
    try:
        found = await beside_the_loop(lambda: sha256_of(path))
    except OSError:
        found = ""
    if found != archive.sha256:
        raise ArchiveDamaged(
            f"Entry {archive.index} says that entries {archive.first} to {archive.end - 1} are in "
            f"'{archive.file}', and '{path}' is not that file.",
            "Their bodies are still in the home, and stay there.",
            "answerable ledger archive --before DATE --to THE-FOLDER-THAT-HAS-IT",
        )
    await _drop(office, await _after(office, archive), archive.until)
    return archive.file


async def _written(
    office: Office, verb: verbs.LedgerArchive, to: Path, last: Archive | None
) -> Written:
    now = office.house.hall.clock.now()
    command = [
        sys.executable, "-m", "answerable.worker.archiving.writing", str(office.house.home),
        str(to), "--from-index", str(last.end if last else 0),
        "--from-position", str(last.until if last else 0),
        "--before-us", str(min(verb.before_us, now)),
    ]  # fmt: skip
    if verb.is_meant:
        command.append("--meant")
    failed = ArchiveDamaged(
        "The archive could not be written: its process ended.",
        "Nothing was taken from the home.",
        "read the worker's log, which says where it was",
    )
    return await answered_beside(command, Written, failed)


async def _recorded(office: Office, written: Written, actor: str) -> int:
    change: dict[str, str | int] = {
        "file": Path(written.file).name, "sha256": written.sha256, "first": written.first,
        "end": written.end, "until": written.until, "bodies": written.bodies,
        "steps": written.steps,
    }  # fmt: skip
    draft = Draft(kind="bodies.archived", id=f"arc_{written.first:09d}", actor=actor, change=change)
    try:
        committed = await office.house.commit_control(Unit(drafts=[draft]))
    except Conflict:
        raise Busy(
            f"Entries from {written.first} on were archived by another run meanwhile.",
            "Nothing was taken from the home by this one.",
        ) from None
    return committed.indexes[0]


async def _drop(office: Office, after: int, until: int) -> None:
    """A page at a time: what is asked meanwhile is answered."""
    for start in range(after, until, _POSITIONS_AT_ONCE):
        end = min(start + _POSITIONS_AT_ONCE, until)
        await office.house.drop_bodies(start, end, ARCHIVED_KINDS)
        await faults.point("archive.between_drops")


async def archive_read(office: Office, verb: verbs.ArchiveRead) -> ArchivedBody:
    """Raises NotFound, ArchiveDamaged, and KeyDestroyed where it was erased."""
    place = office.index.at(verb.index)
    record = await office.record_at(place.position) if place else None
    entry = decode_entry(record.data) if record else None
    if record is None or entry is None or entry.body is None:
        raise NotFound(
            f"Entry {verb.index} has no body.", "Nothing was read.", "answerable ledger search"
        )
    number, data = verb.index // WIDTH, record.data
    sealed = await beside_the_loop(lambda: _read(Path(verb.file), number, entry, data))
    keyring = office.house.hall.keyring
    return _told(entry, keyring.open(entry.body.kid, entry.id, sealed.data))


def _read(path: Path, number: int, entry: Entry, data: bytes) -> Sealed:
    """The body of an entry, if the archive is of this log. Raises ArchiveDamaged."""
    with ArchiveReader(path) as reader:
        if not reader.manifest.first <= entry.seq < reader.manifest.end:
            raise reader.damaged(f"entry {entry.seq} is not in it")
        if reader.entries(number)[entry.seq % WIDTH] != data:
            raise reader.damaged(f"its entry {entry.seq} is another one: it is of another log")
        for body in reader.bodies(number):
            wanted = entry.body.sha256 if entry.body else ""
            if body.key == entry.id and sha256(body.data).hexdigest() == wanted:
                return body
        raise reader.damaged(f"the body of entry {entry.seq} is not in it")


def _told(entry: Entry, data: bytes) -> ArchivedBody:
    sender, text = "", ""
    request: dict[str, object] = {}
    if entry.kind == "received":
        message = decode_message(data)
        sender, text = message.sender, message.text
    elif entry.kind == "decided":
        intent = decode_intent(data)
        text = exactly(action_of(intent))
        request = msgspec.json.decode(intent.request, type=dict[str, object] | None) or {}
    else:
        text = data.decode("utf-8", "replace")
    return ArchivedBody(entry.seq, iso(entry.ts), entry.kind, entry.id, sender, text, request)


HANDLERS: Handlers = {verbs.LedgerArchive: ledger_archive, verbs.ArchiveRead: archive_read}
