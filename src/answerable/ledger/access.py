"""Bodies that leave the home are written down before they leave: who was given how many."""

from answerable.ledger.draft import Draft


def read_draft(id_: str, *, by: str, asked: str, bodies: int, party: str | None = None) -> Draft:
    """`asked` says what was asked for, in ids and times only: `case cas_..`, never an address.

    Where it was asked about one party, the entry is about that party too: who asks for everything
    about them later is also told who has read it before.
    """
    change: dict[str, str | int] = {"asked": asked, "bodies": bodies}
    return Draft(kind="access.read", id=id_, actor=by, party=party, change=change)
