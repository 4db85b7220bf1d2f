"""Verify a home by a policy that its reader holds: who must have cosigned it, and when it was."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from answerable.adapters.engines.embedded.journal import DATABASE, read_feed
from answerable.base.clock import SECOND_US, iso
from answerable.base.errors import NotFound, UsageError
from answerable.ledger.cosigned import Cosigned, EntryTimes, read_cosigned
from answerable.ledger.domain import KINDS, LeafProblem
from answerable.ledger.note import VerifierKey
from answerable.ledger.quorum import Policy, parse_policy
from answerable.store.sqlite import open_reader
from answerable.worker.publisher import TILES
from answerable.worker.verification import (
    HomeVerified,
    chain_in,
    check_has_ledger,
    key_of,
    saved_checkpoints,
    verify_with,
)
from answerable.worker.witnessing import read_memory


class _When(msgspec.Struct):
    """Of an entry, only where it stands and when it says that it was written."""

    seq: int
    ts: int


def read_policy(path: Path) -> Policy:
    """Raises NotFound, PolicyWrong."""
    try:
        return parse_policy(path.read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError as error:
        raise NotFound(
            f"'{path}' cannot be read: {error.strerror}.", "Nothing was verified.", f"ls -l {path}"
        ) from None


def verify_witnessed(
    home: Path, policy: Policy, earlier: Sequence[Path] = (), vkey: str = ""
) -> HomeVerified:
    """Everything that `verify_home` checks, and that a quorum has cosigned what is published.

    Each cosigned checkpoint must be the log's beginning, and the entries' times must lie between
    those of their neighbours. A refusal that the home keeps, by a witness of the policy, is a no.
    Raises what `verify_home` raises.
    """
    check_has_ledger(home)
    keys = chain_in(home, _logs(home, policy, vkey))
    cosigned = read_cosigned(home / TILES, keys, policy)
    found = verify_with(home, keys, [*saved_checkpoints(earlier), *cosigned.notes])
    refused = _refusal(home, policy) if found.index is None else ""
    problem = None if refused else _first(found, cosigned) or _times(home, cosigned)
    newest = cosigned.witnessed[-1] if cosigned.witnessed else None
    return msgspec.structs.replace(
        found,
        verified=problem is None and not refused,
        index=problem.index if problem else None,
        problem=problem.problem if problem else refused,
        is_of_files=problem is not None and found.is_of_files,
        witnessed=newest.size if newest else 0,
        witnessed_at=iso(newest.until_s * SECOND_US) if newest and newest.until_s else "",
    )


def _logs(home: Path, policy: Policy, vkey: str) -> list[VerifierKey]:
    """The keys that the reader trusts: those of the policy, where it names logs."""
    if not policy.logs:
        return [key_of(home, vkey)]
    if vkey and key_of(home, vkey) not in policy.logs:
        raise UsageError(
            "The key of --vkey is not a log of the policy.", "Nothing was verified.",
            "leave out --vkey, or add the log to the policy",
        )  # fmt: skip
    return policy.logs


def _refusal(home: Path, policy: Policy) -> str:
    """What a witness of the policy said when it refused this log. Which entry, it cannot say."""
    ours = {key.encode() for key in policy.witnesses.values()}
    for vkey, known in read_memory(home).items():
        if known.refused and vkey in ours:
            name = vkey.partition("+")[0]
            return f"the log was REFUSED by the witness '{name}': {known.refused}"
    return ""


def _first(found: HomeVerified, cosigned: Cosigned) -> LeafProblem | None:
    if found.index is not None:
        return LeafProblem(found.index, found.problem)
    return cosigned.problem


def _times(home: Path, cosigned: Cosigned) -> LeafProblem | None:
    """The first entry whose time the witnesses contradict."""
    if not cosigned.witnessed:
        return None
    return asyncio.run(_outside(home / DATABASE, EntryTimes(cosigned.witnessed)))


async def _outside(database: Path, times: EntryTimes) -> LeafProblem | None:
    reader = open_reader(database)
    decode = msgspec.json.Decoder(_When).decode
    try:
        async for record in read_feed(reader, database):
            if record.kind in KINDS:
                when = decode(record.data)
                problem = times.problem(when.seq, when.ts)
                if problem is not None:
                    return problem
    finally:
        reader.close()
    return None
