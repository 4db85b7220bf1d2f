"""One proof of a long log: `python benchmarks/proof_at_a_million.py [ENTRIES]`.

Publishes the tiles of that many entries (the bytes of an entry do not matter to a proof: these are
short) under a signed head, and makes and checks the proofs of entries drawn by chance, each with a
reader that has read nothing before. Timed is CPU of one thread. Prints JSON; exit code 1 where a
proof is over 2 KB, or making and checking the slowest but 5 % take over 2 ms.
"""

import asyncio
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from answerable.adapters.signers.file import FileSigner
from answerable.base.chance import SeededChance
from answerable.ledger.note import checkpoint_body, sign_note
from answerable.ledger.proof import prove, verify_proof
from answerable.ledger.tiles import OpenTiles, TileReader, TileWriter
from answerable.ledger.tree import leaf_hash

BYTES_MAX, MS_MAX = 2_048, 2.0
_PROOFS = 1_000


def main(entries: int, folder: Path) -> int:
    signer, chance = FileSigner("bench.example/home", bytes(32)), SeededChance(1)
    tree = OpenTiles()
    for index in range(entries):
        tree.append(leaf_hash(b"%d" % index))
    body = checkpoint_body(signer.name, entries, tree.root())
    checkpoint = asyncio.run(sign_note(body, signer))
    TileWriter(folder, sync=False).publish(0, (b"%d" % i for i in range(entries)), checkpoint)
    sizes, made, checked = [], [], []
    for _ in range(_PROOFS):
        index = int(chance.uniform() * entries)
        began = time.thread_time()
        text = prove(index, checkpoint, TileReader(folder, entries)).encode()
        between = time.thread_time()
        verify_proof(text, b"%d" % index, [signer.vkey])
        checked.append((time.thread_time() - between) * 1_000)
        made.append((between - began) * 1_000)
        sizes.append(len(text.encode()))
    both = sorted(a + b for a, b in zip(made, checked, strict=True))
    found = {
        "entries": entries,
        "proofs": _PROOFS,
        "bytes_max": max(sizes),
        "made_ms_median": round(sorted(made)[_PROOFS // 2], 3),
        "checked_ms_median": round(sorted(checked)[_PROOFS // 2], 3),
        "both_ms_p95": round(both[_PROOFS * 95 // 100], 3),
        "both_ms_max": round(both[-1], 3),
        "is_held": max(sizes) <= BYTES_MAX and both[_PROOFS * 95 // 100] <= MS_MAX,
    }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0 if found["is_held"] else 1


if __name__ == "__main__":
    place = Path(tempfile.mkdtemp(prefix="proof-"))
    try:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, place))
    finally:
        shutil.rmtree(place, ignore_errors=True)
