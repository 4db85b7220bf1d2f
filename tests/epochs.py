"""A home that is backed up, forgets somebody, and comes out of the backup again."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from answerable.base.chance import SystemChance
from answerable.base.clock import Clock, ManualClock
from answerable.store.epochs import BackupKeys
from answerable.testing.world import Life, Till, World
from answerable.worker.backup import write_backup
from answerable.worker.restore import Request, Restored, restore
from erasing import erase, says
from forgotten import CANARY, lies_in, opened
from stories import inline_world, run, support


def canaries(home: Path) -> list[bytes]:
    """What of the canary can be read in a home, with every key that is in it."""
    plain = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    found = [text for text in opened(home) if CANARY.encode() in text]
    return found + [data for data in plain if lies_in(data)]


class Story:
    """A world, its backup, and what comes of it."""

    def __init__(self, folder: Path, *, policy: str = "", till: Till | None = None) -> None:
        self.folder = folder
        self.till = till or Till()
        self.clock = ManualClock()
        self.world = inline_world(folder / "home", support(self.till), policy=policy)
        self.world.clock = self.clock
        run(self.world.found)
        self.party = ""

    @property
    def home(self) -> Path:
        return self.world.home

    @property
    def keys(self) -> BackupKeys:
        return BackupKeys.of(self.home, None, self.clock, SystemChance())

    @property
    def backup(self) -> Path:
        return self.folder / "backup"

    def lives(self, story: Callable[[Life], Awaitable[object]]) -> None:
        async def scenario() -> None:
            async with self.world.running() as life:
                await story(life)

        run(scenario)

    def says(self, *texts: str) -> None:
        async def story(life: Life) -> None:
            self.party = await says(life, *(f"{text} {CANARY}" for text in texts))

        self.lives(story)

    def backs_up(self) -> None:
        write_backup(self.home, self.backup, clock=self.world.clock)

    def erases(self) -> None:
        self.lives(lambda life: erase(life, self.party))

    def erased_after_a_backup(self, *texts: str) -> "Story":
        self.says(*(texts or ("hello",)))
        self.backs_up()
        self.erases()
        return self

    def restored(self, *, clock: Clock | None = None) -> tuple[World, Restored]:
        """Another home, out of the backup, over the same outside."""
        told = restore(
            Request(
                source=self.backup, home=self.folder / "again", backup_keys=self.keys.folder,
                clock=clock or self.clock,
            )
        )  # fmt: skip
        world = inline_world(self.folder / "again", self.world.agent, policy="")
        world.policy, world.clock = self.world.policy, self.clock
        world.mailbox, world.seed = self.world.mailbox, 77
        return world, told
