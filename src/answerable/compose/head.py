"""Where the log stands, as the feed says and the signature proves: never as a row of state says."""

from pathlib import Path

import msgspec

from answerable.adapters.engines.embedded.journal import EmbeddedJournal
from answerable.base.errors import Broken
from answerable.compose import rebuild
from answerable.compose.signing import Signing
from answerable.ledger import rows as ledger_rows
from answerable.ledger.domain import KINDS, SEAL_KIND, UNSEALED_KIND, Seal
from answerable.ledger.note import NoteError, VerifierKey, verify_checkpoint
from answerable.ledger.sealing import Head, empty_head, head_from
from answerable.ledger.tree import ProofError
from answerable.ledger.unsealed import Tail, tail_of


class SealDamaged(Broken):
    """The last seal is not what was signed: to go on from it would be to sign a wrong tree."""

    code = "seal_damaged"

    def __init__(self, home: Path, why: str) -> None:
        super().__init__(
            f"The last seal of the ledger in '{home}' is damaged: {why}.",
            "Nothing was written or signed.",
            f"answerable ledger verify --home {home}",
        )


def state_agrees(journal: EmbeddedJournal) -> bool:
    """Whether state was projected from the feed up to its last seal."""
    last = journal.last(SEAL_KIND)
    return (last.data if last else None) == ledger_rows.last_seal(journal.reader())


def proven_head(journal: EmbeddedJournal, vkey: VerifierKey) -> Head:
    """The tree that the last seal signed. Raises SealDamaged where it does not hold together."""
    last = journal.last(SEAL_KIND)
    if last is None:
        return empty_head()
    home = journal.path.parent
    try:
        seal = msgspec.json.decode(last.data, type=Seal)
        head = head_from(last.data)
        signed = verify_checkpoint(seal.note, [vkey])
    except (msgspec.DecodeError, NoteError, ProofError, ValueError) as error:
        raise SealDamaged(home, str(error)) from error
    if not (head.tree.size, head.tree.root()) == (signed.size, signed.root):
        raise SealDamaged(home, "its tree is not the one that its checkpoint signs")
    return head


def unsealed_tail(
    journal: EmbeddedJournal, head: Head, signing: Signing, naming_key: bytes
) -> Tail | None:
    """What is durable and has no seal, to be sealed first. Raises Broken where it is not ours."""
    last = journal.last(SEAL_KIND)
    records = journal.after(last.position if last is not None else 0, KINDS | {UNSEALED_KIND})
    batch = tail_of(head, records, signing.signer.name, naming_key)
    if batch is None:
        return None
    following, home = signing.following, journal.path.parent
    if following is None:
        return Tail(batch, head.tree)
    return Tail(batch, head.tree, (following,), lambda: signing.take_over(home, following.vkey))


def heal_state(home: Path) -> None:
    """Make state again from the feed: something has changed its rows behind our back."""
    rebuild.rebuild(home)
