"""Turn the human-written requests of CLINC150 into the JSON lines of `answerable demo --from`.

    python examples/clinc150_to_jsonl.py > clinc150.jsonl
    answerable demo --from clinc150.jsonl

All requests of the file are taken, those out of scope too. Nothing says who wrote them, and they
have nothing to do with each other: each is given a made-up sender of its own.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parent / "../../shared/data/clinc150/train_val.json"


def lines(source: Path) -> Iterator[dict[str, str]]:
    """One line for each request."""
    parts: dict[str, list[tuple[str, str]]] = json.loads(source.read_text(encoding="utf-8"))
    number = 0
    for part, requests in parts.items():
        for place, (text, _intent) in enumerate(requests):
            yield {
                "external_id": f"clinc150-{part}-{place:05d}",
                "from": f"clinc-{number:05d}@example.org",
                "text": text,
                "rail": "chat",
            }
            number += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", nargs="?", type=Path, default=SOURCE, help="train_val.json")
    parser.add_argument("--out", type=Path, help="file to write; default: standard output")
    options = parser.parse_args()
    if not options.source.is_file():
        print(
            f"There is no file {options.source}. Nothing was written. "
            "Next: give the path of CLINC150's train_val.json as argument.",
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
