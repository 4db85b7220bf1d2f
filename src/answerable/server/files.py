"""The published ledger as it lies on the disk: C2SP tlog-tiles, for verifiers that know no more.

No worker is asked: what is published can be fetched while it is away.
"""

import re
from pathlib import Path

from starlette.responses import Response

from answerable.base.errors import Broken, NotFound
from answerable.ledger.cosigned import COSIGNED
from answerable.ledger.note import VKEY
from answerable.ledger.tiles import TileMissing, read_checkpoint
from answerable.server.calls import Call
from answerable.server.table import BYTES, TEXT
from answerable.store.threads import beside_the_loop
from answerable.worker.publisher import TILES

_LEVEL = r"(?:entries|[0-9]|[1-5][0-9]|6[0-3])"
_TILE = re.compile(_LEVEL + r"/(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[0-9]{1,3})?")
"""What the format has and nothing else: no path leads out of the folder."""
_COSIGNED = re.compile(r"checkpoint|(?:0|[1-9][0-9]{0,18})(?:\.tsr)?", re.ASCII)
_PATH_CHARS_MAX = 100
_FOR_EVER = "private, max-age=31536000, immutable"


async def checkpoint(call: Call) -> Response:
    """The signed head, as it was published last."""
    try:
        text = await beside_the_loop(lambda: read_checkpoint(call.lobby.home / TILES))
    except TileMissing:
        raise NothingPublished from None
    return Response(text, 200, {"Cache-Control": "no-cache"}, TEXT)


async def cosigned(call: Call) -> Response:
    """A head with the words of its witnesses: the newest, or the one of a size."""
    name = str(call.parameters.name)
    if _COSIGNED.fullmatch(name) is None:
        raise NoTile
    data = await beside_the_loop(lambda: _read(call.lobby.home / TILES / COSIGNED / name))
    media = "application/timestamp-reply" if name.endswith(".tsr") else TEXT
    return Response(data, 200, {"Cache-Control": "no-cache"}, media)


async def vkey(call: Call) -> Response:
    """The key that the log is verified with."""
    text = await beside_the_loop(lambda: _read_key(call.lobby.home / VKEY))
    return Response(text, 200, {"Cache-Control": "no-cache"}, TEXT)


def _read_key(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise NothingPublished from None


async def tile(call: Call) -> Response:
    """Hashes, or entries, by the path that the format gives them."""
    path = str(call.parameters.path)
    if len(path) > _PATH_CHARS_MAX or _TILE.fullmatch(path) is None:
        raise NoTile
    data = await beside_the_loop(lambda: _read(call.lobby.home / TILES / "tile" / path))
    return Response(data, 200, {"Cache-Control": _FOR_EVER}, BYTES)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise NoTile from None
    except OSError as error:
        raise Broken("A published file could not be read.", "Nothing was sent.") from error


class NoTile(NotFound):
    code = "no_tile"

    def __init__(self) -> None:
        super().__init__(
            "The log has no such file, or has a fuller one in its place.", "Nothing was sent.",
            "GET /ledger/checkpoint, and the tiles that its size asks for",
        )  # fmt: skip


class NothingPublished(NotFound):
    code = "nothing_published"

    def __init__(self) -> None:
        super().__init__(
            "Nothing is published yet: the ledger is empty.", "Nothing was sent.",
            "answerable ledger checkpoint",
        )  # fmt: skip
