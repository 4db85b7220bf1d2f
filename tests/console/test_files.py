"""What browsers load is what was checked in; no page holds a script or a style of its own."""

import hashlib
import re
import tomllib
from pathlib import Path

from answerable.console import CSP, STATIC

VENDOR = STATIC / "vendor"
TEMPLATES = STATIC.parent / "templates"


def test_what_is_vendored_is_what_was_recorded() -> None:
    libraries = tomllib.loads((VENDOR / "VENDORED.toml").read_text("utf-8"))["library"]
    recorded = {name: digest for one in libraries for name, digest in one["sha256"].items()}
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.iterdir()
        if file.name != "VENDORED.toml"
    }
    assert found == recorded


def test_every_vendored_library_has_its_licence_beside_it() -> None:
    libraries = tomllib.loads((VENDOR / "VENDORED.toml").read_text("utf-8"))["library"]
    licences = {one["package"]: one["licence"] for one in libraries}
    assert licences == {"htmx.org": "0BSD", "uplot": "MIT"}
    for one in libraries:
        assert any(name.endswith(".LICENSE") for name in one["sha256"]), one["package"]


def test_no_page_holds_a_script_a_style_or_a_handler() -> None:
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE
    )
    found = {
        f"{file.name}:{number}"
        for file in TEMPLATES.iterdir()
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if inline.search(line)
    }
    assert found == set()
    assert "unsafe" not in CSP


def test_nothing_is_loaded_from_elsewhere() -> None:
    """SVG names its own grammar by an address; nothing else names another host."""
    address = re.compile(r"(?:https?:)?//[a-z0-9]", re.IGNORECASE)
    ours = [*TEMPLATES.iterdir(), *(file for file in STATIC.iterdir() if file.is_file())]
    for file in ours:
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        text = re.sub(r"^\s*// .*$", "", text, flags=re.MULTILINE)
        assert address.search(text) is None, file.name


def test_no_template_switches_escaping_off() -> None:
    for file in TEMPLATES.iterdir():
        assert not re.search(r"\|\s*safe\b|autoescape", file.read_text("utf-8")), file.name


def test_every_filter_of_a_strangers_words_is_used_where_they_stand() -> None:
    """The fields that hold words of others are never written without `said`."""
    fields = ("text", "sender", "exact", "message", "reason")
    bare = re.compile(rf"{{{{\s*(?:\w+\.)?(?:{'|'.join(fields)})\s*(?:\|\s*(?!said)\w+[^}}]*)?}}}}")
    found = {
        f"{file.name}: {match.group(0)}"
        for file in TEMPLATES.iterdir()
        for match in bare.finditer(Path(file).read_text("utf-8"))
    }
    assert found == set()
