"""What a worker does now and then for what was erased: empties the log of the key store where that
was not possible, destroys the keys of epochs that are over, makes the list of what was erased
whole, and ends what a restore has left open."""

import logging

from answerable.base.clock import MINUTE_US
from answerable.base.errors import AnswerableError
from answerable.compose.backups import backup_keys_of
from answerable.parties import rows
from answerable.store.threads import beside_the_loop
from answerable.telemetry import failures
from answerable.worker.after_restore import forget_again
from answerable.worker.commands.office import Office

log = logging.getLogger("answerable.worker")

_EVERY_US = 10 * MINUTE_US


class Tending:
    """One per worker."""

    def __init__(self) -> None:
        self._due_us = 0

    async def tend(self, office: Office) -> None:
        """Where it fails, it is said, and the next round tries it again."""
        now_us = office.house.hall.clock.now()
        if now_us < self._due_us or not office.dispatcher.works:
            return
        self._due_us = now_us + _EVERY_US
        try:
            await tend(office)
        except (AnswerableError, OSError, TimeoutError) as error:
            log.error("the keys of backups were not looked after: %s", failures.describe(error))


async def tend(office: Office) -> None:
    """Raises Broken, UsageError."""
    hall = office.house.hall
    if not await beside_the_loop(hall.keyring.store.is_log_empty):
        log.warning("keys.db is read by another process: destroyed keys may still lie in its log")
    _, terms = backup_keys_of(office.house.home)
    keys = hall.backup_keys
    for epoch in await beside_the_loop(lambda: keys.end_over(terms)):
        log.info("backups of epoch %s cannot be opened any more: its key was destroyed", epoch.id)
    if destroyed := rows.list_destroyed(hall.db):
        await beside_the_loop(lambda: keys.note_missing(destroyed))
    await forget_again(office.house)
