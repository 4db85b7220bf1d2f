"""Commands that answer in the words of others: the receipt of an entry."""

from answerable.exports.receipt import make_receipt
from answerable.ledger.note import note_text, parse_checkpoint
from answerable.ledger.proof import parse_proof
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.commands.proofs import proof_of
from answerable.worker.verbs.receipts import Receipt


async def ledger_receipt(office: Office, verb: verbs.LedgerReceipt) -> Receipt:
    proof = parse_proof(await proof_of(office, verb.index))
    size = parse_checkpoint(note_text(proof.checkpoint)).size
    await office.index.follow(office.house.hall.engine)
    place = office.index.at(verb.index)
    assert place is not None  # it was proven
    data = (await office.record_at(place.position)).data
    signer = office.house.hall.committer.signer
    receipt = await make_receipt(data, verb.index, size, proof.hashes, signer)
    return Receipt(size, receipt, data.decode())


HANDLERS: Handlers = {verbs.LedgerReceipt: ledger_receipt}
