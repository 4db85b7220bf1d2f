"""What commands demand that speak of all of a log: a bundle of everything, a period that is one."""

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from answerable.ledger.verify_bundle import BundleVerified


def check_period(
    since: datetime | None, until: datetime | None, not_done: str = "Nothing was written."
) -> None:
    """Raises UsageError."""
    from answerable.base.errors import UsageError

    if since and until and since >= until:
        raise UsageError(
            "--since is not before --until: there is no time between them.", not_done,
            "name a day before --until",
        )  # fmt: skip


def check_everything(verified: "BundleVerified", why: str) -> None:
    """Raises UsageError, saying `why` a part of a log will not do."""
    from answerable.base.errors import UsageError

    if verified.asked.kind != "everything" or verified.entries != verified.size:
        raise UsageError(
            f"The bundle has {verified.entries} of the log's {verified.size} entries: {why}.",
            "Nothing was written.", "answerable ledger export --output all.zip",
        )  # fmt: skip
