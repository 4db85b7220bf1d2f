"""An answer as one file over HTTP: the worker writes it, it is sent in parts, and nothing stays.

It lies in a folder that only we can open, and has no name any more when the first part is sent: who
dies while sending leaves nothing behind. What is left by who died while it was made is taken away
when the home is served again.
"""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from answerable.base.errors import UsageError
from answerable.server.calls import Call
from answerable.store.threads import beside_the_loop
from answerable.worker.verbs import LedgerExport
from answerable.worker.verbs.base import Index, Word
from answerable.worker.verbs.bundles import BundleView

ZIP = "application/zip"
ENTRIES_MAX = 100_000
MADE_WITHIN_S = 120.0  # beside the deadline of every command
SENT_WITHIN_S = 600.0
_PREFIX = "answerable-export-"
_NAME_CHARS = 16
_PERSON = "per_"
_PART_BYTES = 256 * 1024


class ExportBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The question, as docs/bundle.md has it. `bodies`: with those that the key's person may read;
    that needs scope `read` as well."""

    kind: Literal["decision", "case", "party", "owner", "agent", "everything"]
    of: Word = ""
    since: Index | None = None
    until: Index | None = None
    bodies: bool = False


async def export(call: Call) -> Response:
    """Everything that can be refused is refused before the first byte is sent."""
    asked = call.body
    assert isinstance(asked, ExportBody)
    if asked.kind == "owner" and not asked.of.startswith(_PERSON):  # an address is looked up
        raise UsageError(
            "Over HTTP an owner is named by their id, per_..., not by an address.",
            "Nothing was looked up.", "answerable person list",
        )  # fmt: skip
    if asked.bodies:
        assert call.caller is not None
        call.caller.check(("read",))
    with ExitStack() as until_sent:
        until_sent.enter_context(call.lobby.exports.take())
        file = await _made(call, asked)
        until_sent.callback(file.close)
        return _Sending(file, until_sent.pop_all())


async def _made(call: Call, asked: ExportBody) -> BinaryIO:
    """Open, whole and without a name."""
    with tempfile.TemporaryDirectory(prefix=prefix_of(call.lobby.home)) as folder:
        to = Path(folder) / "bundle.zip"
        verb = LedgerExport(
            str(to), asked.kind, asked.of, asked.since, asked.until,
            call.person if asked.bodies else "", entries_max=ENTRIES_MAX,
        )  # fmt: skip
        await call.lobby.gate.ask_long(verb, BundleView, more_s=MADE_WITHIN_S)
        return await beside_the_loop(lambda: to.open("rb"))


def prefix_of(home: Path) -> str:
    """Of the folders in which files of this home are made."""
    name = hashlib.sha256(bytes(home.resolve())).hexdigest()
    return f"{_PREFIX}{name[:_NAME_CHARS]}-"


def clear_left(home: Path) -> None:
    """Take away what an earlier process of this home left: nobody else serves it."""
    for left in Path(tempfile.gettempdir()).glob(f"{prefix_of(home)}*"):
        shutil.rmtree(left, ignore_errors=True)


class _Sending(StreamingResponse):
    """Holds its place until it is sent, or for as long as may be."""

    media_type = ZIP

    def __init__(self, file: BinaryIO, until_sent: ExitStack) -> None:
        self._until_sent = until_sent
        size = file.seek(0, 2)
        file.seek(0)
        headers = {
            "Cache-Control": "no-store", "Content-Length": str(size),
            "Content-Disposition": 'attachment; filename="bundle.zip"',
        }  # fmt: skip
        super().__init__(_parts(file), headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._until_sent:
            async with asyncio.timeout(SENT_WITHIN_S):
                await super().__call__(scope, receive, send)


async def _parts(file: BinaryIO) -> AsyncIterator[bytes]:
    while part := await beside_the_loop(lambda: file.read(_PART_BYTES)):
        yield part
