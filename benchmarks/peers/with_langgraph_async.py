"""LangGraph as in `with_langgraph.py`, with coroutines and the saver for them."""

import sys
from pathlib import Path
from typing import Any

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from with_langgraph import DATABASE, State, ended, facts, graph
from workload import AMOUNT_MINOR, REPLY, Message, Outside, decision, intent, main


class WithLangGraphAsync:
    async def open(self, home: Path, outside: Outside, _concurrency: int) -> None:
        self._outside = outside
        self._db: Any = await aiosqlite.connect(home / DATABASE)
        self._saver: Any = AsyncSqliteSaver(self._db)
        await self._saver.setup()
        asked = [
            await self._db.execute_fetchall(f"PRAGMA {name}")
            for name in ("journal_mode", "synchronous")
        ]
        self._pragmas = [str(rows[0][0]) for rows in asked]
        self._graph = graph(self._turn, self._act, self._saver)

    async def _turn(self, state: State) -> State:
        return {"intent": intent(state["key"], state["sender"])}

    async def _act(self, state: State) -> State:
        receipt = self._outside.refund(state["key"], AMOUNT_MINOR)
        return {"decision": decision(state["key"], state["sender"], receipt), "reply": REPLY}

    async def interact(self, message: Message) -> None:
        config = {"configurable": {"thread_id": message.external_id}}
        if await self._saver.aget_tuple(config) is not None:
            return
        state = State(key=message.external_id, sender=message.sender, text=message.text)
        await self._graph.ainvoke(state, config, durability="sync")

    async def close(self) -> None:
        await self._db.close()

    def replies(self, home: Path) -> int:
        return ended(home / DATABASE)

    def facts(self) -> dict[str, str]:
        return facts(self._pragmas)


if __name__ == "__main__":
    sys.exit(main(WithLangGraphAsync))
