"""What a turn recorded: the name of each step, and what came back."""

from answerable.base.errors import Unreadable
from answerable.engine.port import Record
from answerable.ledger.sealing import STEP_KIND
from answerable.sdk.raised import decode_raised
from answerable.worker.commands.office import Office


async def steps_of(office: Office, interaction: str) -> list[Record]:
    """In the order in which they were taken; none of a message that no turn has seen."""
    places = office.index.of_interaction(interaction)
    received = next((place for place in places if place.kind == "received"), None)
    if received is None:
        return []
    arrival = (await office.record_at(received.position)).arrival
    kept = await office.house.hall.engine.find(arrival or "")
    return [record for record in kept.memo if record.kind == STEP_KIND] if kept else []


def name_of(step: Record) -> str:
    """Of `stp_...-0/2/find_order/...` the third."""
    return step.key.split("/", 2)[2].rpartition("/")[0]


def came_back(office: Office, step: Record) -> str:
    """The JSON that the step returned, what it raised, or what stands in their place."""
    keyring = office.house.hall.keyring
    try:
        data = keyring.open(step.data.decode(), step.key, step.body or b"")
    except (Unreadable, LookupError) as error:
        return office.words_erased(error)
    raised = decode_raised(data)
    return data.decode(errors="replace") if raised is None else raised.sentence
