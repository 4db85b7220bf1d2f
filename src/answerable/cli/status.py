"""`status`: is everything all right, on one page."""

from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    Home,
    ask,
    at,
    counts,
    many,
    out,
    out_json,
    plain,
    talk_next,
)

_MB = 1_000_000
_FOR_PEOPLE = (
    ("approvals", "hold", "answerable approval list"),
    ("unknown", "unknown effect", "answerable effect unknown"),
    ("desk", "case", "answerable desk list"),
)


def status(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Is everything all right? Today, what waits, what is wrong."""
    from answerable.worker.verbs import Overview
    from answerable.worker.verbs.control import OverviewView

    view = ask(home, Overview(), OverviewView)
    if as_json:
        out_json(view)
        return
    out(f"{view.origin}: {view.entries} ledger entries")
    out(f"today: {counts(view.today)}")
    out(f"waits: {counts(view.waiting)}")
    for row in view.agents:
        stopped = f"; stopped: {', '.join(row.states)}" if row.states else ""
        out(plain(f"agent {row.id}: {row.owner_name} answers for it, {row.release}{stopped}"))
    full = f", full in {view.days_until_full} days" if view.days_until_full >= 0 else ""
    out(f"disk: {view.bytes_used // _MB} MB used, {view.bytes_free // _MB} MB free{full}")
    waiting = [
        (many(view.waiting.get(name, 0), what), command)
        for name, what, command in _FOR_PEOPLE
        if view.waiting.get(name, 0)
    ]
    if waiting:
        out(f"Waits for people: {', '.join(said for said, _ in waiting)}.")
    elif not view.troubles:
        out("Nothing needs a person.")
    if not view.troubles:
        talk_next(home, waiting[0][1] if waiting else "answerable agent list")
    for trouble in view.troubles:
        out(plain(f"! {trouble.what}"))
        out(f"  Next: {at(home, trouble.next_command)}")
