"""The caps: 400 lines a file, 60 lines a function, 6 parameters. A few files may be longer.

Those are the stranger's verifiers, under `verify`: to be few files is what they are for (decision
0019).
Counted as read: every line of a file; a function from its `def` to its last line; parameters
without `self`, `cls` and `*`/`**`, keyword-only ones included. A breach is cut in two, not excused.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES_MAX = 400
STRANGERS = Path("verify")
STRANGERS_LINES_MAX = 600
FUNCTION_LINES_MAX = 60
PARAMETERS_MAX = 6
FOLDERS = ("src", "tests", "examples", "benchmarks", "verify", "checks")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def breaches(path: Path, text: str) -> Iterator[str]:
    """One line for each cap that this file exceeds."""
    lines = len(text.splitlines())
    most = STRANGERS_LINES_MAX if path.parent == STRANGERS else FILE_LINES_MAX
    if lines > most:
        yield f"{path}:1: {lines} lines; the cap is {most}"
    for function, is_method in functions(ast.parse(text)):
        where = f"{path}:{function.lineno}: {function.name}"
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > FUNCTION_LINES_MAX:
            yield f"{where} has {length} lines; the cap is {FUNCTION_LINES_MAX}"
        count = parameters(function, is_method=is_method)
        if count > PARAMETERS_MAX:
            yield f"{where} has {count} parameters; the cap is {PARAMETERS_MAX}"


def functions(tree: ast.Module) -> Iterator[tuple[Function, bool]]:
    """Every function, nested ones too, and whether it stands in a class."""
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                yield child, isinstance(node, ast.ClassDef)


def parameters(function: Function, *, is_method: bool) -> int:
    own = [*function.args.posonlyargs, *function.args.args]
    if is_method and own and own[0].arg in ("self", "cls"):
        own = own[1:]
    return len(own) + len(function.args.kwonlyargs)


def main() -> int:
    """Check the folders under the one that is named, or under here."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd()
    files = sorted(file for folder in FOLDERS for file in (root / folder).rglob("*.py"))
    found = [
        line for file in files for line in breaches(file.relative_to(root), file.read_text("utf-8"))
    ]
    print("\n".join([*found, f"caps: {len(files)} files, {len(found)} over a cap"]))
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
