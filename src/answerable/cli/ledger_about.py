"""`ledger about`, `ledger check-answer`: everything of somebody, and that nothing is left out."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    Home,
    VKey,
    ask,
    many,
    on,
    out,
    out_json,
    plain,
    talk,
    talk_next,
)

if TYPE_CHECKING:
    from answerable.ledger.answer import Question, Whole

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


def ledger_about(
    who: Annotated[str, typer.Argument(help="A party's id, or a person's id or email address.")],
    since: Annotated[
        datetime | None, typer.Option(formats=_FORMATS, help="From this UTC time on.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_FORMATS, help="Before this UTC time.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new file: the answer with its proof.")
    ] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Everything of a party, or under a person, with proof that nothing is left out."""
    from answerable.base.clock import us_of
    from answerable.base.errors import UsageError
    from answerable.ledger.answer import Question, verify_answer
    from answerable.ledger.domain import INTEGER_MAX
    from answerable.store.files import replace_file
    from answerable.worker.answering import answer_as_of_now, encode_answer
    from answerable.worker.verbs import LedgerClose
    from answerable.worker.verbs.completeness import Closed
    from answerable.worker.verification import keys_of

    if output is not None and output.exists():
        raise UsageError(f"'{output}' is there already.", "Nothing was written.", "name a new file")
    if since and until and until <= since:
        raise UsageError(
            f"Nothing lies between {since} and {until}.", "Nothing was answered.",
            "name a later time with --until",
        )  # fmt: skip
    is_party = who.startswith("pty_")

    def asked() -> Question:
        person = ask(home, LedgerClose("" if is_party else who), Closed).person
        return Question(
            party=who if is_party else "", owner=person, since=us_of(since) if since else 0,
            until=us_of(until) if until else INTEGER_MAX,
        )  # fmt: skip

    with on(home):
        answer = answer_as_of_now(home, asked)
        whole = verify_answer(answer, keys_of(home))
    if output is not None:
        replace_file(output, encode_answer(answer))
    if as_json:
        out(encode_answer(answer).decode())
    else:
        _tell(answer.question, whole, is_listed=output is None)
    if output is not None:
        talk_next(home, f"answerable ledger check-answer {output}")


def ledger_check_answer(
    file: Annotated[Path, typer.Argument(help="What `ledger about --output` wrote.")],
    vkey: VKey = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Whether an answer is whole: each entry signed for, and none left out."""
    from answerable.base.errors import NotFound
    from answerable.ledger.answer import read_answer, verify_answer
    from answerable.worker.verification import keys_of

    with on(home):
        try:
            data = file.read_bytes()
        except OSError as error:
            raise NotFound(
                f"'{file}' cannot be read: {error.strerror}.", "Nothing was checked.",
                f"ls -l {file}",
            ) from None  # fmt: skip
        answer = read_answer(data)
        whole = verify_answer(answer, keys_of(home, vkey))
    if as_json:
        found = {"entries": len(whole.entries), "of": whole.all, "close": whole.close}
        out_json(found | {"as_of": whole.as_of})
        return
    _tell(answer.question, whole)


def _tell(question: "Question", whole: "Whole", *, is_listed: bool = True) -> None:
    """The entries, unless they are in a file now, and what is shown of them."""
    from answerable.base.clock import iso
    from answerable.ledger.domain import INTEGER_MAX
    from answerable.ledger.telling import tell

    for entry in whole.entries if is_listed else ():
        out(plain(f"{entry.seq:>8}  {iso(entry.ts)}  {entry.kind:<16}  {entry.id}  {tell(entry)}"))
    who = question.party or question.owner
    times = f" from {iso(question.since)}" if question.since else ""
    times += f" until {iso(question.until)}" if question.until != INTEGER_MAX else ""
    talk(
        f"{many(len(whole.entries), 'entry').replace('entrys', 'entries')} of '{who}'{times}, and "
        f"nothing is left out, as of {iso(whole.as_of)} (ledger entry {whole.close}, which counts "
        f"{whole.all} of them in all)."
    )
    if not whole.all:
        talk(f"No entry of this log has ever named '{who}': is it written as it should be?")
