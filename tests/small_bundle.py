"""A bundle made by the words of docs/bundle.md, with nothing of the code that exports them."""

import asyncio
import json
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from answerable.adapters.signers.file import FileSigner
from answerable.ledger.note import note_text, parse_checkpoint, sign_note
from answerable.ledger.proof import prove
from answerable.ledger.tiles import TileReader
from small_ledger import SIGNER, Ledger

Members = dict[str, bytes]


def members_of(
    ledger: Ledger, log: Path, asked: Mapping[str, object], indexes: list[int]
) -> Members:
    """All but MANIFEST and SEAL; `log` is the published folder."""
    reader, data = TileReader(log, ledger.tree.size), ledger.data()
    answer = {"asked": asked, "entries": indexes, "v": 1}
    members = {
        "checkpoint": ledger.checkpoint.encode(),
        "vkey": f"{SIGNER.vkey.encode()}\n".encode(),
        "answer.json": json.dumps(answer, separators=(",", ":"), sort_keys=True).encode(),
        "index.html": b"<!doctype html><title>Answer</title>",
    }
    for index in indexes:
        members[f"entries/{index}.json"] = data[index]
        members[f"proofs/{index}.tlog-proof"] = (
            prove(index, ledger.checkpoint, reader).encode().encode()
        )
    if asked["kind"] == "everything":
        tiles = [path for path in log.rglob("*") if path.is_file() and "tile" in path.parts]
        members |= {str(path.relative_to(log)): path.read_bytes() for path in tiles}
    return members


def manifest_of(members: Members) -> bytes:
    lines = (
        f"{sha256(members[name]).hexdigest()} {len(members[name])} {name}\n"
        for name in sorted(members)
    )
    return "".join(lines).encode()


def seal_of(members: Members, signer: FileSigner = SIGNER) -> bytes:
    head = note_text(members["checkpoint"].decode())
    parse_checkpoint(head)
    origin, size, root = head.split("\n")[:3]
    asked = json.dumps(
        json.loads(members["answer.json"])["asked"], separators=(",", ":"), sort_keys=True
    )
    manifest = manifest_of(members)
    text = (
        f"answerable-bundle/v1\nlog {origin}\nsize {size}\nroot {root}\nasked {asked}\n"
        f"made 1767225600000000\nmembers {len(members)} {sha256(manifest).hexdigest()}\n"
    )
    return asyncio.run(sign_note(text, signer)).encode()


def write(path: Path, members: Members, seal: bytes, manifest: bytes | None = None) -> Path:
    whole = {name: members[name] for name in sorted(members)}
    whole |= {"MANIFEST": manifest_of(members) if manifest is None else manifest, "SEAL": seal}
    with zipfile.ZipFile(path, "w") as made:
        for name, data in whole.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, 0o100600 << 16
            made.writestr(info, data)
    return path
