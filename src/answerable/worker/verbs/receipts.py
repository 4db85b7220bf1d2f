"""Entries in the words of others."""

from dataclasses import dataclass

import msgspec

from answerable.worker.verbs.base import Index


class LedgerReceipt(msgspec.Struct, frozen=True, tag="ledger.receipt"):
    """A COSE receipt of one entry."""

    index: Index


@dataclass(frozen=True, slots=True)
class Receipt:
    size: int  # of the tree that it proves the entry in
    receipt: bytes
    entry: str  # canonical JSON: what it is a receipt of
