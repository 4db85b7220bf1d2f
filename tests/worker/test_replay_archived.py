"""A replay reads what was archived where it lies; who reads words for it is written down before."""

import asyncio
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from answerable import Agent, Context, Message, Reply
from answerable.base.errors import NotFound
from answerable.ledger.archive import ArchiveDamaged
from answerable.ledger.tiles import WIDTH
from answerable.testing.world import OWNER, SPECIALIST, Life, World
from answerable.worker import verbs
from answerable.worker.commands.reading import MayNotRead
from answerable.worker.replay.found import SEALED, Difference, Part, Replayed
from answerable.worker.replay.homes import Asked, replay_all, replay_one
from answerable.worker.verbs.reading import ReadView
from archiving import put_away
from offices import asking, open_for


def looking() -> Agent:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="look")

    async def look(order: str) -> str:
        return f"kanarie {order}"

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Reply:
        return Reply(await ctx.step(look, message.text))

    return agent


@cache
def old_home() -> tuple[Path, tuple[str, ...]]:
    """To copy from: a home with an archive beside it, and its decisions, oldest first."""
    folder = Path(mkdtemp(prefix="answerable-replayed-"))
    decisions: list[str] = []

    async def scenario() -> None:
        world = World(home=folder / "home", agent=looking())
        await world.found()
        async with world.running() as life:
            for number in range(80):
                sender = f"kim{number % 7}@a.example"
                await life.say(f"A{number}", external_id=f"m{number}", sender=sender)
            await life.settled()
            decisions.extend(entry.id for entry in await life.entries("decided"))
        async with open_for(world) as office:
            view = await put_away(office, folder / "old")
            assert view.end >= WIDTH
            assert view.steps > 10

    asyncio.run(scenario())
    return folder, tuple(decisions)


@pytest.fixture
def home(tmp_path: Path) -> tuple[Path, tuple[str, ...]]:
    folder, decisions = old_home()
    shutil.copytree(folder, tmp_path / "it")
    return tmp_path / "it", decisions


def again(folder: Path, decision: str, archives: Path | None) -> Replayed:
    agents = {"support": looking().blueprint()}
    return asyncio.run(replay_one(folder / "home", decision, agents, archives=archives))


def test_what_was_archived_is_judged_and_run_again_from_the_archive(
    home: tuple[Path, tuple[str, ...]],
) -> None:
    folder, decisions = home
    without = again(folder, decisions[0], None)
    assert (without.verdict.status, without.turn.status) == ("archived", "archived")
    assert "--archives" in without.verdict.why
    for decision in (*decisions[:3], decisions[-1]):
        found = again(folder, decision, folder / "old")
        assert (found.verdict.status, found.turn.status, found.turn.steps) == ("same", "same", 1)


def test_all_verdicts_of_a_time_are_judged_from_archives_too(
    home: tuple[Path, tuple[str, ...]],
) -> None:
    folder, decisions = home
    without = asyncio.run(replay_all(folder / "home"))
    assert 0 < without.archived < without.decisions == len(decisions)
    asked = Asked(archives=folder / "old")
    found = asyncio.run(replay_all(folder / "home", asked))
    assert (found.same, found.archived) == (len(decisions), 0)


def test_a_file_that_is_not_there_is_said_and_another_one_is_not_believed(
    home: tuple[Path, tuple[str, ...]],
) -> None:
    folder, (first, *_) = home
    [path] = (folder / "old").iterdir()
    path.rename(folder / "elsewhere")
    assert again(folder, first, folder / "old").verdict.status == "archived"
    shutil.copy(folder / "elsewhere", path)
    with path.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ArchiveDamaged):
        again(folder, first, folder / "old")


# ---------------------------------------------------------------------------------- who reads it


async def read(life: Life, decision: str, by: str) -> ReadView:
    found = await asking(life)(verbs.DecisionRead(decision, by))
    assert isinstance(found, ReadView)
    return found


def test_who_reads_for_a_replay_is_written_down_and_who_may_not_is_refused(
    home: tuple[Path, tuple[str, ...]],
) -> None:
    folder, (first, *_, last) = home

    async def scenario() -> None:
        async with World(home=folder / "home", agent=looking()).running() as life:
            for decision in (first, last):
                view = await read(life, decision, OWNER)
                [entry] = [one for one in await life.entries("access.read") if one.seq == view.read]
                assert (entry.actor, view.bodies) == (life.person(OWNER), 3)
                assert entry.changed("asked") == f"decision {decision}"
                assert entry.changed("bodies") == "3"
            size = life.house.hall.committer.size
            with pytest.raises(MayNotRead, match="auditor"):
                await read(life, last, SPECIALIST)
            with pytest.raises(NotFound):
                await read(life, life.person(OWNER), OWNER)
            assert life.house.hall.committer.size == size
            await asking(life)(verbs.RoleSet(SPECIALIST, "auditor", OWNER))
            assert (await read(life, last, SPECIALIST)).by == life.person(SPECIALIST)

    asyncio.run(scenario())


def test_words_are_not_shown_where_nobody_says_who_reads_them() -> None:
    words = Difference("reply", "text", "kanarie", "papagei", has_words=True)
    found = Replayed(
        decision="dec_1", index=1, recorded="allow by no rule",
        verdict=Part("different", difference=Difference("verdict", "policy.verdict", "a", "b")),
        turn=Part("different", difference=words),
    )  # fmt: skip
    assert found.has_words
    assert "kanarie" in " ".join(found.sentences)
    sealed = " ".join(found.sealed.sentences)
    assert "kanarie" not in sealed
    assert "papagei" not in sealed
    assert f"recorded {SEALED}" in sealed
    assert "recorded a, found b" in sealed


def test_as_it_is_typed_the_entry_comes_before_the_words(
    home: tuple[Path, tuple[str, ...]],
) -> None:
    folder, (first, *_) = home
    command = [
        sys.executable, "-m", "answerable.cli", "decision", "replay", first, "--by", OWNER,
        "--archives", str(folder / "old"), "--home", str(folder / "home"),
    ]  # fmt: skip
    typed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert typed.returncode == 0, typed.stderr
    assert "The verdict from its stored inputs: the same." in typed.stdout
    assert "reads it: 3 bodies." in typed.stderr

    async def written() -> int:
        async with World(home=folder / "home", agent=looking()).running() as life:
            return len(await life.entries("access.read"))

    assert asyncio.run(written()) == 1
