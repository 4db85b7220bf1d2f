"""`ledger receipt`, `check-receipt`, `convert`: what entries are in the words of others."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    Home,
    VKey,
    ask,
    on,
    out,
    out_json,
    plain,
    talk_next,
)

if TYPE_CHECKING:
    from answerable.ledger.verify_bundle import BundleReader

Output = Annotated[Path, typer.Option("--output", "-o", help="A file that is not there yet.")]


class Format(StrEnum):
    CSV = "csv"
    OCSF = "ocsf"
    PROV = "prov"


def ledger_receipt(
    index: Annotated[int, typer.Argument(min=0, help="An entry's place in the ledger.")],
    file: Output,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """A COSE receipt (SCITT) that one entry is in the log; the entry is put beside it."""
    from answerable.store.files import replace_file
    from answerable.worker.verbs import LedgerReceipt
    from answerable.worker.verbs.receipts import Receipt

    entry = file.with_name(f"{file.name}.entry.json")
    with on(home):
        for each in (file, entry):
            _check_new(each)
    receipt = ask(home, LedgerReceipt(index), Receipt)
    with on(home):
        replace_file(file, receipt.receipt)
        replace_file(entry, receipt.entry.encode())
    if as_json:
        out_json({"index": index, "size": receipt.size, "file": str(file), "entry": str(entry)})
    else:
        out(plain(f"Entry {index} of {receipt.size}: '{file}', and the entry itself in '{entry}'."))
    talk_next(home, f"answerable ledger check-receipt {file} {entry}")


def ledger_check_receipt(
    file: Annotated[Path, typer.Argument(help="A COSE receipt.")],
    entry: Annotated[Path, typer.Argument(help="The entry's bytes.")],
    vkey: VKey = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Whether a COSE receipt shows that an entry is in the log."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from answerable.exports.receipt import check_place, verify_receipt
    from answerable.worker.verification import key_of

    with on(home):
        key = Ed25519PublicKey.from_public_bytes(key_of(home, vkey).public_key)
        data = _read(entry)
        proven = verify_receipt(_read(file), data, key)
        check_place(proven, data)
    if as_json:
        out_json({"index": proven.index, "size": proven.size, "root": proven.root.hex()})
    else:
        out(f"Verified: it is entry {proven.index}, under the signed root {proven.root.hex()}.")


def ledger_convert(
    bundle: Annotated[Path, typer.Argument(help="What `ledger export` wrote.")],
    to: Annotated[Format, typer.Option("--to", help="CSV, OCSF events, or W3C PROV-JSON.")],
    file: Output,
    vkey: VKey = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """The entries of a bundle in another format. A bundle that is not good is not converted."""
    from answerable.ledger.verify_bundle import BundleReader
    from answerable.store.files import replace_file
    from answerable.worker.verification import verify_bundle_of

    with on(home):
        _check_new(file)
        verified = verify_bundle_of(home, bundle, vkey)
        with BundleReader(bundle) as reader:
            replace_file(file, _converted(reader, to, verified.origin), mode=0o600)
    if as_json:
        out_json({"entries": verified.entries, "file": str(file), "format": to.value})
    else:
        out(plain(f"{verified.entries} entries, verified, are in '{file}' as {to.value}."))


def _converted(reader: "BundleReader", to: Format, origin: str) -> Iterator[bytes]:
    from answerable.exports.ocsf import to_ocsf
    from answerable.exports.prov import to_prov
    from answerable.exports.table import to_csv

    match to:
        case Format.CSV:
            return to_csv(reader.entries())
        case Format.OCSF:
            return to_ocsf(reader.entries(), origin)
        case Format.PROV:
            return to_prov(reader.entries, origin)


def _check_new(file: Path) -> None:
    from answerable.base.errors import UsageError

    if file.exists():
        raise UsageError(f"'{file}' is there already.", "Nothing was written.", "name a new file")


def _read(file: Path) -> bytes:
    from answerable.base.errors import NotFound

    try:
        return file.read_bytes()
    except OSError as error:
        raise NotFound(
            f"'{file}' cannot be read: {error.strerror}.", "Nothing was checked.", f"ls -l {file}"
        ) from None
