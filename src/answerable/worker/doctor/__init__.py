"""The doctor: looks at a home for the mistakes that are made most, and puts right what is safe.

A fix never loses anything: it closes what stands open, and makes again what can be made again.
"""

from collections.abc import Iterator

from answerable.base.errors import AnswerableError
from answerable.telemetry.failures import describe
from answerable.worker.doctor import backups, books, files, setup, signers, witnesses
from answerable.worker.doctor.patient import Check, Finding, Patient, Trouble

_ROOMS = (setup, files, backups, books, signers, witnesses)
CHECKS: dict[str, Check] = {name: check for room in _ROOMS for name, check in room.CHECKS.items()}


def examine(patient: Patient, *, fix: bool = False) -> Iterator[Finding]:
    """One finding a check, in order; with `fix`, what is safe to put right is put right."""
    said: set[str] = set()
    for name, check in CHECKS.items():
        trouble = _run(check, patient)
        if trouble is None or trouble.said in said:  # what two checks stumble over is said once
            yield Finding(name, "ok") if trouble is None else Finding(name, "skipped")
            continue
        said.add(trouble.said)
        if trouble.fix is None or not fix:
            yield Finding(name, trouble.level, trouble.said, trouble.do, trouble.fix is not None)
        else:
            trouble.fix()
            again = _run(check, patient)
            is_fixed = again is None
            left = trouble if again is None else again
            yield Finding(
                name, "fixed" if is_fixed else left.level, left.said, "" if is_fixed else left.do
            )


def _run(check: Check, patient: Patient) -> Trouble | None:
    """A check that cannot look says so: that is a finding too."""
    try:
        return check(patient)
    except AnswerableError as error:
        return Trouble(error.happened, error.next_command)
    except OSError as error:
        return Trouble(f"It could not be looked at: {describe(error)}.", f"ls -la {patient.home}")


__all__ = ["CHECKS", "Finding", "Patient", "examine"]
