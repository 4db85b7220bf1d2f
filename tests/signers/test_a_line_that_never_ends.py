"""What answers at the socket need not be a signer: it is heard up to a bound."""

import socket
import threading
from pathlib import Path

import pytest

from answerable.adapters.signers import asking
from answerable.adapters.signers.process import Line, Place
from answerable.ledger.unsealed import SignerAway


def test_an_answer_without_an_end_is_no_signers(tmp_path: Path) -> None:
    path = tmp_path / "s"
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    listening.listen()
    sent: list[int] = []

    def babble() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    while sum(sent) < 64 * asking.LINE_BYTES_MAX:
                        sent.append(connection.send(b"x" * 65_536))
                except OSError:
                    continue

    threading.Thread(target=babble, daemon=True).start()
    line = Line(Place(path))
    try:
        with pytest.raises(SignerAway, match="what answers is no signer"):
            line.ask(asking.Who(), asking.Standing)
        assert sum(sent) < 32 * asking.LINE_BYTES_MAX
    finally:
        line.close()
        listening.close()
