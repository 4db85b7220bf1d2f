"""LangGraph with its SQLite checkpointer, each step durable before the next one begins.

As its documentation asks for durability:

- `durability="sync"`: "Changes are persisted synchronously before the next step starts"
  (https://reference.langchain.com/python/langgraph/types/Durability). "async", the default, may
  lose the intent of an effect that has happened.
- The saver sets WAL itself, and leaves `synchronous` at SQLite's default, FULL.
- Effects are made idempotent and stand in a step of their own
  (https://docs.langchain.com/oss/python/langgraph/durable-execution).

Of its two savers for SQLite this is `SqliteSaver`, with plain functions in threads. Its
documentation says that it "does not scale to multiple threads" and points to `AsyncSqliteSaver`,
which is measured beside it (`with_langgraph_async.py`), and whose own says that it "is not
recommended for production workloads due to limitations in SQLite's write performance", but
PostgreSQL: this is what they do where there is one file and no server, as ours.

Two nodes, the fewest with a durable intent before the effect: the input (the message, received
once: a thread that has a checkpoint is not begun again), then the intent, then effect, decision and
reply. One `thread_id` an interaction. No policy, no encryption, no proof, no owner, no limit.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from workload import (
    AMOUNT_MINOR,
    REPLY,
    THREADS_MAX,
    Message,
    Outside,
    decision,
    intent,
    main,
    synchronous,
)

DATABASE = "checkpoints.db"
_LAST_STEP = 2  # the input is -1, then START, `turn` and `act`


class State(TypedDict, total=False):
    key: str
    sender: str
    text: str
    intent: dict[str, object]
    decision: str
    reply: str


def graph(turn: Callable[[State], object], act: Callable[[State], object], saver: Any) -> Any:
    """The turn, whose intent is durable before the next node begins; then the effect."""
    builder: Any = StateGraph(State)
    builder.add_node("turn", turn)
    builder.add_node("act", act)
    builder.add_edge(START, "turn")
    builder.add_edge("turn", "act")
    builder.add_edge("act", END)
    return builder.compile(checkpointer=saver)


def ended(database: Path) -> int:
    """Threads whose last step is in a checkpoint."""
    db = sqlite3.connect(database)
    sql = (
        "SELECT count(DISTINCT thread_id) FROM checkpoints"
        " WHERE json_extract(CAST(metadata AS TEXT), '$.step') = ?"
    )
    found = int(db.execute(sql, (_LAST_STEP,)).fetchone()[0])
    db.close()
    return found


def facts(pragmas: Sequence[str]) -> dict[str, str]:
    mode, level = pragmas
    return {
        "durability": f'durability="sync", {mode}, synchronous={synchronous(level)}',
        "sqlite": sqlite3.sqlite_version,
        "langgraph": version("langgraph"),
        "langgraph-checkpoint-sqlite": version("langgraph-checkpoint-sqlite"),
    }


class WithLangGraph:
    async def open(self, home: Path, outside: Outside, concurrency: int) -> None:
        self._outside = outside
        self._db = sqlite3.connect(home / DATABASE, check_same_thread=False)
        self._saver: Any = SqliteSaver(self._db)
        self._saver.setup()
        self._pragmas = [
            str(self._db.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("journal_mode", "synchronous")
        ]
        self._graph = graph(self._turn, self._act, self._saver)
        self._threads = ThreadPoolExecutor(min(concurrency, THREADS_MAX))

    def _turn(self, state: State) -> State:
        return {"intent": intent(state["key"], state["sender"])}

    def _act(self, state: State) -> State:
        receipt = self._outside.refund(state["key"], AMOUNT_MINOR)
        return {"decision": decision(state["key"], state["sender"], receipt), "reply": REPLY}

    def _run(self, message: Message) -> None:
        config = {"configurable": {"thread_id": message.external_id}}
        if self._saver.get_tuple(config) is not None:
            return
        state = State(key=message.external_id, sender=message.sender, text=message.text)
        self._graph.invoke(state, config, durability="sync")

    async def interact(self, message: Message) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._run, message)

    async def close(self) -> None:
        self._threads.shutdown()
        self._db.close()

    def replies(self, home: Path) -> int:
        return ended(home / DATABASE)

    def facts(self) -> dict[str, str]:
        return facts(self._pragmas)


if __name__ == "__main__":
    sys.exit(main(WithLangGraph))
