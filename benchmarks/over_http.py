"""Messages a second over HTTP: accepted (202, durable) and worked off, one by one and in batches.

A served home on loopback, a client on the same machine that keeps `--clients` connections busy. The
agent replies to each message under a policy that allows it; the rail writes to a file. Prints one
JSON object. It measures the machine as much as the product: both sides and the worker share it.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from wire import Sender

from homes import SmallHome
from serving import Serving, message, serving


def measure(served: Serving, messages: int, batch: int, clients: int, ids: "count[int]") -> object:
    """Messages in requests of `batch`."""
    made = [
        message(f"bench-{next(ids)}", **{"from": f"c{number % 997}@example.org"})
        for number in range(messages)
    ]
    if batch == 1:
        bodies = [json.dumps(one).encode() for one in made]
    else:
        parts = [made[at : at + batch] for at in range(0, messages, batch)]
        bodies = [json.dumps({"messages": part}).encode() for part in parts]
    sender = Sender(served.url, served.key("messages"))
    began = time.perf_counter()
    accepted_s = asyncio.run(sender.run(bodies, clients))
    served.home.settled(within_s=600)
    done_s = time.perf_counter() - began
    took = sorted(sender.took_s)
    return {
        "batch": batch, "messages": messages, "clients": clients,
        "accepted_per_s": round(messages / accepted_s), "done_per_s": round(messages / done_s),
        "refused": sender.refused,
        "request_ms_p50": round(took[len(took) // 2] * 1e3, 1),
        "request_ms_p99": round(took[int(len(took) * 0.99)] * 1e3, 1),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--clients", type=int, default=32)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="answerable-http-") as folder:
        home = SmallHome(Path(folder) / "home").found()
        with serving(home) as served:
            ids = count()
            measure(served, 200, 1, given.clients, ids)  # until it is warm
            rows = [
                measure(served, given.messages, 1, given.clients, ids),
                measure(served, given.messages, 100, min(8, given.clients), ids),
            ]
    sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
