"""Commands on the keys with which programs come in over HTTP."""

from answerable.base.clock import iso
from answerable.people.keys import Keys, Terms, new_secret
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.people import KeyHolder, KeyRow, NewKey


def _keys(office: Office) -> Keys:
    return Keys(office.house.hall.people, office.house.hall.ids)


async def key_add(office: Office, verb: verbs.KeyAdd) -> NewKey:
    """The answer holds the secret: it is shown this once, and never stored."""
    hall, keys = office.house.hall, _keys(office)
    secret = new_secret(hall.chance)
    terms = Terms(verb.scopes, verb.expires_at, verb.name)
    done = await office.change(
        lambda: keys.add(
            verb.person, secret, terms, by=office.actor(verb.by), now=hall.clock.now()
        )
    )  # fmt: skip
    return _made(office, secret, done)


async def key_derive(office: Office, verb: verbs.KeyDerive) -> NewKey:
    hall, keys = office.house.hall, _keys(office)
    secret = new_secret(hall.chance)
    terms = Terms(verb.scopes, verb.expires_at, verb.name)
    done = await office.change(
        lambda: keys.derive(verb.made_with, secret, terms, now=hall.clock.now())
    )
    return _made(office, secret, done)


def _made(office: Office, secret: str, done: Done) -> NewKey:
    directory = office.house.hall.people.directory
    made = next(key for key in directory.keys.values() if key.id == done.id)
    return NewKey(made.id, secret, made.person, made.scopes, done.index)


async def key_list(office: Office, _: verbs.KeyList) -> list[KeyRow]:
    directory, now = office.house.hall.people.directory, office.house.hall.clock.now()
    return [
        KeyRow(
            key.id, await office.text_of(key.id), key.person, await office.name_of(key.person),
            key.scopes, directory.is_valid(key, now), iso(key.expires_at) if key.expires_at else "",
            key.made_with,
        )
        for key in directory.keys.values()
    ]  # fmt: skip


async def key_revoke(office: Office, verb: verbs.KeyRevoke) -> Done:
    return await office.change(lambda: _keys(office).revoke(verb.key, by=office.actor(verb.by)))


async def key_check(office: Office, verb: verbs.KeyCheck) -> KeyHolder:
    key = _keys(office).check(verb.digest, office.house.hall.clock.now())
    name = await office.name_of(key.person)
    return KeyHolder(key.id, key.person, name, key.scopes, key.expires_at)


HANDLERS: Handlers = {
    verbs.KeyAdd: key_add,
    verbs.KeyDerive: key_derive,
    verbs.KeyList: key_list,
    verbs.KeyRevoke: key_revoke,
    verbs.KeyCheck: key_check,
}
