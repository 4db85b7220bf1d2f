"""The command that answers a question for a stranger: a bundle, as docs/bundle.md has it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from answerable.base.errors import Broken, Busy, NotFound, UsageError
from answerable.ledger.bundle import (
    ANSWER,
    COMPLETE,
    EVERYTHING,
    Answer,
    Asked,
    BundleWriter,
    body_name,
    canonical,
    entry_name,
    proof_name,
    seal_text,
)
from answerable.ledger.domain import KINDS, decode_entry
from answerable.ledger.named_sets import Named
from answerable.ledger.note import Checkpoint, note_text, parse_checkpoint, sign_note
from answerable.ledger.proof import prove
from answerable.ledger.sealing import kid_of
from answerable.ledger.tiles import (
    WIDTH,
    TileReader,
    encode_bundle,
    entries_path,
    read_checkpoint,
    tile_path,
)
from answerable.ledger.tree import leaf_hash
from answerable.ledger.verify_beside import question_of
from answerable.store.keys import KeyDestroyed
from answerable.store.threads import beside_the_loop
from answerable.worker import verbs
from answerable.worker.bundling.beside import (
    complete_member,
    handing_members,
    named_members,
)
from answerable.worker.bundling.disclosing import Bodies, choose_bodies, disclosed
from answerable.worker.bundling.gathering import gather
from answerable.worker.bundling.page import (
    SHOWN_MAX,
    WORDS_SHOWN_MAX,
    Row,
    Shown,
    Words,
    page,
    row_of,
)
from answerable.worker.bundling.turns import in_turns
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.days import close_now
from answerable.worker.publisher import TILES
from answerable.worker.stored import RecordDamaged
from answerable.worker.verbs.bundles import BundleView

_HEIGHT = 8
_NOT_DONE = "Nothing was written."
_TEXT_MAX = WORDS_SHOWN_MAX + 1  # of a body, for the page: it says what it cuts


@dataclass(slots=True)
class _Export:
    """One answer on its way into a file."""

    office: Office
    asked: Asked
    checkpoint: str
    head: Checkpoint
    found: dict[int, int]  # index to position; of everything none
    bodies: Bodies
    named: Named = field(default_factory=Named)
    words: list[Words] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)  # keys of the bodies that are in it
    missing: list[str] = field(default_factory=list)

    @property
    def is_all(self) -> bool:
        return self.asked.kind == EVERYTHING

    @property
    def count(self) -> int:
        return self.head.size if self.is_all else len(self.found)


async def ledger_export(office: Office, verb: verbs.LedgerExport) -> BundleView:
    """Raises UsageError, NotFound, PersonUnknown, Busy, Broken."""
    asked, to = _checked(office, verb)
    export = await _gathered(office, asked, verb)
    try:
        with BundleWriter(to) as writer:
            await _write(export, writer)
            members = writer.manifest.count(b"\n") + 2
    except OSError as error:
        raise _failed(export, to, error) from error
    bodies = export.bodies
    return BundleView(
        str(to), export.count, export.head.size, export.head.root.hex(), members,
        to.stat().st_size, len(bodies.given), len(bodies.withheld), bodies.read,
        tuple(export.missing),
    )  # fmt: skip


def _failed(export: _Export, to: Path, error: OSError) -> Broken:
    """What an answer is made of may be what cannot be read, as well as the file what cannot be
    written."""
    home, named = export.office.house.home, str(error.filename or "")
    not_done = "No file is there"
    not_done += "; the ledger says that it was asked for." if export.bodies.by else "."
    if Path(named).is_relative_to(home):
        happened, again = f"'{named}' cannot be read", "answerable ledger verify --deep"
    else:
        happened, again = f"'{to}' could not be written", f"df -h {to.parent}"
    return Broken(f"{happened}: {error.strerror}.", not_done, again)


async def _gathered(office: Office, asked: Asked, verb: verbs.LedgerExport) -> _Export:
    """What answers, under a head that also covers who was given what of it to read."""
    await _caught_up(office)
    size = office.house.hall.committer.size
    if not size:
        raise NotFound("The ledger is empty.", _NOT_DONE, "answerable status")
    is_all = asked.kind == EVERYTHING
    found = {} if is_all else await gather(office, asked, size)
    if 0 < verb.entries_max < (size if is_all else len(found)):
        raise UsageError(
            f"The answer has more than {verb.entries_max} entries.", _NOT_DONE,
            "answerable ledger export --output FILE",
        )  # fmt: skip
    bodies = Bodies()
    if verb.bodies_by:
        bodies = await choose_bodies(office, asked, found, verb.bodies_by, is_whole=verb.is_whole)
    if question_of(asked) is not None:
        await close_now(office)
    await _caught_up(office)
    checkpoint = read_checkpoint(office.house.home / TILES)
    head = parse_checkpoint(note_text(checkpoint))
    if not is_all and (bodies.by or question_of(asked) is not None):
        found = await gather(office, asked, head.size)
        if bodies.by:
            place = office.index.at(bodies.read)
            found |= {} if place is None else {place.seq: place.position}
    return _Export(office, asked, checkpoint, head, dict(sorted(found.items())), bodies)


async def _caught_up(office: Office) -> None:
    await office.publisher.follow(office.house.hall.engine)
    await office.index.follow(office.house.hall.engine)


async def _write(export: _Export, writer: BundleWriter) -> None:
    """Members in the order of their names."""
    office, asked, head = export.office, export.asked, export.head
    made = office.house.hall.clock.now()
    told = export.bodies.told()
    answer = Answer(asked=asked, bodies=told or msgspec.UNSET, entries=tuple(export.found))
    writer.add(ANSWER, canonical(answer))
    await _add_bodies(export, writer)
    writer.add("checkpoint", export.checkpoint.encode())
    complete = await complete_member(office, asked)
    if complete:
        writer.add(COMPLETE, complete)
    reader = TileReader(office.house.home / TILES, head.size)
    rows = await _add_entries(export, writer, reader)
    beside, export.missing = await named_members(office, export.named, asked)
    shown = Shown(asked, head, made, export.count, told, bool(complete), tuple(export.missing))
    text = await beside_the_loop(lambda: page(shown, rows, export.words))
    writer.add("index.html", text.encode())
    _add_all(writer, beside, "policies/")
    found = list(export.found)
    await beside_the_loop(lambda: _add_proofs(writer, reader, export.checkpoint, found))
    _add_all(writer, beside, "releases/")
    _add_all(writer, await handing_members(office, asked, head.size), "rotations/")
    if export.is_all:
        await _add_tiles(office, writer, reader)
    writer.add("vkey", f"{office.house.vkey.encode()}\n".encode())
    await _finish(export, writer, made)


def _add_all(writer: BundleWriter, members: dict[str, bytes], folder: str) -> None:
    for name in sorted(members):
        if name.startswith(folder):
            writer.add(name, members[name])


async def _add_bodies(export: _Export, writer: BundleWriter) -> None:
    given = export.bodies.given
    async for index in in_turns(sorted(given, key=body_name)):
        record = await export.office.record_at(given[index])
        opened = disclosed(export.office, record, export.bodies)
        if opened is None:
            raise _gone(f"The body of entry {index}")
        export.opened.add(kid_of(record))
        writer.add(body_name(index), opened[0])
        if len(export.words) < SHOWN_MAX:
            export.words.append(Words(index, record.kind, opened[1][:_TEXT_MAX]))


def _checked(office: Office, verb: verbs.LedgerExport) -> tuple[Asked, Path]:
    asked = Asked(kind=verb.kind, of=verb.of, since=verb.since, until=verb.until)
    again = "answerable ledger export --help"
    if asked.problem:
        raise UsageError(f"That cannot be asked: {asked.problem}.", _NOT_DONE, again)
    if asked.kind == "owner":
        person = office.house.hall.people.whoever(asked.of).id
        asked = msgspec.structs.replace(asked, of=person)
    return asked, outside(office, verb.to, again)


def outside(office: Office, name: str, again: str) -> Path:
    """Where an answer may be written. Raises UsageError."""
    to = Path(name)
    if not to.is_absolute():
        raise UsageError(f"'{to}' is not a whole path.", _NOT_DONE, again)
    try:
        if to.resolve().is_relative_to(office.house.home.resolve()):
            raise UsageError(f"'{to}' lies in the home.", _NOT_DONE, again)
        to.lstat()
    except FileNotFoundError:
        if to.parent.is_dir():
            return to
        raise UsageError(f"There is no folder '{to.parent}'.", _NOT_DONE, again) from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"'{to}' cannot be written: {why}.", _NOT_DONE, again) from None
    raise UsageError(f"'{to}' is there already.", _NOT_DONE, "name another file with -o")


def _check(reader: TileReader, index: int, data: bytes) -> None:
    """A file that nobody could verify is not written. Raises RecordDamaged."""
    if leaf_hash(data) != reader.tile(0, index // WIDTH)[index % WIDTH]:
        raise RecordDamaged(
            f"Entry {index} in the database is not what was signed.", "No file was written.",
            "answerable ledger verify",
        )  # fmt: skip


async def _add_entries(export: _Export, writer: BundleWriter, reader: TileReader) -> list[Row]:
    """Each entry under its name; the first of them as the page tells them."""
    office, found = export.office, export.found
    shown = frozenset(list(found)[:SHOWN_MAX])
    rows: list[Row] = []
    async for index in in_turns(sorted(found, key=entry_name)):
        record = await office.record_at(found[index])
        _check(reader, index, record.data)
        writer.add(entry_name(index), record.data)
        entry = decode_entry(record.data)
        export.named.take(entry)
        if index in shown:
            rows.append(row_of(entry))
    return sorted(rows, key=lambda row: row.index)


def _add_proofs(
    writer: BundleWriter, reader: TileReader, checkpoint: str, found: Sequence[int]
) -> None:
    for index in sorted(found, key=proof_name):
        writer.add(proof_name(index), prove(index, checkpoint, reader).encode().encode())


async def _add_tiles(office: Office, writer: BundleWriter, reader: TileReader) -> None:
    """All tiles and bundles of entries, in the order of their names; what was archived out of the
    folder is made again from the record."""
    names: dict[str, tuple[int, int]] = {}
    level = 0
    while (count := reader.size >> _HEIGHT * level) > 0:
        for number in range(-(-count // WIDTH)):
            width = min(WIDTH, count - number * WIDTH)
            names[tile_path(level, number, width)] = (level, number)
            if level == 0:
                names[entries_path(number, width)] = (-1, number)
        level += 1
    for name, (of, number) in sorted(names.items()):
        if of < 0:
            entries = await _entries(office, number, reader.bundle_width(number))
            for place, entry in enumerate(entries):
                _check(reader, number * WIDTH + place, entry)
            data = encode_bundle(entries)
        else:
            data = b"".join(reader.tile(of, number))
        await beside_the_loop(lambda name=name, data=data: writer.add(name, data))  # type: ignore[misc]


async def _entries(office: Office, number: int, width: int) -> list[bytes]:
    place = office.index.at(number * WIDTH)
    entries: list[bytes] = []
    async for record in office.house.hall.engine.read(place.position - 1 if place else 0):
        if record.kind in KINDS:
            entries.append(record.data)
        if len(entries) == width:
            break
    return entries


async def _finish(export: _Export, writer: BundleWriter, made: int) -> None:
    """Sealed and named, if everybody whose words are in it is still known. Raises Busy."""
    head, hall = export.head, export.office.house.hall
    root = base64.b64encode(head.root).decode()
    text = seal_text((head.origin, head.size, root), export.asked, made, writer.manifest)
    seal = await sign_note(text, hall.committer.signer)
    async with hall.quiet.alone:  # nobody is erased meanwhile
        try:
            for kid in export.opened:
                export.office.house.keys.get(kid)
        except KeyDestroyed:
            raise _gone("A body that it had") from None
        await beside_the_loop(lambda: writer.finish(seal))


def _gone(what: str) -> Busy:
    return Busy(f"{what} went while the file was written.", "No file was written.")


HANDLERS: Handlers = {verbs.LedgerExport: ledger_export}
