"""Commands on the home itself: a backup while it works."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from answerable.base.errors import Broken, UsageError
from answerable.worker import verbs
from answerable.worker.backup import BackupFailed
from answerable.worker.client import RemoteError
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs import Told
from answerable.worker.verbs.proofs import BackupView

T = TypeVar("T")


async def backup_write(office: Office, verb: verbs.BackupWrite) -> BackupView:
    """In a process of its own: a copy that is read, hashed and opened would keep the loop busy."""
    to = Path(verb.to)
    if not to.is_absolute():
        raise UsageError(
            f"'{to}' is not a whole path: the worker has a folder of its own.",
            "Nothing was written.",
            "answerable backup FOLDER",
        )
    command = [sys.executable, "-m", "answerable.worker.backup", str(office.house.home), str(to)]
    if not verb.with_secrets:
        command.append("--without-secrets")
    failed = BackupFailed(
        "The backup's process ended.",
        f"No backup is complete in '{to}': it has no manifest.",
        "read the worker's log, which says where it was",
    )
    return await answered_beside(command, BackupView, failed)


async def answered_beside(command: Sequence[str], answer: type[T], failed: Broken) -> T:
    """What a process of ours beside the worker says it did. Raises RemoteError, or `failed` where
    it said nothing."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    try:
        out, _ = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        raise
    if process.returncode != 0:
        raise failed
    told = msgspec.json.decode(out, type=Told)
    if told.code:
        raise RemoteError(told)
    return msgspec.json.decode(told.result, type=answer)


HANDLERS: Handlers = {verbs.BackupWrite: backup_write}
