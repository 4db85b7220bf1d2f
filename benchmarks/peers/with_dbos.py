"""DBOS with its SQLite system database, in WAL mode.

As its documentation asks for durability:

- One workflow an interaction, begun under the message's id: "you can set an idempotency key for a
  workflow" (https://docs.dbos.dev/python/tutorials/workflow-tutorial); a second delivery is handed
  the first one's result.
- The effect is a step, as everything that reaches an external service should be
  (https://docs.dbos.dev/python/tutorials/step-tutorial), and so is the intent before it. Decision
  and reply are the workflow's result, which is durable when it is returned.
- SQLite is the documented default; PostgreSQL is what it recommends for production
  (https://docs.dbos.dev/python/tutorials/database-connection). This is what it does where there is
  one file and no server, as ours.

What we add for it: WAL, which it does not set; `synchronous` stays at SQLite's default, FULL. Its
schema needs SQLite >= 3.42 (`unixepoch('subsec')`), so it is given `pysqlite3` as SQLAlchemy's
driver where there is a wheel of it. Its own pragmas stay. Plain functions in threads: coroutines,
and a pool of one connection instead of its twenty, were slower here.
No policy, no encryption, no proof, no owner, no limit.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dbos import DBOS, SetWorkflowID
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

try:
    import pysqlite3.dbapi2 as sqlite3
except ImportError:  # no wheel for this platform: Python's own, if it is new enough
    import sqlite3

_DATABASE = "dbos.sqlite"


class WithDBOS:
    async def open(self, home: Path, outside: Outside, concurrency: int) -> None:
        database = home / _DATABASE
        db = sqlite3.connect(str(database))
        self._mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        self._synchronous = synchronous(db.execute("PRAGMA synchronous").fetchone()[0])
        db.close()
        threads = min(concurrency, THREADS_MAX)
        DBOS(
            config={
                "name": "bench",
                "system_database_url": f"sqlite:///{database}",
                "db_engine_kwargs": {"module": sqlite3},
                "log_level": "ERROR",
                "max_executor_threads": threads,
            }
        )

        def resolve_and_turn(key: str, sender: str) -> dict[str, object]:
            return intent(key, sender)

        def refund(key: str) -> str:
            return outside.refund(key, AMOUNT_MINOR)

        turn, perform = DBOS.step()(resolve_and_turn), DBOS.step()(refund)

        def interaction(key: str, sender: str, _text: str) -> tuple[str, str]:
            turn(key, sender)
            receipt = perform(key)
            return decision(key, sender, receipt), REPLY

        self._workflow: Any = DBOS.workflow()(interaction)
        DBOS.launch()
        self._threads = ThreadPoolExecutor(threads)

    def _run(self, message: Message) -> None:
        with SetWorkflowID(message.external_id):
            self._workflow(message.external_id, message.sender, message.text)

    async def interact(self, message: Message) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._run, message)

    async def close(self) -> None:
        self._threads.shutdown()
        DBOS.destroy()

    def replies(self, home: Path) -> int:
        db = sqlite3.connect(str(home / _DATABASE))
        sql = "SELECT count(*) FROM workflow_status WHERE status = 'SUCCESS'"
        found = int(db.execute(sql).fetchone()[0])
        db.close()
        return found

    def facts(self) -> dict[str, str]:
        return {
            "durability": f"{self._mode}, synchronous={self._synchronous}, four commits",
            "sqlite": sqlite3.sqlite_version,
            "dbos": version("dbos"),
        }


if __name__ == "__main__":
    sys.exit(main(WithDBOS))
