"""Time stamps of an authority over the heads that are published: RFC 3161, beside the cosignatures.

The token is over the checkpoint's text, the lines before its signatures.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec

from answerable.adapters.witnesses.http import Reply
from answerable.base.chance import Chance
from answerable.base.errors import AnswerableError
from answerable.ledger.cosigned import cosigned_file
from answerable.ledger.note import note_text
from answerable.ledger.tsp import StampWrong, query, read_answer
from answerable.store.files import replace_file
from answerable.worker.publisher import TILES
from answerable.worker.witnessing.memory import Remembered, keep_cosigned

_NONCE_BYTES = 8
SUFFIX = ".tsr"


def stamp(
    home: Path, note: str, before: Remembered, send: Callable[[bytes], Reply], chance: Chance
) -> Remembered:
    """The head's token, durable and published; what goes wrong is remembered. Raises Broken."""
    size = int(note.split("\n", 2)[1])
    digest = sha256(note_text(note).encode()).digest()
    nonce = int.from_bytes(chance.token(_NONCE_BYTES), "big")
    try:
        reply = send(query(digest, nonce))
        if reply.status != 200:
            raise StampWrong(f"it answered {reply.status}")
        at_s = read_answer(reply.data, digest, nonce).at_s
    except AnswerableError as error:
        return msgspec.structs.replace(before, error=error.happened)
    if not cosigned_file(home, size).exists():
        keep_cosigned(home, size, note)
    for folder, is_truth in ((home, True), (home / TILES, False)):
        path = cosigned_file(folder, size)
        replace_file(path.with_name(path.name + SUFFIX), reply.data, sync=is_truth)
    return msgspec.structs.replace(before, size=size, at_s=at_s, error="")
