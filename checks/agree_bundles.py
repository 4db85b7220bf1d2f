"""Bundles for `verifiers_agree.py`: exported by homes, changed by a stranger or a key holder."""

import asyncio
import random
import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

from agree_changes import BEYOND, HARMLESS, RESEALED
from answerable.adapters.signers.file import FileSigner
from answerable.base.chance import SeededChance
from answerable.ledger.bundle import BundleDamaged
from answerable.ledger.domain import Entry
from answerable.ledger.verify_bundle import verify_bundle
from answerable.testing.world import OWNER
from answerable.worker import verbs
from answerable.worker.commands import call
from answerable.worker.commands.office import Office
from offices import open_for, small_world
from small_bundle import Members, manifest_of, seal_of, write


@dataclass(frozen=True)
class Exported:
    """What a home exported, and the key to seal it again."""

    name: str
    members: Members
    signer: FileSigner
    file: bytes


# ------------------------------------------------------------------------------- the pool


async def _questions(office: Office) -> list[tuple[str, str, int | None, int | None]]:
    hall = office.house.hall
    await office.index.follow(hall.engine)
    found: dict[str, tuple[str, int | None, int | None]] = {"everything": ("", None, None)}
    entries: list[Entry] = []
    for seq in range(hall.committer.size):
        place = office.index.at(seq)
        if place is not None:
            entries.append((await office.entry(place.id))[0])
    for entry in entries:
        if entry.kind == "decided" and entry.subject and entry.owner and entry.agent:
            found["decision"] = (entry.id, None, None)
            found["case"] = (entry.case, None, None)
            found["party"] = (entry.subject.pid, None, None)
            found["agent"] = (entry.agent.id, None, None)
            found["owner"] = (entry.owner.person, entries[0].ts, entry.ts + 1)
    return [(kind, *asked) for kind, asked in found.items()]


async def _exported(folder: Path, number: int) -> list[Exported]:
    made, world = list[Exported](), await small_world(folder / f"home-{number}")
    async with world.running() as life:
        for at in range(2 + number):
            sender = f"{'kim' if at % 2 else 'lee'}@a.example"
            await life.say(f"refund {at}", external_id=f"m{at}", sender=sender)
        await life.settled()
    async with open_for(world) as office:
        key = office.house.vkey
        signer = FileSigner.open(
            world.home / "signer.key", name=key.name, chance=SeededChance(0), may_create=False
        )
        for kind, of, since, until in await _questions(office):
            for by, is_whole in (("", False), (OWNER, False), (OWNER, True)):
                to = folder / f"{number}-{kind}-{bool(by)}-{is_whole}.zip"
                await call(
                    office, verbs.LedgerExport(str(to), kind, of, since, until, by, is_whole)
                )
                made.append(Exported(to.stem, members_in(to), signer, to.read_bytes()))
    return made


def members_in(path: Path) -> Members:
    with zipfile.ZipFile(path) as lying:
        return {name: lying.read(name) for name in lying.namelist()[:-2]}


def pool(folder: Path, homes: int = 2) -> list[Exported]:
    """Every question, without bodies, with narrow keys and with whole ones; of each home."""
    return [each for number in range(homes) for each in asyncio.run(_exported(folder, number))]


# ------------------------------------------------------------------------------- of a stranger


def tampered(path: Path, bundle: Exported, chance: random.Random) -> str:
    """Without the key: the seal is the home's, whatever else is done to the file."""
    members, data = dict(bundle.members), bundle.file
    names, way = sorted(members), chance.randrange(7)
    one, other = chance.sample(names, 2)
    seal = _seal(bundle, path)
    match way:
        case 0:
            at = chance.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        case 1:
            data = data[: chance.randrange(len(data))]
        case 2:
            junk = chance.randbytes(chance.randrange(1, 40))
            data = data + junk if chance.random() < 1 / 2 else junk + data
        case 3:
            return _packed(path, bundle, chance)
        case 4:
            members[one] = members[one][:-1] + bytes([members[one][-1] ^ 1])
        case 5:
            del members[one]
        case _:
            members[one], members[other] = members[other], members[one]
    if way < 4:
        path.write_bytes(data)
        return ("flip", "cut", "more")[way]
    is_fit = chance.random() < 1 / 2
    write(path, members, seal, None if is_fit else manifest_of(bundle.members))
    return f"{('member changed', 'member gone', 'members swapped')[way - 4]}, fit {is_fit}"


def _seal(bundle: Exported, path: Path) -> bytes:
    whole = path.parent / "whole.zip"
    whole.write_bytes(bundle.file)
    with zipfile.ZipFile(whole) as lying:
        return lying.read("SEAL")


def _packed(path: Path, bundle: Exported, chance: random.Random) -> str:
    """The same members in a zip of another form."""
    seal, names = _seal(bundle, path), [*sorted(bundle.members)]
    whole = bundle.members | {"MANIFEST": manifest_of(bundle.members), "SEAL": seal}
    trick = chance.choice(("packed", "comment", "extra", "twice", "order", "mode", "zip64"))
    order = [*names, "MANIFEST", "SEAL"]
    if trick == "order":
        order[0], order[1] = order[1], order[0]
    if trick == "twice":
        order.insert(1, order[0])
    with zipfile.ZipFile(path, "w") as made:
        for at, name in enumerate(order):
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, 0o100600 << 16
            if at == 0 and trick in ("extra", "mode"):
                info.extra = b"\x01\x00\x00\x00" if trick == "extra" else b""
                info.external_attr = (0o120777 if trick == "mode" else 0o100600) << 16
            kind = zipfile.ZIP_DEFLATED if trick == "packed" and at == 0 else zipfile.ZIP_STORED
            made.writestr(info, whole[name], kind)
        if trick == "comment":
            made.comment = b"x"
    if trick == "zip64":
        _with_zip64(path)
    return trick


def _with_zip64(path: Path) -> None:
    """Records that a file of this size does not have: not each reader asks them first."""
    data = path.read_bytes()
    count, size, at = struct.unpack("<HLL", data[-12:-2])
    more = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, at)
    more += struct.pack("<4sLQL", b"PK\6\7", 0, len(data) - 22, 1)
    path.write_bytes(data[:-22] + more + data[-22:])


# ------------------------------------------------------------------------------- drawn, and ours


def drawn(
    path: Path, bundles: list[Exported], chance: random.Random, *, honest: bool
) -> tuple[Exported, str]:
    """Write one to `path`; says which it is, and what was done to it."""
    while True:
        bundle = chance.choice(bundles)
        members = dict(bundle.members)
        if honest and chance.random() < 1 / 3:
            path.write_bytes(bundle.file)
            return bundle, "as exported"
        if not honest and chance.random() < 1 / 3:
            return bundle, tampered(path, bundle, chance)
        change = chance.choice(HARMLESS if honest else RESEALED)
        change(members, chance)
        if members == bundle.members:
            continue
        try:
            seal = seal_of(members, bundle.signer)
        except (ValueError, KeyError, TypeError):
            seal = seal_of(bundle.members, bundle.signer)
        write(path, members, seal)
        return bundle, change.__name__


def place_of(place: int | str | None) -> int | str | None:
    """An entry, its proof and its body are one place: its index."""
    found = re.match(r"(?:entries|proofs|bodies)/(\d+)\.", str(place))
    return int(found[1]) if found else place


OF_THE_ZIP = re.compile(r"is (?:not stored|not written|not a plain|in it twice|no name|larger)")


OF_A_HEADER = "how a member lies there"  # is of the zip to one, and of the member to another


def ours_of_bundle(path: Path, bundle: Exported) -> int | str | None:
    """The entry or the member that ours names; 0 where it is the file as a whole."""
    try:
        verify_bundle(path, [bundle.signer.vkey])
    except BundleDamaged as error:
        why = error.happened.partition("is not verified: ")[2]
        entry = re.match(r"(?:the proof of )?entry (\d+)", why)
        member = re.search(r"'([^']+)'", why)
        if why.startswith("the header of") or OF_THE_ZIP.search(why):
            return OF_A_HEADER
        if entry or not member:
            return int(entry[1]) if entry else 0
        return place_of(member[1])
    return None


def index_of(place: int | str | None) -> int | None:
    """Of a place, the entry; 0 is the first, or a member that is no entry's, or the file."""
    return None if place is None else 0 if isinstance(place, str) else place


def is_beyond(what: str, place: int | str | None) -> bool:
    """Whether the first file only compares it with MANIFEST: a member, or what such a one shows."""
    is_member = isinstance(place, str) and place.startswith(BEYOND)
    return is_member or what in (
        "body_twisted", "reader_twisted", "answer_twisted", "left_out", "swapped"
    )  # fmt: skip
