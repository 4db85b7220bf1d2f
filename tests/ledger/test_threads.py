"""What waits for the disk has threads that author code cannot use up."""

import asyncio
import threading

from answerable.store.threads import beside_the_loop


def test_hanging_calls_in_the_loops_own_threads_keep_nobody_of_ours_waiting() -> None:
    async def scenario() -> None:
        release = threading.Event()
        hanging = [asyncio.create_task(asyncio.to_thread(release.wait, 20)) for _ in range(64)]
        await asyncio.sleep(0.05)
        try:
            assert await asyncio.wait_for(beside_the_loop(lambda: "written"), 5.0) == "written"
        finally:
            release.set()
            await asyncio.gather(*hanging)

    asyncio.run(scenario())
