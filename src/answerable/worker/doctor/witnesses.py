"""Checks of the witnesses: whether one refused the log, and how old their word is."""

from answerable.base.clock import DAY_US, SECOND_US, iso
from answerable.base.errors import AnswerableError
from answerable.compose.settings import read_settings
from answerable.worker.doctor.patient import Check, Patient, Trouble
from answerable.worker.witnessing import Remembered, asked_of, read_memory

_AGE_US = DAY_US
_SHOW = "answerable ledger witnesses"


def witnesses(patient: Patient) -> Trouble | None:
    """A fork or a rollback comes first: nothing that is wrong with a home is worse."""
    try:
        settings = read_settings(patient.home).ledger
    except AnswerableError:
        return None  # the set-up says so
    asked = asked_of(settings)
    memory = read_memory(patient.home)
    known = [(each.key.name, memory.get(each.key.encode())) for each in asked]
    for each in memory.values():  # the home's own second key among them
        if each.refused:
            name = each.vkey.partition("+")[0]
            return Trouble(f"THE LOG WAS REFUSED by the witness '{name}': {each.refused}.", _SHOW)
    oldest_us = patient.clock.now() - max(_AGE_US, 3 * int(settings.witness_every_s * SECOND_US))
    for name, one in known:
        if patient.has_records and (one is None or one.at_s * SECOND_US < oldest_us):
            return Trouble(_said(name, one), _SHOW, level="warning")
    return None


def _said(name: str, one: Remembered | None) -> str:
    if one is None or not one.at_s:
        said = f"The witness '{name}' has cosigned nothing yet"
    else:
        said = f"The witness '{name}' cosigned last at {iso(one.at_s * SECOND_US)}"
    return f"{said}: {one.error}." if one is not None and one.error else f"{said}."


CHECKS: dict[str, Check] = {"witnesses": witnesses}
