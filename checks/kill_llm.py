"""Kill -9 of a real worker at each moment of a turn that thinks, in both protocols: the figures.

    python checks/kill_llm.py

Prints JSON, and ends with 1 unless no recorded call and no effect was repeated.
"""

import json
import sys
import tempfile
from pathlib import Path

from answerable.testing.model_kills import kill_at_each


def main() -> int:
    is_kept = True
    told = {}
    with tempfile.TemporaryDirectory(prefix="answerable-kill-llm-") as folder:
        for protocol in ("openai", "anthropic"):
            kills = kill_at_each(Path(folder) / protocol, protocol=protocol)
            told[protocol] = vars(kills)
            is_kept = is_kept and kills.is_kept
    print(json.dumps(told, indent=2))
    print(f"kill-llm: {'all zeros' if is_kept else 'NOT KEPT'}")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
