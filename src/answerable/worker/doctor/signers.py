"""The check of a signer in a process of its own: is it there, and is it this home's?"""

from pathlib import Path

from answerable.adapters.signers import asking
from answerable.adapters.signers.process import Line, Place
from answerable.adapters.signers.strict import StrictKeys
from answerable.base.chance import SystemChance
from answerable.base.errors import AnswerableError
from answerable.compose.settings import read_settings
from answerable.compose.signing import signer_place
from answerable.ledger.note import VKEY
from answerable.worker.doctor.patient import Check, Patient, Trouble


def signer(patient: Patient) -> Trouble | None:
    """Away, or another home's: nothing can be recorded."""
    home = patient.home
    try:
        place = signer_place(home, read_settings(home))
    except AnswerableError:
        return None  # the set-up says so
    known = home / VKEY
    if place is None or not patient.has_records or not known.exists():
        return None
    key = _key_of(place)
    if key == known.read_text(encoding="utf-8").strip():
        return None
    return Trouble(
        f"The signer has the key {key}, and this home is verified with another one.",
        "start the signer of this home, or correct `signer_socket` under [ledger]",
    )


def _key_of(place: Place) -> str:
    """Raises Broken, SignerAway, SignerRefused."""
    if place.folder is not None:
        return StrictKeys.open(place.folder, SystemChance()).key
    line = Line(Place(Path(place.socket)))
    try:
        return line.ask(asking.Who(), asking.Standing).key
    finally:
        line.close()


CHECKS: dict[str, Check] = {"signer": signer}
