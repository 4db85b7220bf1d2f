"""What a person types, or a pipe holds, one line after the other, while the loop goes on."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Iterable


async def given(messages: Iterable[str]) -> AsyncIterator[str]:
    for message in messages:
        yield message


async def typed(prompt: str) -> AsyncIterator[str]:
    """Lines of standard input until its end (Ctrl-D), with a prompt where a person types.

    Read in a thread that nobody waits for: a terminal cannot be asked to stop waiting.
    """
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str | None]()
    wanted = threading.Semaphore(0)

    def read() -> None:
        is_typed = sys.stdin.isatty()
        if is_typed:
            import readline  # noqa: F401 - `input` edits its line with it
        while wanted.acquire():
            try:
                line: str | None = input(prompt) if is_typed else next(sys.stdin, None)
            except EOFError:
                line = None
            try:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            except RuntimeError:  # the loop has ended meanwhile
                return
            if line is None:
                return

    threading.Thread(target=read, daemon=True).start()
    while True:
        wanted.release()
        line = await lines.get()
        if line is None:
            return
        yield line.rstrip("\n")
