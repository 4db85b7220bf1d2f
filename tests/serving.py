"""A home that is served: worker and HTTP in processes of their own, reached over loopback."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from homes import OWNER, SmallHome, end, environment, until

_WITHIN_S = 60


class Serving:
    """`answerable serve` on a free port."""

    def __init__(self, home: SmallHome, *more: str) -> None:
        self.home = home
        self.log = home.path.with_suffix(".serve.log")
        command = [
            sys.executable, "-m", "answerable.cli", "serve", "--home", str(home.path),
            "--port", "0", *more,
        ]  # fmt: skip
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment()
            )
        until(lambda: self._url() is not None or self.process.poll() is not None, _WITHIN_S)
        self.url = self._url() or ""

    @property
    def said(self) -> str:
        return self.log.read_text()

    def key(self, *scopes: str, person: str = OWNER) -> str:
        """A new key of `person`."""
        named = [part for scope in scopes for part in ("--scope", scope)]
        return self.home.cli("key", "add", "--person", person, *named).check().out.strip()

    def client(self, *scopes: str, person: str = OWNER) -> httpx.Client:
        return self.with_key(self.key(*scopes, person=person))

    def with_key(self, secret: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def ready(self) -> "Serving":
        def is_ready() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
            return False

        until(is_ready, _WITHIN_S)
        return self

    def children(self) -> list[int]:
        """Process ids: the worker and HTTP."""
        found = []
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):  # a thread that has ended
                found += [int(pid) for pid in (task / "children").read_text().split()]
        return found

    @property
    def http(self) -> int:
        """The HTTP process."""
        found: list[int] = []

        def is_found() -> bool:
            found[:] = [
                pid for pid in self.children()
                if b"answerable.server.process" in Path(f"/proc/{pid}/cmdline").read_bytes()
            ]  # fmt: skip
            return bool(found)

        until(is_found)
        return found[0]

    def kill_worker(self) -> None:
        os.kill(self.home.holder, signal.SIGKILL)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)

    def _url(self) -> str | None:
        found = re.search(r"Console: (http\S+)/\n", self.said)
        return found[1] if found else None


@contextmanager
def serving(home: SmallHome, *more: str) -> Iterator[Serving]:
    """A served home that is ready; nothing of it is left behind."""
    served = Serving(home, *more)
    try:
        yield served.ready()
    finally:
        end(served.process, within_s=20)


def message(external_id: str, text: str = "where is it?", **more: object) -> dict[str, object]:
    """As it is sent to `/v1/messages`."""
    said = {"external_id": external_id, "from": "kim@example.org", "text": text, "rail": "email"}
    return said | more


def settled(client: httpx.Client, interaction: str) -> dict[str, object]:
    """The interaction, once it has ended."""
    give_up = time.monotonic() + _WITHIN_S
    while True:
        shown = client.get(f"/v1/interactions/{interaction}", params={"wait_s": 5})
        if shown.status_code == 200 and shown.json()["disposition"] not in ("", "open"):
            return dict(shown.json())
        assert time.monotonic() < give_up, shown.text
        time.sleep(0.1)
