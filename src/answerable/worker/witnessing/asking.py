"""Asking one witness for its word on one checkpoint, and what its answer means."""

import base64
from collections.abc import Callable
from pathlib import Path

import msgspec

from answerable.adapters.witnesses.http import Reply
from answerable.base.clock import SECOND_US, iso
from answerable.base.errors import AnswerableError
from answerable.ledger.cosignature import CosignerKey, cosignatures
from answerable.ledger.note import Checkpoint, NoteError, note_text, parse_checkpoint
from answerable.ledger.tiles import TileReader
from answerable.ledger.tree import ProofError, consistency_proof
from answerable.worker.witnessing.memory import Remembered, Said

Send = Callable[[bytes], Reply]
"""A request's body to what was answered; raises AnswerableError where nothing was."""


class Asking:
    """One witness, one checkpoint that the home has published."""

    def __init__(self, folder: Path, note: str, key: CosignerKey, send: Send) -> None:
        self._note = note
        self._head: Checkpoint = parse_checkpoint(note_text(note))
        self._reader = TileReader(folder, self._head.size)
        self._key = key
        self._send = send

    def ask(self, before: Remembered, now_s: int) -> Said:
        """Never raises: what goes wrong is remembered."""
        asked = msgspec.structs.replace(before, asked_at_s=now_s, error="")
        if before.size > self._head.size:
            return Said(self._refused(asked, before.size))
        try:
            return self._ask(asked, before.size, may_repeat=True)
        except AnswerableError as error:
            return Said(msgspec.structs.replace(asked, error=error.happened))

    def _ask(self, asked: Remembered, old: int, *, may_repeat: bool) -> Said:
        reply = self._send(self._request(old))
        text = reply.data.decode(errors="replace")
        if reply.status == 200:
            return self._cosigned(asked, text)
        if reply.status == 409:
            seen = _size(text)
            if seen is None:
                return Said(_failed(asked, reply))
            if seen > self._head.size or seen == old == self._head.size:
                return Said(self._refused(asked, seen))
            if seen != old and may_repeat:
                return self._ask(asked, seen, may_repeat=False)
        if reply.status == 422:
            return Said(self._refused(asked, old))
        return Said(_failed(asked, reply))

    def _request(self, old: int) -> bytes:
        try:
            proof = consistency_proof(old, self._head.size, self._reader.node) if old else []
        except ProofError as error:
            raise NoteError(f"There is no proof from {old}: {error}") from error
        hashes = [base64.b64encode(each).decode() for each in proof]
        return "\n".join([f"old {old}", *hashes, "", self._note]).encode()

    def _cosigned(self, asked: Remembered, lines: str) -> Said:
        words = cosignatures(self._note + lines, [self._key])
        mine = [line for line in lines.splitlines() if line.startswith(f"— {self._key.name} ")]
        for line in mine:
            if cosigned_by(self._note, line, self._key):
                at_s = words[0].at_s
                return Said(
                    msgspec.structs.replace(asked, size=self._head.size, at_s=at_s), f"{line}\n"
                )
        said = f"its answer does not carry the signature of '{self._key.name}' that is configured"
        return Said(msgspec.structs.replace(asked, error=said))

    def _refused(self, asked: Remembered, seen: int) -> Remembered:
        said = (
            f"at {iso(asked.asked_at_s * SECOND_US)} it refused: it has cosigned {seen} entries of "
            f"this log, and the {self._head.size} that are published do not continue them"
        )
        return msgspec.structs.replace(asked, refused=asked.refused or said)


def cosigned_by(note: str, line: str, key: CosignerKey) -> bool:
    """Whether this one line is the word of this key."""
    try:
        return bool(cosignatures(f"{note}{line}\n", [key]))
    except NoteError:
        return False


def _size(text: str) -> int | None:
    said = text.removesuffix("\n")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 20 else None


def _failed(asked: Remembered, reply: Reply) -> Remembered:
    meaning = {
        403: "it knows other keys of this log: `answerable witness add-log VKEY` there",
        404: "it does not know this log: `answerable witness add-log VKEY` there",
    }.get(reply.status, f"it answered {reply.status}")
    return msgspec.structs.replace(asked, error=meaning)
