"""What is counted for an evidence pack: each a name, what it counts, and which entries are it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from answerable.base.clock import DAY_US
from answerable.ledger.domain import OWNED_KINDS, Entry, Kind

_SIX_MONTHS_US = 184 * DAY_US  # no six months in a row are longer


@dataclass(frozen=True, slots=True)
class Measure:
    """`of` says of an entry whether it counts, or, where each thing counts once, which thing it is;
    a falsy answer counts nothing."""

    says: str
    of: Callable[[Entry], bool | str]
    is_once: bool = False
    is_whole: bool = False  # counted over the whole log, whatever period is asked for


def measures(made: int) -> dict[str, Measure]:
    """By name; `made` is the time of the bundle, in microseconds, UTC."""
    return {
        "entries": Measure("entries were recorded", lambda _: True),
        "kept": Measure("entries are kept, of all times", lambda _: True, is_whole=True),
        "six-months": Measure(
            "of them are older than six months",
            lambda entry: entry.ts <= made - _SIX_MONTHS_US,
            is_whole=True,
        ),
        **_MEASURES,
    }


def _kind(*kinds: Kind) -> Callable[[Entry], bool]:
    return lambda entry: entry.kind in kinds


def _verdict(verdict: str) -> Callable[[Entry], bool]:
    return lambda entry: (
        entry.kind == "decided" and bool(entry.policy) and entry.policy[-1].verdict == verdict
    )


def _approval(*, is_granted: bool) -> Callable[[Entry], bool]:
    return lambda entry: (
        entry.kind == "approval"
        and (entry.outcome is not None and entry.outcome.status == "granted") is is_granted
    )


def _is_owned(entry: Entry) -> bool:
    return entry.kind in OWNED_KINDS


_MEASURES = {
    "received": Measure("messages came in", _kind("received")),
    "decided": Measure("proposals of agents were decided", _kind("decided")),
    "allowed": Measure("were allowed by policy", _verdict("allow")),
    "held": Measure("waited for a person's yes", _verdict("hold")),
    "denied": Measure("were denied", _verdict("deny")),
    "done": Measure("effects were carried out", _kind("effect.done")),
    "went-wrong": Measure(
        "effects failed, or it is not known whether they happened",
        _kind("effect.failed", "effect.unknown"),
    ),
    "gap": Measure("gaps in the record were declared", _kind("gap.declared")),
    "granted": Measure("times a person said yes to a held effect", _approval(is_granted=True)),
    "not-granted": Measure("times a held effect was not granted", _approval(is_granted=False)),
    "escalated": Measure("times a case was handed to people", _kind("escalated")),
    "taken-over": Measure(
        "times a person took a case over",
        lambda entry: entry.kind == "lease" and entry.changed("holder").startswith("per_"),
    ),
    "handed-back": Measure("times a case was handed back", _kind("handback")),
    "stop": Measure(
        "times a stop was set",
        lambda entry: entry.kind == "stop" and entry.changed("is_on") == "1",
    ),
    "accepted": Measure("times a person accepted to answer for an agent", _kind("owner.accepted")),
    "owner-changed": Measure(
        "times who answers was changed or delegated", _kind("owner.changed", "owner.delegated")
    ),
    "left": Measure("persons left", _kind("person.left")),
    "accountable": Measure(
        "persons answered for what agents did",
        lambda entry: entry.accountable if _is_owned(entry) else "",
        is_once=True,
    ),
    "nobody-accountable": Measure(
        "acts of agents name no accountable person",
        lambda entry: _is_owned(entry) and not entry.accountable,
    ),
    "release": Measure(
        "releases acted",
        lambda entry: entry.agent.release if entry.agent and _is_owned(entry) else "",
        is_once=True,
    ),
    "release-changed": Measure(
        "releases were registered or staged", _kind("release.registered", "release.staged")
    ),
    "model": Measure("entries say what a model was asked, and its cost", lambda e: bool(e.model)),
    "read": Measure("times bodies were given to somebody", _kind("access.read")),
    "erased": Measure("erasures were carried out", _kind("erasure.done")),
}


class Tally:
    """Counts entries as they pass."""

    def __init__(self, made: int, since: int | None, until: int | None) -> None:
        self._measures = measures(made)
        self._since, self._until = since, until
        self._seen: set[tuple[str, str]] = set()
        self.counts = dict.fromkeys(self._measures, 0)
        self.first: int | None = None  # time of the log's first entry
        self.last: int | None = None

    def names(self, entry: Entry) -> Iterator[str]:
        """What this entry counts as."""
        self.first = entry.ts if self.first is None else self.first
        self.last = entry.ts
        is_in = (self._since is None or entry.ts >= self._since) and (
            self._until is None or entry.ts < self._until
        )
        for name, measure in self._measures.items():
            if (is_in or measure.is_whole) and self._counts(name, measure, entry):
                self.counts[name] += 1
                yield name

    def _counts(self, name: str, measure: Measure, entry: Entry) -> bool:
        found = measure.of(entry)
        if not measure.is_once:
            return bool(found)
        if not found or (name, str(found)) in self._seen:
            return False
        self._seen.add((name, str(found)))
        return True
