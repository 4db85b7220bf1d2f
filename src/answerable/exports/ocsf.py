"""Entries as events of the Open Cybersecurity Schema Framework, one JSON object a line.

What an agent did and decided is an API Activity (class 6003), a change of power an Entity
Management event (class 3004); schema.ocsf.io, version 1.3.0.
"""

from collections.abc import Iterable, Iterator

import msgspec

from answerable.ledger.domain import Entry

VERSION = "1.3.0"
_API_ACTIVITY, _ENTITY_MANAGEMENT = 6003, 3004
_CREATE, _UPDATE, _DELETE, _OTHER = 1, 3, 4, 99
_INFORMATIONAL, _MEDIUM = 1, 3
_SUCCESS, _FAILURE, _ELSE = 1, 2, 99
_ACTIVITIES = {
    "person.added": _CREATE, "key.added": _CREATE, "release.registered": _CREATE,
    "owner.accepted": _UPDATE, "owner.changed": _UPDATE, "owner.delegated": _UPDATE,
    "release.staged": _UPDATE, "key.rotated": _UPDATE, "role.changed": _UPDATE, "stop": _UPDATE,
    "person.left": _DELETE, "key.revoked": _DELETE, "erasure.done": _DELETE,
}  # fmt: skip
_FAILED = frozenset({"effect.failed", "effect.unknown", "gap.declared"})
_US_IN_MS = 1000


def to_ocsf(entries: Iterable[Entry], origin: str) -> Iterator[bytes]:
    """Each entry as one event; `origin` is the log's name."""
    for entry in entries:
        yield msgspec.json.encode(event(entry, origin)) + b"\n"


def event(entry: Entry, origin: str) -> dict[str, object]:
    is_power = entry.trace is None or not (entry.case or entry.interaction)
    class_uid = _ENTITY_MANAGEMENT if is_power else _API_ACTIVITY
    activity = _ACTIVITIES.get(entry.kind, _OTHER) if is_power else _OTHER
    common: dict[str, object] = {
        "activity_id": activity,
        "activity_name": entry.kind,
        "category_uid": class_uid // 1000,
        "class_uid": class_uid,
        "type_uid": class_uid * 100 + activity,
        "time": entry.ts // _US_IN_MS,
        "severity_id": _MEDIUM if entry.kind in _FAILED else _INFORMATIONAL,
        "metadata": {
            "version": VERSION,
            "uid": entry.id,
            "sequence": entry.seq,
            "log_name": origin,
            "product": {"name": "Answerable", "vendor_name": "Answerable"},
        },
        **_status(entry),
        "unmapped": {"entry": entry},
    }
    return common | (_entity(entry) if is_power else _call(entry))


def _status(entry: Entry) -> dict[str, object]:
    used = entry.policy[-1] if entry.policy else None
    if used is not None:
        is_allowed = {"allow": _SUCCESS, "deny": _FAILURE}
        detail = ", ".join(used.reasons)
        return {
            "status_id": is_allowed.get(used.verdict, _ELSE),
            "status": used.verdict,
            "status_detail": detail,
        }
    if entry.outcome is not None:
        status = _FAILURE if entry.kind in _FAILED else _SUCCESS
        return {"status_id": status, "status": entry.outcome.status}
    return {}


def _call(entry: Entry) -> dict[str, object]:
    name = entry.action.name if entry.action else entry.kind
    return {
        "actor": _actor(entry),
        "api": {"operation": name, "request": {"uid": entry.interaction or entry.case}},
        "src_endpoint": {"uid": entry.subject.pid if entry.subject else "system"},
    }


def _actor(entry: Entry) -> dict[str, object]:
    """The agent's release as the application that invoked, the accountable person as its user."""
    actor: dict[str, object] = {}
    if entry.agent is not None:
        actor["app_uid"], actor["app_name"] = entry.agent.release, entry.agent.id
    person = entry.accountable or entry.actor or "system"
    return actor | {"user": {"uid": person}}


def _entity(entry: Entry) -> dict[str, object]:
    named = entry.changed("person") or entry.changed("party") or entry.changed("agent")
    kind = entry.kind.partition(".")[0]
    return {"actor": _actor(entry), "entity": {"uid": named or entry.id, "type": kind}}
