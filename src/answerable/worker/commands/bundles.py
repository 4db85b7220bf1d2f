"""The command that answers a question for a stranger: a bundle, as docs/bundle.md has it."""

import asyncio
import base64
from collections.abc import Sequence
from pathlib import Path

from answerable.base.errors import Broken, NotFound, UsageError
from answerable.ledger.bundle import (
    ANSWER,
    EVERYTHING,
    Answer,
    Asked,
    BundleWriter,
    canonical,
    entry_name,
    proof_name,
    seal_text,
)
from answerable.ledger.domain import KINDS, decode_entry
from answerable.ledger.note import Checkpoint, note_text, parse_checkpoint, sign_note
from answerable.ledger.proof import prove
from answerable.ledger.tiles import (
    WIDTH,
    TileReader,
    encode_bundle,
    entries_path,
    read_checkpoint,
    tile_path,
)
from answerable.store.threads import beside_the_loop
from answerable.worker import verbs
from answerable.worker.bundling.gathering import gather
from answerable.worker.bundling.page import SHOWN_MAX, Row, page, row_of
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.publisher import TILES
from answerable.worker.verbs.bundles import BundleView

_HEIGHT = 8
_NOT_DONE = "Nothing was written."
_TURN = 100  # entries written before others may have the loop


async def ledger_export(office: Office, verb: verbs.LedgerExport) -> BundleView:
    """Raises UsageError, NotFound, Broken."""
    asked, to = _checked(office, verb)
    await office.publisher.follow(office.house.hall.engine)
    await office.index.follow(office.house.hall.engine)
    if not office.house.hall.committer.size:
        raise NotFound("The ledger is empty.", _NOT_DONE, "answerable status")
    checkpoint = read_checkpoint(office.house.home / TILES)
    head = parse_checkpoint(note_text(checkpoint))
    is_all = asked.kind == EVERYTHING
    found = {} if is_all else await gather(office, asked, head.size)
    made = office.house.hall.clock.now()
    try:
        with BundleWriter(to) as writer:
            writer.add(ANSWER, canonical(Answer(asked=asked, entries=tuple(found))))
            writer.add("checkpoint", checkpoint.encode())
            rows = await _add_entries(office, writer, found)
            count = head.size if is_all else len(found)
            writer.add("index.html", page(asked, head, made, rows, count).encode())
            reader = TileReader(office.house.home / TILES, head.size)
            await beside_the_loop(lambda: _add_proofs(writer, reader, checkpoint, list(found)))
            if is_all:
                await _add_tiles(office, writer, reader)
            writer.add("vkey", f"{office.house.vkey.encode()}\n".encode())
            await _sealed(office, writer, asked, head, made)
            members = writer.manifest.count(b"\n") + 2
    except OSError as error:
        raise Broken(
            f"'{to}' could not be written: {error.strerror}.", _NOT_DONE, f"df -h {to.parent}"
        ) from error
    return BundleView(str(to), count, head.size, head.root.hex(), members, to.stat().st_size)


def _checked(office: Office, verb: verbs.LedgerExport) -> tuple[Asked, Path]:
    asked = Asked(kind=verb.kind, of=verb.of, since=verb.since, until=verb.until)
    again = "answerable ledger export --help"
    if asked.problem:
        raise UsageError(f"That cannot be asked: {asked.problem}.", _NOT_DONE, again)
    to = Path(verb.to)
    if not to.is_absolute():
        raise UsageError(f"'{to}' is not a whole path.", _NOT_DONE, again)
    if to.resolve().is_relative_to(office.house.home.resolve()):
        raise UsageError(f"'{to}' lies in the home.", _NOT_DONE, again)
    return asked, to


async def _add_entries(office: Office, writer: BundleWriter, found: dict[int, int]) -> list[Row]:
    """Each entry under its name; the first of them as the page tells them."""
    shown = frozenset(list(found)[:SHOWN_MAX])
    rows: list[Row] = []
    for count, index in enumerate(sorted(found, key=entry_name), 1):
        record = await office.record_at(found[index])
        writer.add(entry_name(index), record.data)
        if index in shown:
            rows.append(row_of(decode_entry(record.data)))
        if count % _TURN == 0:
            await asyncio.sleep(0)
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
            data = encode_bundle(await _entries(office, number, reader.bundle_width(number)))
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


async def _sealed(
    office: Office, writer: BundleWriter, asked: Asked, head: Checkpoint, made: int
) -> None:
    root = base64.b64encode(head.root).decode()
    text = seal_text((head.origin, head.size, root), asked, made, writer.manifest)
    seal = await sign_note(text, office.house.hall.committer.signer)
    await beside_the_loop(lambda: writer.finish(seal))


HANDLERS: Handlers = {verbs.LedgerExport: ledger_export}
