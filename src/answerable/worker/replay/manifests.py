"""What releases were made of: those that are loaded, and out of their entries those that were."""

from collections.abc import Iterable

from answerable.agents.domain import Release
from answerable.agents.kept import kept_manifest
from answerable.base.errors import Unreadable
from answerable.engine.port import Record
from answerable.ledger.bodies import open_body
from answerable.ledger.domain import decode_entry
from answerable.store.keys import KeyStore


class Manifests:
    """By release id. What is kept is believed by its digest alone."""

    def __init__(self, keys: KeyStore, loaded: Iterable[Release] = ()) -> None:
        self._keys = keys
        self._kept: dict[str, list[Record]] = {}
        self._loaded = {one.id: one.manifest for one in loaded}

    def take(self, record: Record) -> None:
        """The record of a release that was registered or staged again."""
        if record.body is not None:
            release = decode_entry(record.data).changed("release")
            self._kept.setdefault(release, []).append(record)

    def find(self, release: str) -> bytes | None:
        """None where it was not kept: registered by a program that kept none."""
        if release in self._loaded:
            return self._loaded[release]
        found = (self._opened(record) for record in self._kept.get(release, ()))
        return next((manifest for manifest in found if manifest is not None), None)

    def _opened(self, record: Record) -> bytes | None:
        entry = decode_entry(record.data)
        if entry.body is None or record.body is None:
            return None
        kid = entry.body.kid
        try:
            data = open_body(self._keys.get(kid), kid, record.key, record.body)
        except Unreadable:
            return None
        return kept_manifest(data, entry.changed("digest"))
