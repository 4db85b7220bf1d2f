"""Send one message to the worker of a home, as a channel would: `python say.py HOME TEXT`.

Run twice with the same id it is one message: `python say.py HOME TEXT --id m1`.
"""

import argparse
import asyncio
from pathlib import Path

from answerable.rails.port import Ack, Incoming
from answerable.worker.client import Client
from answerable.worker.verbs import MessagesAccept


async def say(home: Path, text: str, external_id: str, sender: str) -> Ack:
    message = Incoming(external_id=external_id, sender=sender, text=text, rail="email")
    client = await Client.connect(home)
    try:
        return (await client.call(MessagesAccept((message,)), list[Ack]))[0]
    finally:
        await client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("text")
    parser.add_argument("--id", default="m1", help="the channel's own id of the message")
    parser.add_argument("--sender", default="kim@example.org")
    given = parser.parse_args()
    ack = asyncio.run(say(given.home, given.text, given.id, given.sender))
    print("accepted" if ack.is_new else "accepted before")


if __name__ == "__main__":
    main()
