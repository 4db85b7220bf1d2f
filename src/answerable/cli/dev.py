"""The author's loop: a worker that starts again on save, and each decision as it happens.

What is saved is looked at first, in a process of its own. Where it does not load the worker goes
on with what it had, and the file is picked up when it is mended.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from answerable.base.errors import AnswerableError, UsageError
from answerable.cli.hire import Hired
from answerable.cli.talk import at, out, plain, talk
from answerable.compose.configured import policies_of
from answerable.compose.settings import SETTINGS, settings_folder
from answerable.store.lock import HomeHeld, HomeLock
from answerable.worker.client import Client, WorkerAway
from answerable.worker.verbs import ApprovalList, DecisionList, DecisionShow
from answerable.worker.verbs.desk import HoldRow
from answerable.worker.verbs.proofs import DecisionRow, DecisionView

_LOOK_S = 0.25
_STILL_S = 0.3  # a save of several files is one
_ROWS = 50
_LOADS_S = 30
_NOT_THEIRS = frozenset({"tests", "__pycache__", "node_modules", "site-packages"})

Seen = dict[str, tuple[int, int]]


def files_of(home: Path) -> Seen:
    """What an agent is made of, and when it was saved: settings, policies, modules beside them."""
    folder = settings_folder(home) or home
    try:
        policies = policies_of(home)
    except UsageError:
        policies = folder / "policies"
    found = [folder / SETTINGS, *policies.glob("*.cedar"), *_modules(folder)]
    return {str(path): key for path in found if (key := _saved(path)) is not None}


def _modules(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        is_theirs = not path.name.startswith(".") and path.name not in _NOT_THEIRS
        if path.suffix == ".py":
            yield path
        elif is_theirs and path.is_dir() and not (path / "pyvenv.cfg").exists():
            yield from _modules(path)


def _saved(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


class Dev:
    """One home under development."""

    def __init__(self, home: Path, http: tuple[str, ...]) -> None:
        self._home = home
        self._http_words = http  # its command: it runs for as long as we do
        self._http: Hired | None = None
        self._worker: Hired | None = None
        self._releases: dict[str, str] = {}
        self._told = -1  # ledger index of the last decision that was shown
        self._client: Client | None = None

    async def run(self) -> None:
        """Until it is interrupted. Raises HomeHeld."""
        HomeLock.check_free(self._home)
        seen: Seen = {}
        try:
            while True:
                now = files_of(self._home)
                if now != seen:
                    seen = await self._still(now)
                    await self._saved()
                await self._tell()
                self._look_at_worker()
                await asyncio.sleep(_LOOK_S)
        finally:
            await self._end()

    async def _still(self, now: Seen) -> Seen:
        """As it is once nothing is being saved any more."""
        while True:
            await asyncio.sleep(_STILL_S)
            then = files_of(self._home)
            if then == now:
                return now
            now = then

    async def _saved(self) -> None:
        releases = self._looked()
        if releases is None:
            if self._worker is not None:
                talk("The worker goes on with what it had.")
            return
        held = await self._held()
        await self._start()
        for agent, release in releases.items():
            self._tell_release(agent, release, held)
        self._releases = releases

    def _looked(self) -> dict[str, str] | None:
        """The releases that would be loaded now; None, and why, where they would not."""
        command = [sys.executable, "-m", "answerable.cli.loading", str(self._home)]
        try:
            looked = subprocess.run(  # noqa: S603 - our own command
                command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                timeout=_LOADS_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            talk(f"error (loading): Importing the agents did not end within {_LOADS_S} s.")
            return None
        if looked.returncode == 0:
            return msgspec.json.decode(looked.stdout.splitlines()[-1], type=dict[str, str])
        _, error, said = looked.stderr.rpartition("error (")
        talk(f"{error}{said}".strip() or f"error (loading): It ended with {looked.returncode}.")
        return None

    def _tell_release(self, agent: str, release: str, held: list[HoldRow]) -> None:
        before = self._releases.get(agent)
        if before is None:
            talk(f"{agent}: release {release}.")
        elif before != release:
            talk(f"{agent}: new release {release}, was {before}.")
            count = sum(row.agent == agent for row in held)
            if count:
                what = "effect waits" if count == 1 else "effects wait"
                talk(
                    f"{count} {what} that the release before proposed. A yes is refused now, "
                    f"release gone. Next: {at(self._home, 'answerable approval list')}"
                )

    async def _start(self) -> None:
        if self._worker is None:
            talk("Save a file and the worker starts again. Ctrl-C ends.")
            talk(f"Next: {at(self._home, 'answerable chat')} in another terminal")
        else:
            await self._hang_up()
            await asyncio.to_thread(self._worker.end)
            talk("Saved: the worker starts again.")
        self._worker = Hired(self._home, is_heard=True)
        if self._http is None:
            self._http = Hired(self._home, *self._http_words, is_heard=True)

    def _look_at_worker(self) -> None:
        """One that ended by itself is started on the next save; or when the home is free again,
        where somebody took it while ours was starting anew."""
        if self._worker is None or not self._worker.is_over:
            return
        is_kept_out = HomeHeld.code in self._worker.said()
        if is_kept_out and not self._is_free():
            return
        self._worker.end()
        if is_kept_out:
            self._worker = Hired(self._home, is_heard=True)
        else:
            self._worker = None
            talk("The worker has ended; what it said is above. It starts again on the next save.")

    def _is_free(self) -> bool:
        try:
            HomeLock.check_free(self._home)
        except HomeHeld:
            return False
        return True

    async def _held(self) -> list[HoldRow]:
        try:
            return await (await self._reached()).call(ApprovalList(), list[HoldRow])
        except AnswerableError:
            return []

    async def _tell(self) -> None:
        """Each decision since the last look, oldest first."""
        try:
            client = await self._reached()
            rows = await self._new(client)
            for row in rows:
                show = DecisionShow(row.decision)
                self._show(await client.call(show, DecisionView))
                self._told = row.index
        except WorkerAway:
            await self._hang_up()
        except AnswerableError as error:
            talk(f"error ({error.code}): {error}")

    async def _new(self, client: Client) -> list[DecisionRow]:
        rows = await client.call(DecisionList(limit=_ROWS), list[DecisionRow])
        if self._told < 0:  # what was decided before we came is not news
            self._told = rows[0].index if rows else 0
            return []
        while rows and rows[-1].index > self._told:
            more = DecisionList(limit=_ROWS, before=rows[-1].index)
            older = await client.call(more, list[DecisionRow])
            if not older:
                break
            rows += older
        return [row for row in reversed(rows) if row.index > self._told]

    def _show(self, view: DecisionView) -> None:
        rules = ", ".join(view.rules) or "no rule"
        time = view.at.partition("T")[2].rstrip("Z")
        out(
            plain(
                f"{time}  {view.agent}  {view.verdict}: {view.action}, by {rules};"
                f" {view.owner_name} answers; ledger {view.index}"
            )
        )
        sys.stdout.flush()

    async def _reached(self) -> Client:
        if self._client is None:
            self._client = await Client.connect(self._home)
        return self._client

    async def _hang_up(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _end(self) -> None:
        await self._hang_up()
        for one in (self._http, self._worker):
            if one is not None:
                one.end()
