"""An access request is answered with all that is held about one party, and nothing of another."""

import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from answerable import Agent, Context, Message, Money, Reply, ToolCall
from answerable.base.errors import Busy, UsageError
from answerable.effects.domain import Status
from answerable.parties.errors import PartyErased, PartyUnknown
from answerable.people.errors import PersonUnknown
from answerable.sdk.words import Outcome
from answerable.testing.world import OWNER, SPECIALIST, Life, World
from answerable.worker import verbs
from answerable.worker.commands import held as whole
from answerable.worker.verbs.access import AccessView
from answerable.worker.verbs.base import Done
from erasing import KIM, LEE, erase, party_of, told
from stories import HOLD_TOOLS, inline_world, run

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\u202e"
EVE = "eve@acme.example"
PLANTED = (
    "says", "named", "step", "tool", "answer", "desk", "person", "waits", "refunded",
)  # fmt: skip


def speaker() -> Agent:
    """It repeats the canary of whoever writes in all that an agent can leave behind."""
    agent = Agent("support", owner=OWNER, desk="orders", purpose="Answer and refund")

    async def recalled(word: str) -> str:
        return f"step-{word}"

    @agent.tool(effect="refund", repeat="at_most_once")
    async def refund(call: ToolCall, order_id: str, amount: Money) -> str:
        return f"refunded-{order_id.removeprefix('tool-')}"

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Outcome:
        word = message.text.split()[0].removeprefix("says-")
        await ctx.step(recalled, word)
        if "human" in message.text:
            return ctx.escalate(f"desk-{word}")
        if "refund" in message.text:
            asked = ctx.propose(refund, order_id=f"tool-{word}", amount=Money(4_000, "USD"))
            return Reply(f"answer-{word}", after=asked, otherwise=f"not-{word}")
        return Reply(f"answer-{word} {HOSTILE}")

    return agent


async def _lived(life: Life, word: str, address: str) -> str:
    """Something of everything, said by and to a party; its id."""
    sender = f"named-{word} <{address}>"
    for number, text in enumerate((f"hello {HOSTILE}", "refund", "refund", "human")):
        await life.say(f"says-{word} {text}", external_id=f"{word}{number}", sender=sender)
        await life.settled()
        if number == 1:
            party = party_of(life, address)
            (tool,) = [one for one in life.effects(Status.HELD) if one.party == party]
            await life.answer(tool, "grant")
            await life.settled()
    party = party_of(life, address)
    case = life.db.execute('SELECT id FROM "case" WHERE party = ?', (party,)).fetchone()[0]
    await told(life, verbs.DeskTake(case, SPECIALIST), object)
    await told(life, verbs.DeskSay(case, SPECIALIST, f"person-{word}"), object)
    await life.settled()
    return party


@asynccontextmanager
async def kims_home(tmp_path: Path) -> AsyncIterator[tuple[World, Life, str]]:
    """A home in which Kim has lived: its world, its life, and Kim's id."""
    world = inline_world(tmp_path / "home", speaker(), policy=HOLD_TOOLS)
    await world.found()
    async with world.running() as life:
        yield world, life, await _lived(life, "kanarie", KIM)


async def _export(life: Life, party: str, to: Path, by: str = OWNER) -> AccessView:
    return await told(life, verbs.PartyExport(str(to), party, by), AccessView)


def _members(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as lying:
        return {name: lying.read(name).decode() for name in lying.namelist()}


def test_all_that_was_planted_for_a_party_is_in_it_and_nothing_of_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with kims_home(tmp_path) as (world, life, kim):
            lee = await _lived(life, "papagei", LEE)
            await told(life, verbs.PartyHold(kim, OWNER, "reason-kanarie"), Done)
            await life.dispatcher.stop()
            for word, who in (("kanarie", KIM), ("papagei", LEE)):
                await life.say(f"waits-{word}", external_id=f"w{word}", sender=who)
            view = await _export(life, kim, tmp_path / "kim.zip")
            held = _members(tmp_path / "kim.zip")
            about = json.loads(held["about.json"])
            assert held.keys() == {"about.json", "index.html"}
            for name, text in held.items():
                missing = [one for one in PLANTED if f"{one}-kanarie" not in text]
                assert missing == [], name
                for other in ("papagei", LEE, lee):
                    assert other not in text, name
            assert {KIM} <= {one["display"][-len(KIM) - 1 : -1] for one in about["identifiers"]}
            decisions = [one for said in about["messages"] for one in said["decisions"]]
            assert {one["status"] for one in decisions} >= {"done", "held"}
            assert all(one["owner"] and one["owner_name"] for one in decisions)
            assert all(one["reasons"] for one in decisions if one["verdict"] == "hold")
            granted = [one for one in decisions if one["verdict"] == "hold" and one["decided_by"]]
            assert len(granted) == 1, "who said yes is named"
            assert any("legal hold" in one for one in about["states"])
            replies = [one for said in about["messages"] for one in said["replies"]]
            assert len(replies) == len([m for m in world.mailbox.texts if "kanarie" in m])
            assert {one["rail"] for one in replies} == {"email"}
            kinds = {one["kind"] for one in about["entries"]}
            assert {"received", "identified", "decided", "approval", "party.held"} <= kinds
            (kept,) = [one for one in about["entries"] if one["kind"] == "party.held"]
            assert [one["index"] for one in about["withheld"]] == [kept["index"]]
            assert view.withheld == 1, "why a legal hold stands is not told"
            assert "reason-kanarie" not in held["about.json"] + held["index.html"]

    run(scenario)


def test_no_words_of_strangers_are_markup_in_it_and_only_its_owner_opens_the_file(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with kims_home(tmp_path) as (_, life, kim):
            await _export(life, kim, tmp_path / "kim.zip")
            held = _members(tmp_path / "kim.zip")
            page = held["index.html"]
            assert "<script" not in page
            assert "<img" not in page
            assert "&lt;script&gt;" in page
            assert "\u202e" not in page
            assert "default-src 'none'" in page
            assert "color-scheme: light dark" in page
            assert "\u202e" in held["about.json"], "for programs it is as it came"
            assert (tmp_path / "kim.zip").stat().st_mode & 0o777 == 0o600

    run(scenario)
    assert [one.name for one in tmp_path.iterdir() if "zip" in one.name] == ["kim.zip"]


def test_that_somebody_reads_it_is_in_the_ledger_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", speaker(), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            kim, to = await _lived(life, "kanarie", KIM), tmp_path / "kim.zip"
            seen: list[tuple[int, bool]] = []
            real = whole.held_message

            async def looked(*given: Any, **named: Any) -> object:
                seen.append((len(await life.entries("access.read")), to.exists()))
                return await real(*given, **named)

            monkeypatch.setattr(whole, "held_message", looked)
            view = await _export(life, kim, to)
            assert set(seen) == {(1, False)}
            (entry,) = await life.entries("access.read")
            assert (entry.seq, entry.actor) == (view.read, life.person(OWNER))
            assert entry.subject
            assert entry.subject.pid == kim
            assert entry.changed("bodies") == str(view.bodies)
            assert KIM.encode() not in b"".join(r.data for r in await life.records())
            again = await _export(life, kim, tmp_path / "again.zip")
            about = json.loads(_members(tmp_path / "again.zip")["about.json"])
            assert view.read in [one["index"] for one in about["entries"]]
            assert again.read > view.read

            async def broken(_: object) -> object:
                raise OSError(28, "No space left on device")

            monkeypatch.setattr(life.house.hall.committer, "commit", broken)
            with pytest.raises(OSError, match="space"):
                await _export(life, kim, tmp_path / "no.zip")
            assert not (tmp_path / "no.zip").exists()

    run(scenario)


def test_who_answers_for_nothing_of_it_is_given_no_word(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with kims_home(tmp_path) as (_, life, kim):
            await told(life, verbs.PersonAdd(EVE, "Eve"), object)
            await life.dispatcher.stop()
            await life.say("waits-kanarie", external_id="w", sender=KIM)
            view = await _export(life, kim, tmp_path / "kim.zip", EVE)
            for name, text in _members(tmp_path / "kim.zip").items():
                assert "kanarie" not in text, name
                assert KIM not in text, name
            assert view.bodies == 0
            assert view.withheld > 0
            assert "This is not all of it" in _members(tmp_path / "kim.zip")["index.html"]

    run(scenario)


def test_unknown_ones_and_files_that_are_there_are_refused_and_nothing_is_written_down(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with kims_home(tmp_path) as (world, life, kim):
            there = tmp_path / "there.zip"
            there.write_text("mine")
            before, to = life.house.hall.committer.size, tmp_path / "kim.zip"
            with pytest.raises(PartyUnknown):
                await _export(life, "pty_none", to)
            with pytest.raises(PersonUnknown):
                await _export(life, kim, to, "nobody@acme.example")
            for bad in (there, Path("kim.zip"), world.home / "kim.zip"):
                with pytest.raises(UsageError):
                    await _export(life, kim, bad)
            assert life.house.hall.committer.size == before
            assert there.read_text() == "mine"
            assert not to.exists()

    run(scenario)


def test_who_was_erased_is_said_to_be_that(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with kims_home(tmp_path) as (_, life, kim):
            done = await erase(life, kim)
            before = life.house.hall.committer.size
            with pytest.raises(PartyErased, match=f"erased at index {done.index}"):
                await _export(life, kim, tmp_path / "kim.zip")
            assert life.house.hall.committer.size == before
            assert not (tmp_path / "kim.zip").exists()

    run(scenario)


def test_what_is_said_while_the_file_is_made_is_not_half_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with kims_home(tmp_path) as (_, life, kim):
            real, is_over = whole.held_message, list[bool]()

            async def slow(*given: Any, **named: Any) -> object:
                if not is_over:
                    is_over.append(True)
                    await life.say("says-kanarie more", external_id="more", sender=KIM)
                    await life.settled()
                return await real(*given, **named)

            monkeypatch.setattr(whole, "held_message", slow)
            with pytest.raises(Busy, match=kim):
                await _export(life, kim, tmp_path / "kim.zip")
            assert not (tmp_path / "kim.zip").exists()
            assert (await life.verified()).problem is None
            assert len(await life.entries("access.read")) == 1

    run(scenario)
