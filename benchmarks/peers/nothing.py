"""The load client and the outside alone: what of every other figure is theirs."""

import sys
from pathlib import Path

from workload import AMOUNT_MINOR, Message, Outside, main


class Nothing:
    def __init__(self) -> None:
        self._done: set[str] = set()

    async def open(self, _home: Path, outside: Outside, _concurrency: int) -> None:
        self._outside = outside

    async def interact(self, message: Message) -> None:
        if message.external_id not in self._done:
            self._outside.refund(message.external_id, AMOUNT_MINOR)
            self._done.add(message.external_id)

    async def close(self) -> None: ...

    def replies(self, _home: Path) -> int:
        return len(self._done)

    def facts(self) -> dict[str, str]:
        return {"durability": "none"}


if __name__ == "__main__":
    sys.exit(main(Nothing))
