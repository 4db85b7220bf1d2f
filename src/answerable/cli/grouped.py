"""Options that belong together as one parameter: a dataclass whose fields are options."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import get_type_hints


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command that is asked for the fields of each dataclass among its parameters, and is called
    with the dataclasses."""
    hints = get_type_hints(command, include_extras=True)
    plain: dict[str, inspect.Parameter] = {}
    groups: dict[str, type] = {}
    for one in inspect.signature(command).parameters.values():
        hint = hints[one.name]
        if not dataclasses.is_dataclass(hint):
            plain[one.name] = _named(one.name, one.default, hint)
            continue
        groups[one.name] = hint  # type: ignore[assignment]
        of = get_type_hints(hint, include_extras=True)
        plain |= {
            each.name: _named(each.name, each.default, of[each.name])
            for each in dataclasses.fields(hint)
        }

    def called(**given: object) -> None:
        made = {
            name: group(**{each.name: given.pop(each.name) for each in dataclasses.fields(group)})
            for name, group in groups.items()
        }
        command(**given, **made)

    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__annotations__ = {name: one.annotation for name, one in plain.items()}
    called.__signature__ = inspect.Signature(list(plain.values()))  # type: ignore[attr-defined]
    return called


def _named(name: str, default: object, hint: object) -> inspect.Parameter:
    given = inspect.Parameter.empty if default is dataclasses.MISSING else default
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=given, annotation=hint
    )  # fmt: skip
