"""`serve`: the worker and HTTP together, each started again when it dies."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.talk import DEFAULT_HOME, Home, at, talk

if TYPE_CHECKING:
    from answerable.base.settings import ServerSettings

_FIRST_KEY = "answerable key add --person PERSON --scope all"
_ASKED_WITHIN_S = 60.0


def serve(
    home: Home = DEFAULT_HOME,
    host: Annotated[str, typer.Option(help="Where to listen; 127.0.0.1 if unset.")] = "",
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="8420 if unset; 0 is any.")
    ] = None,
    http_only: Annotated[
        bool, typer.Option("--http-only", help="The worker of this home is started elsewhere.")
    ] = False,
) -> None:
    """Work for a home, and serve its API and console over HTTP. Supervised."""
    from answerable.compose.settings import read_settings
    from answerable.server.keeper import Http, Keeper, listen
    from answerable.store.lock import HomeLock
    from answerable.telemetry import failures
    from answerable.worker.ask import check_home
    from answerable.worker.supervisor import supervisor_of

    check_home(home)
    settings = read_settings(home)
    server = _placed(settings.server, host, port)
    if not http_only:
        HomeLock.check_free(home)
    failures.install(settings.log, home)
    listening = listen(server)
    threading.Thread(
        target=_welcome, args=(home, server, listening.getsockname()[1]), daemon=True
    ).start()
    worker = None if http_only else supervisor_of(home, settings=settings)
    code, cause = Keeper(Http(home, listening), worker).run()
    talk(f"Ended: {cause}.")
    raise typer.Exit(code)


def _placed(settings: "ServerSettings", host: str, port: int | None) -> "ServerSettings":
    import msgspec

    placed = msgspec.structs.replace(settings, host=host or settings.host)
    return placed if port is None else msgspec.structs.replace(placed, port=port)


def _welcome(home: Path, settings: "ServerSettings", port: int) -> None:
    """Where the console is; and how to come in, where nobody can yet."""
    import asyncio

    scheme = "https" if settings.tls_cert else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    talk(f"Console: {scheme}://{host}:{port}/")
    if not asyncio.run(_has_key(home)):
        talk("No key opens it yet.")
        talk(f"Next: {at(home, _FIRST_KEY)}")


async def _has_key(home: Path) -> bool:
    """As the worker says, once it is up; one that does not come up says why itself."""
    import asyncio

    from answerable.base.errors import AnswerableError
    from answerable.worker.client import Client, WorkerAway
    from answerable.worker.verbs import KeyList
    from answerable.worker.verbs.people import KeyRow

    give_up = asyncio.get_running_loop().time() + _ASKED_WITHIN_S
    while asyncio.get_running_loop().time() < give_up:
        try:
            client = await Client.connect(home)
            try:
                return any(row.is_valid for row in await client.call(KeyList(), list[KeyRow]))
            finally:
                await client.close()
        except WorkerAway:
            await asyncio.sleep(0.2)
        except AnswerableError:
            return True
    return True
