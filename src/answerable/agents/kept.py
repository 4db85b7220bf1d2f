"""What is kept of a release, sealed in the entry that registers it: the policy set that came with
it, and beside its fields the manifest that its digest is of. Who knows of no manifest there reads
the policy set all the same; entries from before it was kept have none."""

import hashlib

import msgspec

from answerable.agents.domain import Release


class _Kept(msgspec.Struct, frozen=True):
    manifest: str = ""


def keep(release: Release, policy: bytes) -> bytes:
    """One JSON object; `policy` is the source of its set."""
    fields = msgspec.json.decode(policy, type=dict[str, msgspec.Raw])
    manifest = msgspec.Raw(msgspec.json.encode(release.manifest.decode()))
    return msgspec.json.encode(fields | {"manifest": manifest}, order="sorted")


def kept_manifest(data: bytes, digest: str) -> bytes | None:
    """The manifest of that digest; None where none was kept. Believed by its digest alone."""
    try:
        manifest = msgspec.json.decode(data, type=_Kept).manifest.encode()
    except (msgspec.DecodeError, UnicodeError):
        return None
    return manifest if hashlib.sha256(manifest).hexdigest() == digest else None
