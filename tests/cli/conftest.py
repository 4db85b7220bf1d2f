"""What the command line is typed at."""

from collections.abc import Iterator

import pytest

from homes import SmallHome, working


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHome]:
    """A home at work with one message of each kind."""
    made = SmallHome(tmp_path_factory.mktemp("cli") / "home").found()
    with working(made):
        for number, text in enumerate(("hello [/b] \x1b[31mred", "human", "refund")):
            made.say(text, external_id=f"m{number}", sender=f"kim{number}@example.org")
        made.settled()
        yield made
