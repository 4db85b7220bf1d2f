"""Commands on the home itself: a backup while it works."""

import asyncio
import sys
from pathlib import Path

import msgspec

from answerable.base.errors import UsageError
from answerable.worker import verbs
from answerable.worker.backup import BackupFailed
from answerable.worker.client import RemoteError
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs import Told
from answerable.worker.verbs.proofs import BackupView


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
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    try:
        out, _ = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        raise
    if process.returncode != 0:
        raise BackupFailed(
            f"The backup ended with {process.returncode}.",
            f"No backup is complete in '{to}': it has no manifest.",
            "read the worker's log, which says where it was",
        )
    told = msgspec.json.decode(out, type=Told)
    if told.code:
        raise RemoteError(told)
    return msgspec.json.decode(told.result, type=BackupView)


HANDLERS: Handlers = {verbs.BackupWrite: backup_write}
