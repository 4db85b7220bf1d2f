"""Rounds: each witness is asked for the newest published head, in a thread of its own; the home
itself, where it has a second key, signs the same head.

Nothing waits for them but the next round. A witness that is slow keeps its own thread and nobody
else's; threads are daemons, so that none keeps the worker from ending.
"""

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from answerable.adapters.witnesses.http import post
from answerable.base.chance import SystemChance
from answerable.base.clock import SECOND_US, Clock
from answerable.base.errors import AnswerableError, UsageError
from answerable.base.settings import LedgerSettings
from answerable.ledger.cosignature import CosignerKey
from answerable.ledger.cosigned import cosigned_file, with_line
from answerable.ledger.note import NoteError, note_text, parse_checkpoint
from answerable.ledger.tiles import TileMissing, read_checkpoint
from answerable.ledger.tsp import QUERY_MEDIA
from answerable.telemetry import failures
from answerable.worker.publisher import TILES
from answerable.worker.witnessing.asking import Asking
from answerable.worker.witnessing.memory import (
    Remembered,
    Said,
    keep_cosigned,
    publish_newest,
    read_memory,
    write_memory,
)
from answerable.worker.witnessing.own import OwnWord
from answerable.worker.witnessing.stamping import stamp

log = logging.getLogger("answerable.witnesses")

AUTHORITY = "timestamp "
_MEDIA = "text/plain; charset=utf-8"
_SLACK_S = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A witness of the settings."""

    url: str
    key: CosignerKey


def asked_of(settings: LedgerSettings) -> list[Asked]:
    """The witnesses that the settings name. Raises UsageError."""
    found: list[Asked] = []
    for each in settings.witnesses:
        try:
            key = CosignerKey.parse(each.vkey)
        except NoteError as error:
            raise _wrong(each.url, error.happened) from error
        if not each.url.startswith(("http://", "https://")):
            raise _wrong(each.url, "its url is neither http nor https.")
        if any(key == other.key for other in found):
            raise _wrong(each.url, "its key is there twice.")
        found.append(Asked(f"{each.url.rstrip('/')}/add-checkpoint", key))
    return found


def _wrong(url: str, why: str) -> UsageError:
    return UsageError(
        f"The witness '{url}' of the settings is wrong: {why}", "Nothing was started.",
        "correct `ledger.witnesses` in answerable.toml",
    )  # fmt: skip


class Rounds:
    """Asks the witnesses of a home. One round at a time."""

    def __init__(self, home: Path, settings: LedgerSettings, clock: Clock) -> None:
        self._home = home
        self._clock = clock
        self._asked = asked_of(settings)
        self._deadline_s = settings.witness_deadline_s
        self._authority = settings.timestamp_url
        self._own = OwnWord(home, settings.origin, SystemChance()) if settings.ml_dsa else None
        self._busy: dict[str, threading.Thread] = {}

    def run(self, *, may_pass_over: bool = True) -> list[Remembered]:
        """One round, in a thread that may wait; what is remembered after it. Raises Broken.

        Who has cosigned the newest head is passed over, or else asked for its word on it again.
        """
        memory = read_memory(self._home)
        vkeys = [each.key.encode() for each in self._asked]
        vkeys += [self._own.key.encode()] if self._own is not None else []
        known = [memory.get(vkey) or Remembered(vkey=vkey) for vkey in vkeys]
        publish_newest(self._home)
        try:
            note = read_checkpoint(self._home / TILES)
            size = parse_checkpoint(note_text(note)).size
        except (NoteError, TileMissing):  # nothing is published yet
            return known
        before = {
            each.vkey: each
            for each in known
            if not may_pass_over or each.size != size or each.error or each.refused
        }
        said = self._ask(note, before) | self._own_word(note, before)
        self._keep(note, size, said)
        after = [said[each.vkey].remembered if each.vkey in said else each for each in known]
        after += self._stamped(note, size, memory)
        if after != list(memory.values()):
            write_memory(self._home, after)
        return after

    def _own_word(self, note: str, before: dict[str, Remembered]) -> dict[str, Said]:
        mine = before.get(self._own.key.encode()) if self._own is not None else None
        if self._own is None or mine is None:
            return {}
        return {mine.vkey: self._own.say(note, mine, self._clock.now() // SECOND_US)}

    def _stamped(self, note: str, size: int, memory: dict[str, Remembered]) -> list[Remembered]:
        """The authority is remembered as the witnesses are, under its address."""
        if not self._authority:
            return []
        name = f"{AUTHORITY}{self._authority}"
        before = memory.get(name) or Remembered(vkey=name)
        if before.size == size and not before.error:
            return [before]
        asked = msgspec.structs.replace(before, asked_at_s=self._clock.now() // SECOND_US)
        send = partial(post, self._authority, media=QUERY_MEDIA, deadline_s=self._deadline_s)
        return [stamp(self._home, note, asked, send, SystemChance())]

    def _ask(self, note: str, before: dict[str, Remembered]) -> dict[str, Said]:
        """All at once; who does not answer in time is given up, for this round."""
        answers: queue.SimpleQueue[tuple[str, Said]] = queue.SimpleQueue()
        now_s = self._clock.now() // SECOND_US
        said: dict[str, Said] = {}
        started: set[str] = set()
        for each in self._asked:
            vkey = each.key.encode()
            if vkey not in before:
                continue
            late = "it did not answer in time"
            said[vkey] = Said(msgspec.structs.replace(before[vkey], asked_at_s=now_s, error=late))
            if vkey not in self._busy or not self._busy[vkey].is_alive():
                self._busy[vkey] = threading.Thread(
                    target=self._one, args=(each, note, before[vkey], now_s, answers),
                    daemon=True, name=f"witness {each.key.name}",
                )  # fmt: skip
                self._busy[vkey].start()
                started.add(vkey)
        until = time.monotonic() + 2 * self._deadline_s + _SLACK_S  # it may be asked twice
        while started:
            try:
                vkey, answer = answers.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                break
            said[vkey] = answer
            started.discard(vkey)
        return said

    def _one(
        self, asked: Asked, note: str, before: Remembered, now_s: int,
        answers: "queue.SimpleQueue[tuple[str, Said]]",
    ) -> None:  # fmt: skip
        send = partial(post, asked.url, media=_MEDIA, deadline_s=self._deadline_s)
        try:
            said = Asking(self._home / TILES, note, asked.key, send).ask(before, now_s)
        except Exception as error:  # noqa: BLE001 - nobody waits for this thread
            said = Said(msgspec.structs.replace(before, error=failures.describe(error)))
        answers.put((before.vkey, said))

    def _keep(self, note: str, size: int, said: dict[str, Said]) -> None:
        lines = [each.line for each in said.values() if each.line]
        if not lines:
            return
        path = cosigned_file(self._home, size)
        kept = path.read_text(encoding="utf-8") if path.exists() else note
        for line in lines:
            kept = with_line(kept, line)
        keep_cosigned(self._home, size, kept)


async def keep_witnessed(rounds: Rounds, every_s: float, ended: asyncio.Event) -> None:
    """Rounds until the worker ends; what is wrong is said when it is new."""
    said: set[str] = set()

    def one() -> None:
        try:
            found = rounds.run()
        except AnswerableError as error:
            _say({error.happened}, said)
        except Exception as error:  # noqa: BLE001 - the worker works on
            _say({failures.describe(error)}, said)
        else:
            _say(_troubles(found), said)

    thread: threading.Thread | None = None
    while not ended.is_set():
        if thread is None or not thread.is_alive():
            thread = threading.Thread(target=one, daemon=True, name="witnesses")
            thread.start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), every_s)


def _troubles(found: Sequence[Remembered]) -> set[str]:
    return {
        f"the witness {each.vkey.partition('+')[0]}: {each.refused or each.error}"
        for each in found
        if each.refused or each.error
    }


def _say(troubles: set[str], said: set[str]) -> None:
    for each in sorted(troubles - said):
        log.error("%s", each)
    said.clear()
    said.update(troubles)
