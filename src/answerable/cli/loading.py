"""A look at what a home would load, in a process of its own: code that is imported stays imported.

`python -m answerable.cli.loading HOME` prints the releases as JSON, or says what is wrong.
"""

import sys
from pathlib import Path

import msgspec

from answerable.agents.domain import release_of
from answerable.base.errors import AnswerableError
from answerable.compose.configured import plan


def releases_of(home: Path) -> dict[str, str]:
    """Each agent's release as it would be registered now. Raises as `plan` does."""
    planned = plan(home)
    return {one.agent: release_of(one, planned.policy.digest).id for one in planned.blueprints}


def main() -> int:
    try:
        found = releases_of(Path(sys.argv[1]))
    except AnswerableError as error:
        sys.stderr.write(f"error ({error.code}): {error}\n")
        return error.exit_code
    sys.stdout.write(f"\n{msgspec.json.encode(found).decode()}\n")  # after what modules print
    return 0


if __name__ == "__main__":
    sys.exit(main())
