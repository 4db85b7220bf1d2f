"""What the HTTP process is made of: nothing that opens a home or runs an author's code."""

import json
import subprocess
import sys

from homes import environment


def test_the_http_process_imports_no_engine_and_no_authors_words() -> None:
    code = "import answerable.server.process, json, sys; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
    )
    loaded = set(json.loads(run.stdout))
    rooms = ("adapters", "sdk", "pipeline", "policy", "compose.house", "compose.configured")
    assert loaded.isdisjoint({f"answerable.{room}" for room in rooms})
    assert "cedarpy" not in loaded
