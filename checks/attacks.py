"""Carry out every attack of the list, and print who caught it and where.

Exits 1 if one is not caught.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from attacked import every  # noqa: F401 - it fills the list
from attacked.attack import ATTACKS


def main() -> int:
    missed = 0
    for attack in ATTACKS.values():
        with tempfile.TemporaryDirectory() as folder:
            caught = attack.carried(Path(folder))
        missed += caught is None
        said = f"{caught.by}: {caught.where}" if caught else "NOT CAUGHT"
        print(f"{attack.name}  (who holds {attack.holds})\n    {said}")
    print(f"{len(ATTACKS) - missed} of {len(ATTACKS)} attacks caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
