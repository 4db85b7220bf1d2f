"""`party hold`, `release-hold`, `erase`, `erasures`: who may be forgotten, and forgetting them."""

from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    By,
    Home,
    Rows,
    Yes,
    ask,
    check_meant,
    many,
    out_rows,
    plain,
    talk,
    talk_next,
)

if TYPE_CHECKING:
    from answerable.worker.verbs.forget import ErasingView

_PartyId = Annotated[str, typer.Argument(help="As `answerable party list` names it.")]
_Why = Annotated[str, typer.Option("--reason", help="Why; forgotten with the party.")]


def add_to(party: typer.Typer) -> None:
    """Put these commands under their noun."""
    party.command("hold")(party_hold)
    party.command("release-hold")(party_release_hold)
    party.command("erase")(party_erase)
    party.command("erasures")(party_erasures)


def party_hold(party_id: _PartyId, by: By, reason: _Why, home: Home = DEFAULT_HOME) -> None:
    """Legal hold: it may not be erased until somebody lets it go."""
    from answerable.worker.verbs import PartyHold
    from answerable.worker.verbs.base import Done

    done = ask(home, PartyHold(party_id, by, reason), Done)
    talk(f"Under legal hold from ledger index {done.index}: it may not be erased.")
    talk_next(home, f"answerable party show {party_id}")


def party_release_hold(party_id: _PartyId, by: By, reason: _Why, home: Home = DEFAULT_HOME) -> None:
    """Let a party go from legal hold: it may be erased again."""
    from answerable.worker.verbs import PartyReleaseHold
    from answerable.worker.verbs.base import Done

    done = ask(home, PartyReleaseHold(party_id, by, reason), Done)
    talk(f"Let go from legal hold at ledger index {done.index}.")
    talk_next(home, f"answerable party show {party_id}")


def party_erase(
    party_id: _PartyId,
    by: By,
    reason: _Why = "",
    yes: Yes = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Forget a party: ask for it, or agree to what another person asked for. It cannot be undone.

    Its keys are destroyed, what is open for it ends; every proof stays as it was.
    """
    from answerable.worker.verbs import PartyErase, PartyErasing
    from answerable.worker.verbs.forget import ErasedView, ErasingView

    if not yes:
        would = ask(home, PartyErasing(party_id, by), ErasingView)
        why = f" --reason {quote(reason)}" if reason else ""
        command = f"answerable party erase {party_id} --by {by}{why} --yes"
        check_meant(home, _erasing(would), command, yes=yes)
    view = ask(home, PartyErase(party_id, by, reason), ErasedView)
    if not view.is_erased:
        talk(
            f"Asked at ledger index {view.index}. Nothing is erased: somebody else must agree until"
            f" {view.expires_at}; if nobody does, it is a no."
        )
        talk_next(home, f"answerable party erase {party_id} --by ANOTHER --yes")
        return
    talk(f"Erased at ledger index {view.index}: {many(view.keys, 'key')} destroyed.")
    talk(
        f"Ended with it: {many(view.holds, 'hold')}, {many(view.timers, 'timer')}, "
        f"{many(view.messages, 'waiting message')}, {many(view.cases, 'case')}."
    )
    talk_next(home, f"answerable ledger prove {view.index}")


def _erasing(would: "ErasingView") -> str:
    """What will change, a sentence each."""
    if not would.is_last_word:
        said = [f"It will be asked that {would.party} be erased; another person must agree."]
    elif would.asked_by:
        said = [f"{would.party} will be erased for ever, as {would.asked_by} asked."]
    else:
        said = [f"{would.party} will be erased for ever."]
    said.append(
        f"{many(would.entries, 'ledger entry').replace('entrys', 'entries')} will stay, and no body"
        " of them will be readable."
    )
    if would.unsure:
        said.append(f"First to be settled: {', '.join(would.unsure[:5])}.")
    if would.holds:
        said.append(f"{many(would.holds, 'hold')} will become a no.")
    if would.messages:
        said.append(f"{many(would.messages, 'waiting message')} will not be answered.")
    if would.cases:
        said.append(f"{many(would.cases, 'case')} will end.")
    return plain(" ".join(said))


def party_erasures(limit: Rows = 50, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """What was asked and nobody has agreed to yet, and who was erased."""
    from answerable.worker.verbs import ErasureList
    from answerable.worker.verbs.forget import ErasureRow

    rows = ask(home, ErasureList(limit), list[ErasureRow])
    out_rows(home, rows, "Nobody was erased.", "answerable party show {0.party}", as_json=as_json)
