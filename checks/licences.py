"""No licence in an install that binds those who build on us: not GPL, AGPL, BSL or SSPL.

The core install; or, in its own environment, that of the lock which is named.

Read from what the installed packages say of themselves. LGPL and MPL bind only changes to their own
files, and are fine. A package that says nothing fails too: nobody has looked at it.
"""

import re
import sys
from importlib.metadata import Distribution
from pathlib import Path

from core import LOCK, core_distributions

_BINDING = re.compile(r"\b(A?GPL|SSPL|BUSL|BSL-?1\.1|Business Source)|(?<!Lesser )General Public")


def licence(package: Distribution) -> str:
    """What the package says: the SPDX expression, else the classifiers, else the free text."""
    said = package.metadata
    if "License-Expression" in said:
        return said["License-Expression"]
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in said.get_all("Classifier") or []
        if line.startswith("License :: ") and line.count(" :: ") > 1
    ]
    first_line = said["License"].strip().partition("\n")[0] if "License" in said else ""
    return ", ".join(classifiers) or first_line or _by_file(package)


def _by_file(package: Distribution) -> str:
    """The title of the licence file, for packages that ship the text alone."""
    for file in package.files or []:
        if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")):
            words = " ".join(file.read_text("utf-8").split())
            return f"by its file: {words[:60]}"
    return ""


def is_binding(said: str) -> bool:
    return not said or _BINDING.search(said) is not None


def main() -> int:
    lock = Path(sys.argv[1]) if len(sys.argv) > 1 else LOCK
    packages = [(package.name, licence(package)) for package in core_distributions(lock)]
    for name, said in packages:
        print(f"{'NO ' if is_binding(said) else 'ok '} {name:<20} {said or 'says nothing'}")
    return 1 if any(is_binding(said) for _, said in packages) else 0


if __name__ == "__main__":
    sys.exit(main())
