"""Turn the customers' turns of SGD dialogues into the JSON lines of `answerable demo --from`.

    python examples/sgd_to_jsonl.py > sgd.jsonl
    answerable demo --from sgd.jsonl

One dialogue is one sender; its turns are a minute apart, and dialogues start through the day.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parent / "../../shared/data/sgd"
DAY_START_US = 1_772_409_600_000_000  # 2026-03-02T00:00:00Z
DAY_US = 86_400_000_000
MINUTE_US = 60_000_000


def dialogues(source: Path) -> Iterator[tuple[str, list[str]]]:
    """Each dialogue's id and what its customer said, in order."""
    for path in sorted(source.glob("*_compact.jsonl")) if source.is_dir() else [source]:
        with path.open(encoding="utf-8") as file:
            for raw in file:
                found = json.loads(raw)
                turns = [t["utterance"] for t in found["turns"] if t["speaker"] == "USER"]
                yield found["dialogue_id"], turns


def lines(source: Path) -> Iterator[dict[str, str | int]]:
    """One line for each turn of a customer, ordered by time."""
    longest_us = MINUTE_US * max(len(turns) for _, turns in dialogues(source))
    between_us = (DAY_US - longest_us) // sum(1 for _ in dialogues(source))
    found: list[tuple[int, str, int, str]] = []
    for number, (name, turns) in enumerate(dialogues(source)):
        for turn, text in enumerate(turns):
            sent_at = DAY_START_US + number * between_us + turn * MINUTE_US
            found.append((sent_at, name, turn, text))
    for sent_at, name, turn, text in sorted(found):
        yield {
            "external_id": f"sgd-{name}-{turn:02d}",
            "from": f"sgd-{name}@example.org",
            "text": text,
            "sent_at": sent_at,
            "rail": "chat",
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", nargs="?", type=Path, default=SOURCE, help="folder or JSON lines")
    parser.add_argument("--out", type=Path, help="file to write; default: standard output")
    options = parser.parse_args()
    if not options.source.exists() or (
        options.source.is_dir() and not list(options.source.glob("*_compact.jsonl"))
    ):
        print(
            f"There are no dialogues at {options.source}. Nothing was written. "
            "Next: give the folder of SGD's *_compact.jsonl files, or one of them, as argument.",
            file=sys.stderr,
        )
        return 3
    out = options.out.open("w", encoding="utf-8") if options.out else sys.stdout
    with out:
        for line in lines(options.source):
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
