"""An office with its socket, in the test's own process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from answerable.testing.world import Life, Till, World
from answerable.views.index import EntryIndex
from answerable.worker import commands, verbs
from answerable.worker.client import Client
from answerable.worker.commands.office import Office
from answerable.worker.process import close_office, open_office
from answerable.worker.publisher import Publisher
from answerable.worker.server import serve
from stories import support


def office_of(life: Life) -> Office:
    """An office around a life that a test leads itself."""
    home = life.house.home
    return Office(life.house, life.dispatcher, EntryIndex.open(home), Publisher(home))


async def small_world(home: Path) -> World:
    world = World(home=home, agent=support(Till()))
    await world.found()
    return world


Ask = Callable[[verbs.Verb], Awaitable[object]]


def asking(life: Life) -> Ask:
    """How a face asks: a verb in, what it answers out."""
    return partial(commands.call, office_of(life))


@asynccontextmanager
async def open_for(world: World) -> AsyncIterator[Office]:
    """The office at work, without a socket."""
    office = await open_office(world.plan())
    try:
        yield office
    finally:
        await close_office(office)


@asynccontextmanager
async def listening(world: World) -> AsyncIterator[tuple[Office, Client]]:
    async with open_for(world) as office:
        server = await serve(world.home, lambda verb: commands.call(office, verb))
        client = await Client.connect(world.home)
        try:
            yield office, client
        finally:
            await client.close()
            await server.close()
