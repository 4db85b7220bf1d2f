"""How a wrong variant of the product is switched on, and surely off again."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol
from unittest import mock


class Swap(Protocol):
    """Put `wrong` in the place of an attribute, until the bug is dug out again.

    A name that a module imported from another is swapped where it is used.
    """

    def __call__(self, owner: object, name: str, wrong: object) -> None: ...


def room(name: str) -> Any:
    """A module of the product: what others import it as may be a stage of the same name."""
    return import_module(f"answerable.{name}")


Plant = Callable[[Swap], None]


@dataclass(frozen=True, slots=True)
class Bug:
    """A deliberately wrong variant: `wrong` is what it does, `promise` what that breaks."""

    name: str
    promise: int
    wrong: str
    plant: Plant

    @contextmanager
    def planted(self) -> Iterator[None]:
        with ExitStack() as dug_out:

            def swap(owner: object, name: str, wrong: object) -> None:
                dug_out.enter_context(mock.patch.object(owner, name, wrong))

            self.plant(swap)
            yield


class Bed:
    """The bugs of one file, by name."""

    def __init__(self) -> None:
        self.bugs: dict[str, Bug] = {}

    def breaks(self, promise: int) -> Callable[[Plant], Plant]:
        """The decorated function's docstring is the sentence that says what it does wrong."""

        def keep(plant: Plant) -> Plant:
            name = plant.__name__
            self.bugs[name] = Bug(name, promise, plant.__doc__ or "", plant)
            return plant

        return keep
