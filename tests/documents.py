"""What a document tells its reader to type: taken out of it as it is written."""

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Typed:
    """One command, and what the document says that it prints."""

    command: str
    prints: str


def blocks(name: str, language: str, about: str = "") -> list[str]:
    """The fenced blocks of a language (and of what is said after it), in order."""
    text = (DOCS / name).read_text("utf-8")
    return [
        body
        for kind, said, body in _BLOCK.findall(text)
        if (kind, said.strip()) == (language, about)
    ]


def commands(name: str) -> list[Typed]:
    """Each command of a document's console blocks, in order."""
    found = []
    for block in blocks(name, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, prints = part.partition("\n")
            found.append(Typed(command, prints))
    return found
