"""What a home runs with: each setting, and whether somebody said so."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from answerable.base.settings import Settings

_SECRET = re.compile(r"secret|token|passw|credential|(^|_)key$")
_HIDDEN = "(not shown)"
_IN_ADDRESS = re.compile(r"(?<=//)[^/\s]*@")  # a user and a password, before the host


@dataclass(frozen=True, slots=True)
class Setting:
    """`name` as its path in the file, `rails.email.deadline_s`; what may be a secret is hidden."""

    name: str
    value: str
    is_default: bool


def effective(settings: Settings, text: str) -> list[Setting]:
    """Each setting in force; `text` is the file that they were read from, empty if none was."""
    return list(_walk(msgspec.to_builtins(settings), tomllib.loads(text), ""))


def _walk(values: Mapping[str, object], said: Mapping[str, object], path: str) -> Iterator[Setting]:
    for name, value in values.items():
        here = said.get(name)
        if isinstance(value, dict) and value:
            yield from _walk(value, here if isinstance(here, dict) else {}, f"{path}{name}.")
        else:
            shown = _HIDDEN if _SECRET.search(name) and value else _shown(value)
            yield Setting(f"{path}{name}", shown, is_default=name not in said)


def _shown(value: object) -> str:
    shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return _IN_ADDRESS.sub(f"{_HIDDEN}@", shown)
