"""`ledger verify`: a home, or a bundle or an archive alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.grouped import grouped
from answerable.cli.talk import DEFAULT_HOME, AsJson, Home, on, out, out_json, plain, talk

if TYPE_CHECKING:
    from answerable.worker.deep import DeepVerified
    from answerable.worker.verification import HomeVerified


@dataclass(frozen=True, slots=True)
class Trusted:
    """What the reader brings along: nobody inside a home can have changed it."""

    earlier: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint saved before; the log must extend it.")
    ] = None
    vkey: Annotated[
        str, typer.Option(help="The log's key, or a file with it, from outside the home.")
    ] = ""
    quorum: Annotated[
        Path | None, typer.Option(help="A file that says which organisations must have cosigned.")
    ] = None


@dataclass(frozen=True, slots=True)
class What:
    deep: Annotated[
        bool, typer.Option("--deep", help="Also databases, keys, state and views, row by row.")
    ] = False
    bundle: Annotated[
        Path | None, typer.Option(help="A bundle alone, by --vkey or the home's key.")
    ] = None
    archive: Annotated[
        Path | None, typer.Option(help="An archive alone, by --vkey or the home's key.")
    ] = None

    def check(self, trusted: Trusted) -> None:
        """Raises UsageError for what would be passed over in silence."""
        from answerable.base.errors import UsageError

        alone = [name for name in ("bundle", "archive") if getattr(self, name) is not None]
        other = [name for name in ("earlier", "quorum") if getattr(trusted, name)]
        if len(alone) > 1 or (alone and (self.deep or other)):
            raise UsageError(
                f"--{alone[0]} is checked alone, with --vkey at most.", "Nothing was verified.",
                "answerable ledger verify --bundle FILE --vkey KEY",
            )  # fmt: skip
        if self.deep and trusted.quorum is not None:
            raise UsageError(
                "--deep looks at the home, --quorum at what others cosigned: one at a time.",
                "Nothing was verified.", "answerable ledger verify --quorum FILE",
            )  # fmt: skip


@grouped
def ledger_verify(
    what: What, trusted: Trusted, home: Home = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """Check every entry, body, seal and published file; name the first bad index."""
    from answerable.worker.verification import verify_archive_of, verify_bundle_of

    with on(home):
        what.check(trusted)
        if what.bundle is not None or what.archive is not None:
            alone = (
                verify_bundle_of(home, what.bundle, trusted.vkey)
                if what.bundle is not None
                else verify_archive_of(home, what.archive or home, trusted.vkey)
            )
            out_json(alone) if as_json else out(plain(alone.sentence))
            _say_by_whom(trusted)
            return
        found = _of_home(home, trusted, is_deep=what.deep)
    if as_json:
        out_json(found)
    else:
        out(plain(found.sentence))
    if found.verified:
        _say_by_whom(trusted)
    raise typer.Exit(0 if found.verified else 1)


def _say_by_whom(trusted: Trusted) -> None:
    if not trusted.vkey and trusted.quorum is None:
        talk("By the key that lies in the home: give --vkey from elsewhere to trust nothing in it.")


def _of_home(home: Path, trusted: Trusted, *, is_deep: bool) -> "HomeVerified | DeepVerified":
    from answerable.worker.deep import verify_deep
    from answerable.worker.verification import verify_home
    from answerable.worker.witnessed import read_policy, verify_witnessed

    earlier = trusted.earlier or []
    if trusted.quorum is not None:
        return verify_witnessed(home, read_policy(trusted.quorum), earlier, trusted.vkey)
    return (verify_deep if is_deep else verify_home)(home, earlier, trusted.vkey)
