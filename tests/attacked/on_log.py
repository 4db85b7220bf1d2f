"""Attacks on the history: with the disk alone, and with the key that signs."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from answerable.adapters.signers.file import FileSigner
from answerable.ledger.domain import AgentRef, Entry, Owner, PolicyUse, encode_entry
from answerable.ledger.note import checkpoint_body, sign_note
from answerable.ledger.tiles import TileWriter, encode_bundle
from answerable.ledger.tree import CompactRange, leaf_hash
from attacked.attack import Caught, attack, both
from small_ledger import SIGNER, Ledger, ledger_of

SIZE, AT = 20, 8  # entry 8 is a decision of per_ada's


def honest() -> Ledger:
    return ledger_of(SIZE)


def published(to: Path, data: Sequence[bytes], checkpoint: str) -> Path:
    """Entries, and tiles that fit them, under that checkpoint."""
    folder = to / "log"
    TileWriter(folder).publish(0, list(data), signed(data))
    (folder / "checkpoint").write_text(checkpoint)
    return folder


def signed(data: Sequence[bytes], signer: FileSigner = SIGNER) -> str:
    """What the holder of the key says of these entries."""
    tree = CompactRange()
    for each in data:
        tree.append(leaf_hash(each))
    body = checkpoint_body(SIGNER.name, tree.size, tree.root())
    return asyncio.run(sign_note(body, signer))


def resigned(to: Path, data: Sequence[bytes], *earlier: str) -> Caught | None:
    return both(published(to, data, signed(data)), *earlier)


def swapped(data: list[bytes], one: int, other: int) -> list[bytes]:
    data[one], data[other] = data[other], data[one]
    return data


@attack("edit an entry", holds="the disk", seen=r"not the signed root")
def edit(to: Path) -> Caught | None:
    ledger = honest()
    data = ledger.data()
    data[AT] = data[AT].replace(b":4000,", b":9000,")
    assert data != ledger.data()
    return both(published(to, data, ledger.checkpoint))


@attack("delete an entry", holds="the disk", seen=r"^entry 8: ")
def delete(to: Path) -> Caught | None:
    ledger = honest()
    folder = published(to, ledger.data(), ledger.checkpoint)
    left = [*ledger.data()[:AT], *ledger.data()[AT + 1 :]]
    (folder / "tile" / "entries" / f"000.p/{SIZE}").write_bytes(encode_bundle(left))
    return both(folder)


@attack(
    "truncate the end, and sign what is left",
    holds="the signing key",
    seen=r"^entry 15: .*speaks of 20",
)
def truncate(to: Path) -> Caught | None:
    ledger = honest()
    return resigned(to, ledger.data()[:15], ledger.checkpoint)


@attack("reorder two entries", holds="the disk", seen=r"not the signed root")
def reorder(to: Path) -> Caught | None:
    ledger = honest()
    return both(published(to, swapped(ledger.data(), AT, AT + 1), ledger.checkpoint))


@attack("replay an entry", holds="the signing key", seen=r"^entry 20: it says that it is entry 8")
def replay(to: Path) -> Caught | None:
    data = honest().data()
    return resigned(to, [*data, data[AT]])


@attack("insert an entry into the past", holds="the signing key", seen=r"^entry 9: its counter")
def insert(to: Path) -> Caught | None:
    ledger = honest()
    entries = [*ledger.entries[:AT], ledger.entries[AT], *ledger.entries[AT:]]
    data = [encode_entry(replace(entry, seq=seq)) for seq, entry in enumerate(entries)]
    return resigned(to, data, ledger.checkpoint)


@attack(
    "fork: show each auditor another history",
    holds="the signing key",
    seen=r"first 20 entries were signed earlier",
)
def fork(to: Path) -> Caught | None:
    ledger = honest()
    other = ledger.data()
    other[-1] = encode_entry(replace(ledger.entries[-1], id="ent_other"))
    return resigned(to, other, ledger.checkpoint)


@attack(
    "roll back to an old database, honestly signed once",
    holds="the disk",
    seen=r"^entry 15: .*speaks of 20",
)
def roll_back(to: Path) -> Caught | None:
    ledger = ledger_of(15)
    old, before = ledger.data(), ledger.checkpoint
    ledger.batch(5)
    return both(published(to, old, before), ledger.checkpoint)


@attack(
    "rewrite history from the start with a stolen key",
    holds="the signing key",
    seen=r"first 20 entries were signed earlier",
)
def rewrite(to: Path) -> Caught | None:
    ledger, other = honest(), Ledger()
    for number in range(SIZE):
        entry, body = other.entry()
        other.add(replace(entry, ts=entry.ts + 1) if number == 3 else entry, body)
    return resigned(to, other.data(), ledger.checkpoint)


@attack("rewrite with a key of one's own", holds="the disk", seen=r"No known key")
def own_key(to: Path) -> Caught | None:
    data = honest().data()
    return both(published(to, data, signed(data, FileSigner(SIGNER.name, b"\x01" * 32))))


@attack("strip the signatures", holds="the disk", seen=r"no checkpoint")
def strip(to: Path) -> Caught | None:
    ledger = honest()
    text = ledger.checkpoint.rpartition("\n\n")[0]
    return both(published(to, ledger.data(), f"{text}\n\n"))


def decided(to: Path, **changed: object) -> Caught | None:
    """A decision that the holder of the key writes as they like, at its right place and count."""
    ledger = ledger_of(AT)
    entry, body = ledger.entry(**changed)
    ledger.add(entry, body)
    return resigned(to, ledger.data())


@attack(
    "swap the owner of a decision",
    holds="the signing key",
    seen=r"^entry 8: its owner is 'per_eve'",
)
def swap_owner(to: Path) -> Caught | None:
    return decided(to, owner=Owner(person="per_eve", accepted_at=0), oseq=1)


@attack(
    "assign the owner after the fact",
    holds="the signing key",
    seen=r"^entry 8: its owner 'per_eve' accepted nothing at 9",
)
def late_owner(to: Path) -> Caught | None:
    ledger = ledger_of(AT)
    entry, body = ledger.entry(owner=Owner(person="per_eve", accepted_at=AT + 1), oseq=1)
    ledger.add(entry, body)
    accepted = {"agent": "support", "person": "per_eve"}
    ledger.add(
        Entry(v=1, id="own_eve", seq=AT + 1, ts=entry.ts + 1, kind="owner.accepted",
              actor="per_eve", change=dict(accepted))
    )  # fmt: skip
    return resigned(to, ledger.data())


@attack("leave the owner out", holds="the signing key", seen=r"^entry 8: .*no accountable owner")
def no_owner(to: Path) -> Caught | None:
    return decided(to, owner=None, oseq=None)


@attack(
    "swap the release, or its prompt",
    holds="the signing key",
    seen=r"^entry 8: .*was not registered",
)
def swap_release(to: Path) -> Caught | None:
    return decided(to, agent=AgentRef(id="support", release="rel_other"))


@attack(
    "decide under a weaker policy set",
    holds="the signing key",
    seen=r"^entry 8: .*not its release's",
)
def weaker_policy(to: Path) -> Caught | None:
    used = PolicyUse(context="00", set="set_weak", verdict="allow")
    return decided(to, policy=(used,))


@attack(
    "leave a decision out, and number the rest on",
    holds="the signing key",
    seen=r"^entry 9: its counter",
)
def leave_out(to: Path) -> Caught | None:
    ledger = honest()
    entries = [*ledger.entries[:AT], *ledger.entries[AT + 1 :]]
    data = [encode_entry(replace(entry, seq=seq)) for seq, entry in enumerate(entries)]
    return resigned(to, data)


def written(to: Path, raw: bytes) -> Caught | None:
    """An entry in bytes of the attacker's choice, at a place where anything else would be good."""
    data = ledger_of(AT).data()
    return resigned(to, [*data, raw])


PLAIN = msgspec.json.encode({"id": "stp_1", "kind": "stop", "seq": AT, "ts": 1, "v": 1})


@attack("seal a body with algorithm none", holds="the signing key", seen=r"^entry 8: .*'none'")
def alg_none(to: Path) -> Caught | None:
    body = b'{"body":{"alg":"none","kid":"k","sha256":"00"},' + PLAIN[1:]
    return written(to, body)


@attack("write a key of an entry twice", holds="the signing key", seen=r"^entry 8: .*canonical")
def duplicate_keys(to: Path) -> Caught | None:
    return written(to, PLAIN.replace(b'"kind":"stop",', b'"kind":"stop","kind":"outcome",'))


@attack("write a number as a float", holds="the signing key", seen=r"^entry 8: .*float")
def floats(to: Path) -> Caught | None:
    return written(to, PLAIN.replace(b'"ts":1', b'"ts":1.0'))


@attack(
    "write a name in another Unicode form", holds="the signing key", seen=r"^entry 8: .*canonical"
)
def unicode_tricks(to: Path) -> Caught | None:
    """An escape that need not be, half of a surrogate pair, a key that looks like another one."""
    escaped = PLAIN.replace(b"stp_1", b"\\u0073tp_1")
    half = PLAIN.replace(b"stp_1", b"\\ud800")
    alike = (
        '{"change":{"\u0430gent":"support"},'.encode() + PLAIN[1:]
    )  # its first letter is Cyrillic
    found = [written(to / str(n), raw) for n, raw in enumerate((escaped, half, alike))]
    return found[-1] if all(found) else None
