"""What a lock names and this environment has: the list for size and licences."""

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; (.+?))?(?: \\)?$")


def core_distributions(lock: Path = LOCK) -> list[Distribution]:
    """The distributions that a lock pins, as installed; exits 1 where they differ from it.

    A pin for another platform (its marker names one) may be absent.
    """
    found, missing = [], []
    for line in lock.read_text("utf-8").splitlines():
        if not (pin := _PIN.match(line)):
            continue
        name, version, marker = pin.groups()
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            if marker is None:
                missing.append(f"{name} {version} is not installed")
            continue
        if installed.version != version:
            missing.append(f"{name} is {installed.version}; the lock says {version}")
        found.append(installed)
    if missing or not found:
        sys.exit("\n".join([f"This environment is not {lock.name}: run `make env`.", *missing]))
    return found
