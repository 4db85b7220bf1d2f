"""`ledger evidence`: what a log shows of what a rule asks, and what it does not."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.grouped import grouped
from answerable.cli.talk import DEFAULT_HOME, AsJson, Home, VKey, on, out, out_json, plain
from answerable.cli.whole_bundle import check_everything, check_period
from answerable.exports.frameworks import Framework

if TYPE_CHECKING:
    from answerable.ledger.verify_bundle import BundleVerified

Day = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Count from, or before, UTC.")
]


@dataclass(frozen=True, slots=True)
class Asked:
    framework: Annotated[Framework, typer.Option(help="Whose paragraphs.")]
    since: Day = None
    until: Day = None


@grouped
def ledger_evidence(
    bundle: Annotated[Path, typer.Argument(help="What `ledger export` wrote, of everything.")],
    asked: Asked,
    folder: Annotated[Path, typer.Option("--output", "-o", help="A folder that is not there yet.")],
    vkey: VKey = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """An evidence pack: counts with the entries they are of, and what is not shown."""
    from answerable.worker.verification import verify_bundle_of

    with on(home):
        _check(asked, folder)
        verified = verify_bundle_of(home, bundle, vkey)
        check_everything(verified, "counts of a part would be read as counts of all")
        _whole(folder, lambda partial: _write(partial, bundle, verified, asked))
    if as_json:
        out_json(
            {
                "entries": verified.entries,
                "folder": str(folder),
                "framework": asked.framework.value,
            }
        )
    else:
        out(
            plain(
                f"{verified.entries} entries, verified, were counted for {asked.framework.value}: "
                f"read '{folder}/evidence.md'. It claims no compliance, and says what is not shown."
            )
        )


def _check(asked: Asked, folder: Path) -> None:
    from answerable.base.errors import UsageError

    if folder.exists():
        raise UsageError(
            f"'{folder}' is there already.", "Nothing was written.", "name a new folder"
        )
    check_period(asked.since, asked.until)


def _write(folder: Path, bundle: Path, verified: "BundleVerified", asked: Asked) -> None:
    from answerable.base.clock import us_of
    from answerable.exports.evidence import COUNTED, Source, to_counted, to_json, to_markdown
    from answerable.ledger.verify_bundle import BundleReader

    with bundle.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    source = Source(
        verified.origin, verified.size, verified.root, verified.made, digest,
        us_of(asked.since) if asked.since else None, us_of(asked.until) if asked.until else None,
    )  # fmt: skip
    tally = source.tally()
    with BundleReader(bundle) as reader, (folder / COUNTED).open("xb") as counted:
        counted.writelines(to_counted(reader.entries(), tally))
    (folder / "evidence.json").write_bytes(to_json(asked.framework, source, tally))
    (folder / "evidence.md").write_bytes(to_markdown(asked.framework, source, tally))


def _whole(folder: Path, write: Callable[[Path], None]) -> None:
    """Whole, or not at all."""
    from answerable.base.errors import Broken

    partial = folder.with_name(f".{folder.name}.part")
    try:
        partial.mkdir(mode=0o700)
        write(partial)
        partial.rename(folder)
    except OSError as error:
        raise Broken(
            f"'{folder}' could not be written: {error.strerror}.", "Nothing was written.",
            f"df -h {folder.parent}",
        ) from None  # fmt: skip
    finally:
        shutil.rmtree(partial, ignore_errors=True)
