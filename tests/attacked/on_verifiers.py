"""Attacks on verifiers: what is signed, sealed and says something false, or is read in two ways."""

import argparse
import asyncio
import json
import struct
from collections.abc import Callable
from pathlib import Path

from answerable.adapters.signers.file import FileSigner
from answerable.ledger.bundle import BundleDamaged
from answerable.ledger.domain import AgentRef, Entry, Kind, Owner, PolicyUse, Trace, encode_entry
from answerable.ledger.note import VerifierKey, checkpoint_body, sign_note
from answerable.ledger.proof import prove
from answerable.ledger.tiles import TileReader, TileWriter, encode_bundle
from answerable.ledger.verify_bundle import verify_bundle
from answerable.ledger.verify_tiles import verify_tiles
from attacked.attack import Caught, attack, refused, stranger
from attacked.on_log import published, resigned, signed
from second import answers_verifier, second_verifier
from small_bundle import Members, members_of, seal_of, write
from small_ledger import KEYS, SIGNER, Ledger, ledger_of

SIZE = 20
AGENT = AgentRef(id="support", release="rel_1")
REFUSED = PolicyUse(context="00", set="answerable", verdict="deny")
USED = PolicyUse(context="00", set="set_1", verdict="allow")
NEXT = FileSigner(SIGNER.name, b"\x07" * 32)  # the key after it
MIB = 2**20


def by_all(path: Path, keys: list[VerifierKey] = KEYS) -> Caught | None:
    """A bundle is shown to ours and both of the stranger's files, and all refuse it."""
    second, key = answers_verifier(), second_verifier().verifier_key(keys[0].encode())
    given = argparse.Namespace(path=path, vkey=[key], earlier=[], quorum=None)
    theirs = refused("the second file", (ValueError, OSError), lambda: second.run(given))
    if stranger(str(path))["ok"] or theirs is None:
        return None
    return refused("all verifiers", BundleDamaged, lambda: verify_bundle(path, keys))


def everything(to: Path, spoil: Callable[[Members], None]) -> Path:
    """A bundle of all, changed before who holds the key seals it again."""
    ledger = ledger_of(SIZE)
    ledger.publish(to / "log")
    members = members_of(ledger, to / "log", {"kind": "everything"}, [])
    spoil(members)
    return write(to / "b.zip", members, seal_of(members))


def written(to: Path, *entries: dict[str, object]) -> Caught | None:
    """A log whose last entries the holder of the key writes as they like, each counted."""
    ledger = Ledger()
    for _ in range(3):
        ledger.add(ledger.entry()[0])
    for fields in entries:
        owner = fields.get("owner")
        oseq = ledger.next(f"o/{owner.person}") if isinstance(owner, Owner) else None
        entry = Entry(
            v=1, id=f"new_{ledger.tree.size}", seq=ledger.tree.size, ts=1_767_225_700_000_000,
            oseq=oseq, **fields,  # type: ignore[arg-type]
        )  # fmt: skip
        ledger.add(entry)
    return resigned(to, ledger.data())


# ------------------------------------------------------------------------------- bundles


@attack(
    "lay an entry that nobody signed beside the tiles of a bundle",
    holds="the signing key",
    seen=r"'tile/entries/x001/000.p/1' has no place",
)
def tile_beside(to: Path) -> Caught | None:
    """Whoever reads a verified bundle from its first member to its last would read it too."""
    false = Entry(v=1, id="stp_0", seq=0, ts=1, kind="stop", actor="per_eve")
    name = "tile/entries/x001/000.p/1"
    return by_all(everything(to, lambda m: m.update({name: encode_bundle([encode_entry(false)])})))


@attack(
    "lay a full tile with later entries beside the one that is read",
    holds="the signing key",
    seen=r"'tile/entries/000' has no place",
)
def full_tile_beside(to: Path) -> Caught | None:
    return by_all(everything(to, lambda m: m.update({"tile/entries/000": b"\0\0" * 256})))


@attack(
    "list false entries in a bundle of everything, of which tiles are read",
    holds="the signing key",
    seen=r"lists 1 entries",
)
def entries_beside(to: Path) -> Caught | None:
    def spoil(members: Members) -> None:
        members["entries/8.json"] = members["proofs/8.tlog-proof"] = b"anything"
        answer = {"asked": {"kind": "everything"}, "entries": [8], "v": 1}
        members["answer.json"] = json.dumps(answer, separators=(",", ":")).encode()

    return by_all(everything(to, spoil))


@attack(
    "let two programs find two directories in one zip",
    holds="nothing",
    seen=r"its end is not written",
)
def two_directories(to: Path) -> Caught | None:
    """Zip64 records that nothing needs: some readers believe them, others the record after them."""
    path = everything(to, lambda members: None)
    data = path.read_bytes()
    count, size, at = struct.unpack("<HLL", data[-12:-2])
    more = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, at)
    more += struct.pack("<4sLQL", b"PK\6\7", 0, len(data) - 22, 1)
    path.write_bytes(data[:-22] + more + data[-22:-10] + struct.pack("<LLH", 5, 7, 0))
    return by_all(path)


@attack(
    "append a second directory, of links, to a zip of whole mebibytes",
    holds="the signing key",
    seen=r"not a plain file",
)
def directory_after_the_end(to: Path) -> Caught | None:
    def padded(length: int) -> bytes:
        path = everything(to / str(length), lambda m: m.update({"index.html": b"x" * length}))
        return path.read_bytes()

    need = MIB - len(padded(0)) % MIB
    data = padded(need - (len(padded(need)) % MIB))  # the length is written in MANIFEST as well
    assert len(data) % MIB == 0
    count, size, at = struct.unpack("<HLL", data[-12:-2])
    links = bytearray(data[at : at + size])
    links[38:42] = struct.pack("<L", 0o120777 << 16)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, len(data), 0)
    (to / "links.zip").write_bytes(data + links + end)
    return by_all(to / "links.zip")


@attack(
    "put a key of an entry into an answer that not each program sorts alike",
    holds="the signing key",
    seen=r"entry 3 is not canonical",
)
def foreign_keys(to: Path) -> Caught | None:
    ledger = Ledger()
    for _ in range(3):
        ledger.add(ledger.entry()[0])
    ledger.add(
        Entry(v=1, id="stp_1", seq=3, ts=1, kind="stop", agent=AGENT, change={"\u0430gent": "x"})
    )
    ledger.seal([])
    ledger.publish(to / "log")
    members = members_of(ledger, to / "log", {"kind": "agent", "of": "support"}, [3])
    return by_all(write(to / "b.zip", members, seal_of(members)))


# ------------------------------------------------------------------------------- powers


@attack(
    "make the holder of a case the owner of an agent",
    holds="the signing key",
    seen=r"^entry 4: it is of 'support'",
)
def lease_as_acceptance(to: Path) -> Caught | None:
    lease = {"kind": "lease", "agent": AGENT, "change": {"holder": "per_eve"}}
    return written(
        to,
        {**lease, "trace": Trace(case="cas_1")},
        {"kind": "decided", "agent": AGENT, "owner": Owner(person="per_eve", accepted_at=3)},
    )


@attack(
    "call an act refused at the desk, so that nobody need have accepted",
    holds="the signing key",
    seen=r"^entry 3: its owner is 'per_eve'",
)
def act_as_refusal(to: Path) -> Caught | None:
    found = [
        written(to / kind, {"kind": kind, "agent": agent, "owner": owner, "policy": (REFUSED,)})
        for kind, agent, owner in (
            ("effect.done", None, Owner(person="per_eve", accepted_at=0)),
            ("decided", AGENT, Owner(person="per_eve", accepted_at=0)),
        )
    ]
    return found[-1] if all(found) else None


@attack(
    "register a release again, under weaker policies",
    holds="the signing key",
    seen=r"^entry 5: .*'set_weak', which are not its release's",
)
def registered_again(to: Path) -> Caught | None:
    weak = PolicyUse(context="00", set="set_weak", verdict="allow")
    acts = [
        {"kind": "decided", "agent": AGENT, "policy": (used,),
         "owner": Owner(person="per_ada", accepted_at=0)}
        for used in (USED, weak)
    ]  # fmt: skip
    change = {"agent": "support", "policy": "set_weak", "release": "rel_1"}
    return written(to, acts[0], {"kind": "release.registered", "change": change}, acts[1])


# ------------------------------------------------------------------------------- keys


def rotated(
    to: Path, *, key: str = "signer", kind: Kind = "key.rotated", new: str = ""
) -> tuple[Path, list[bytes], str]:
    """A log whose key was handed over at its sixth entry; its entries, and the head both signed."""
    ledger = ledger_of(5)
    change = {"key": key, "new": new or NEXT.vkey.encode(), "old": SIGNER.vkey.encode()}
    ledger.add(Entry(v=1, id="rot_1", seq=5, ts=1, kind=kind, change=dict(change)))
    body = checkpoint_body(SIGNER.name, 6, ledger.tree.root())
    both = asyncio.run(sign_note(body, SIGNER, NEXT))
    for _ in range(4):
        ledger.add(ledger.entry()[0])
    folder = published(to, ledger.data(), signed(ledger.data(), NEXT))
    (folder / "rotations").mkdir()
    (folder / "rotations" / "6").write_text(both)
    return folder, ledger.data(), both


def by_folder(folder: Path, *more: str) -> Caught | None:
    report = stranger(str(folder), *more)
    return None if report["ok"] else Caught("the stranger's file", str(report["problem"]))


@attack(
    "hand the log's key over in an entry that hands over another",
    holds="the signing key",
    seen=r"not signed by a key that was given",
)
def no_handing_over(to: Path) -> Caught | None:
    assert by_folder(rotated(to / "honest")[0]) is None
    found = [by_folder(rotated(to / key, key=key)[0]) for key in ("ml-dsa", "home")]
    found.append(by_folder(rotated(to / "kind", kind="party.held")[0]))
    return found[-1] if all(found) else None


@attack(
    "name a file of the reader's as the next key",
    holds="the signing key",
    seen=r"not signed by a key that was given",
)
def file_as_key(to: Path) -> Caught | None:
    """What an entry says is no path: a verifier opens only what its caller names."""
    (to / "key").write_text(NEXT.vkey.encode())
    return by_folder(rotated(to, new=str(to / "key"))[0])


@attack(
    "seal a bundle anew with a key that was handed over",
    holds="the signing key",
    seen=r"'SEAL': No known key",
)
def old_key_seals(to: Path) -> Caught | None:
    folder, data, both = rotated(to)
    tiles = [path for path in (folder / "tile").rglob("*") if path.is_file()]
    TileWriter(to / "then").publish(0, data[:6], both)
    members = {str(path.relative_to(folder)): path.read_bytes() for path in tiles} | {
        "checkpoint": (folder / "checkpoint").read_bytes(), "vkey": b"", "index.html": b"",
        "answer.json": b'{"asked":{"kind":"everything"},"entries":[],"v":1}',
        "rotations/6": both.encode(), "rotations/6.json": data[5],
        "rotations/6.tlog-proof": prove(5, both, TileReader(to / "then", 6)).encode().encode(),
    }  # fmt: skip
    assert by_all(write(to / "new.zip", members, seal_of(members, NEXT))) is None
    members["index.html"] = b"<p>A lie"
    return by_all(write(to / "old.zip", members, seal_of(members, SIGNER)))


@attack(
    "prove an entry of a log that a handed-over key signed later",
    holds="the signing key",
    seen=r"not signed by a key that was given",
)
def old_key_proves(to: Path) -> Caught | None:
    folder, *_ = rotated(to)
    return _proof_beside(to, folder, [b'{"a":%d}' % number for number in range(50)])


@attack(
    "prove an entry of a fork beside the log",
    holds="the signing key",
    seen=r"before 20 is not what was signed earlier",
)
def fork_proven(to: Path) -> Caught | None:
    data = ledger_of(SIZE).data()
    folder = published(to, data, signed(data))
    return _proof_beside(to, folder, [*data[:-1], data[-1].replace(b"ent_", b"ant_")])


def _proof_beside(to: Path, folder: Path, other: list[bytes]) -> Caught | None:
    note, last = signed(other), len(other) - 1
    TileWriter(to / "other").publish(0, other, note)
    proof = prove(last, note, TileReader(to / "other", len(other))).encode()
    (to / "proof").write_text(proof)
    (to / "entry").write_bytes(other[-1])
    return by_folder(folder, "--proof", str(to / "proof"), "--entry", str(to / "entry"))


# ------------------------------------------------------------------------------- without end


@attack(
    "say a size of which no file is there",
    holds="the signing key",
    seen=r"^entry 256: its bundle is damaged",
)
def endless(to: Path) -> Caught | None:
    data = ledger_of(256).data()
    folder = published(to, data, asyncio.run(sign_note(_of_size(2**62), SIGNER)))
    ours, theirs = verify_tiles(folder, KEYS).problem, stranger(str(folder))
    if ours is None or theirs["ok"] or theirs["first_bad_index"] != ours.index:
        return None
    return Caught("both verifiers", f"entry {ours.index}: {ours.problem}")


@attack("hand the key over at no entry", holds="the signing key", seen=r"^nothing is handed over")
def rotation_of_nothing(to: Path) -> Caught | None:
    data = ledger_of(5).data()
    folder = published(to, data, signed(data))
    (folder / "rotations").mkdir()
    (folder / "rotations" / "3").write_text(asyncio.run(sign_note(_of_size(0), SIGNER)))
    second = second_verifier()
    chain = second.follow(second.Folder(folder), [second.verifier_key(SIGNER.vkey.encode())])
    if chain.handed or not stranger(str(folder))["ok"]:
        return None
    return Caught("the stranger's file", "nothing is handed over, and it ends")


def _of_size(size: int) -> str:
    return checkpoint_body(SIGNER.name, size, bytes(32))
