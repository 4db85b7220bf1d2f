"""What is done to the members of a bundle before who holds the key seals it again.

A change is *harmless* only where docs/bundle.md says that nothing is claimed of what it changes;
those are listed here, each with the reason, and all verifiers must accept them. Whatever else is
changed must be refused by all who look at it, and the same entry named.
"""

import json
import random
import re
from collections.abc import Callable

from small_bundle import Members

Change = Callable[[Members, random.Random], None]
"""Changes members in place; may find nothing to do."""

BEYOND = ("bodies/", "policies/", "releases/", "rotations/", "completeness.json")
"""What the first file compares with MANIFEST and does not look into."""


# ------------------------------------------------------------------------------- harmless


def page(members: Members, chance: random.Random) -> None:
    """For people: whatever it says is only compared with MANIFEST."""
    members["index.html"] += b"<!-- %d -->" % chance.randrange(10**9)


def vkey(members: Members, chance: random.Random) -> None:
    """To compare with one's own, never to trust."""
    members["vkey"] += b"# %d\n" % chance.randrange(10**9)


def reserved(members: Members, chance: random.Random) -> None:
    """A name that the format reserves: compared with MANIFEST, and told as not looked into."""
    folder = chance.choice(("completeness", "receipts", "time", "witness"))
    members[f"{folder}/{chance.randrange(10**6)}"] = chance.randbytes(20)


def note_in_policy(members: Members, chance: random.Random) -> None:
    """A policy set may have other fields, which its digest does not cover."""
    if name := _one(members, "policies/", chance):
        members[name] = _json(json.loads(members[name]) | {"note": str(chance.random())})


def fewer_bodies(members: Members, chance: random.Random) -> None:
    """The entry says that at least so many were given."""
    answer = json.loads(members["answer.json"])
    if (name := _one(members, "bodies/", chance)) and "bodies" in answer:
        answer["bodies"]["given"].remove(int(name[7:-5]))
        del members[name]
        members["answer.json"] = _json(answer)


def fewer_entries(members: Members, chance: random.Random) -> None:
    """Of a case or an agent nobody claims that all is there: ours says so, and so do they."""
    answer = json.loads(members["answer.json"])
    if answer["asked"]["kind"] in ("case", "agent") and "bodies" not in answer:
        at = chance.randrange(len(answer["entries"]))
        entry = members[f"entries/{answer['entries'][at]}.json"]
        if b'"agent"' in entry or b'"policy"' in entry:  # what it names may lie there for it alone
            return
        index = answer["entries"].pop(at)
        del members[f"entries/{index}.json"], members[f"proofs/{index}.tlog-proof"]
        members["answer.json"] = _json(answer)


HARMLESS = (page, vkey, reserved, note_in_policy, fewer_bodies, fewer_entries)


# ------------------------------------------------------------------------------- of a key holder


def _one(members: Members, begins: str, chance: random.Random) -> str:
    names = [name for name in sorted(members) if name.startswith(begins)]
    return chance.choice(names) if names else ""


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def _twisted(text: bytes, chance: random.Random) -> bytes:
    """JSON with one thing wrong: a word, a number, a key twice, a space, a float, a field more."""
    strings = list(re.finditer(rb':"([^"\\]+)"', text))
    numbers = list(re.finditer(rb":(\d+)", text))
    match chance.randrange(6):
        case 0 if strings:
            at = chance.choice(strings).end(1) - 1
            return text[:at] + (b"x" if text[at : at + 1] != b"x" else b"y") + text[at + 1 :]
        case 1 if numbers:
            found = chance.choice(numbers)
            return text[: found.start(1)] + b"%d" % (int(found[1]) + 1) + text[found.end(1) :]
        case 2 if numbers:
            found = chance.choice(numbers)
            return text[: found.end()] + b".0" + text[found.end() :]
        case 3:
            return b'{"zzz":1,' + text[1:]
        case 4:
            first = re.match(rb'\{("[^"]*":(?:"[^"]*"|\d+|\{[^{}]*\}),)', text)
            return b"{" + first[1] + text[1:] if first else b" " + text
        case _:
            return text.replace(b":", b": ", 1)


def entry_twisted(members: Members, chance: random.Random) -> None:
    if name := _one(members, "entries/", chance):
        members[name] = _twisted(members[name], chance)


def body_twisted(members: Members, chance: random.Random) -> None:
    if name := _one(members, "bodies/", chance):
        members[name] = _twisted(members[name], chance)


def answer_twisted(members: Members, chance: random.Random) -> None:
    """Not its `withheld`: nothing in the bundle says that it is otherwise."""
    head, cut, withheld = members["answer.json"].partition(b',"withheld":')
    members["answer.json"] = _twisted(head, chance) + cut + withheld


def release_twisted(members: Members, chance: random.Random) -> None:
    kind = chance.choice(("releases/", "policies/"))
    if chance.random() < 1 / 4:
        members[f"{kind}{chance.randbytes(32).hex()}.json"] = b"{}"  # that no entry names
    elif name := _one(members, kind, chance):
        data = bytearray(members[name])
        at = chance.choice([m.start(1) for m in re.finditer(rb'"files":\{.*?([a-z])', data)] or [1])
        data[at] ^= 1
        members[name] = bytes(data)


def complete_twisted(members: Members, chance: random.Random) -> None:
    if "completeness.json" not in members:
        return
    data = members["completeness.json"]
    answer = json.loads(data)
    match chance.randrange(6):
        case 0:
            row = chance.choice(answer["bucket"])
            row[1] += chance.choice((-1, 1))
        case 1:
            answer["entries"].pop(chance.randrange(len(answer["entries"])))
        case 2:
            field = chance.choice(("names", "close"))
            answer[field] += chance.choice((-1, 1))
        case 3:
            answer["question"]["since"] += 1
        case 4 if answer["hashes"]:
            answer["hashes"].pop(chance.randrange(len(answer["hashes"])))
        case _:
            members["completeness.json"] = _twisted(data, chance)
            return
    members["completeness.json"] = json.dumps(answer, separators=(",", ":")).encode()


def left_out(members: Members, chance: random.Random) -> None:
    """An entry that completeness shows, or without its proof, or with the place in answer alone."""
    answer = json.loads(members["answer.json"])
    if not answer["entries"]:
        return
    index = chance.choice(answer["entries"])
    gone = [f"entries/{index}.json", f"proofs/{index}.tlog-proof"]
    is_shown = "completeness.json" in members and "bodies" not in answer
    if is_shown and json.dumps(members[gone[0]].decode()) in members["completeness.json"].decode():
        answer["entries"].remove(index)
        members["answer.json"] = _json(answer)
    else:
        gone = [chance.choice(gone)]
    for name in gone:
        del members[name]


def swapped(members: Members, chance: random.Random) -> None:
    """Two bodies, entries, proofs, policy sets or releases lie under each other's names."""
    begins = chance.choice(("bodies/", "entries/", "proofs/", "policies/", "releases/", "tile/"))
    names = [name for name in sorted(members) if name.startswith(begins)]
    if len(names) > 1:
        one, other = sorted(chance.sample(names, 2))
        members[one], members[other] = members[other], members[one]


def proof_twisted(members: Members, chance: random.Random) -> None:
    if name := _one(members, "proofs/", chance):
        lines = members[name].split(b"\n")
        at = chance.randrange(1, 3 + members[name].partition(b"\n\n")[0].count(b"\n") - 1)
        lines[at] = chance.choice((b"index 0", b"A" * 43 + b"=", lines[at] + b" "))
        members[name] = b"\n".join(lines)


def no_place(members: Members, chance: random.Random) -> None:
    """A member of a name that has none: also one that differs from another by its case alone."""
    name = chance.choice(("x", "bodies/x.json", "policies/ab.json", "entries/007.json", "Vkey",
                          "rotations/0", "releases/x", "entries/1/2", "tile/../x"))  # fmt: skip
    members[name] = b"{}"


def reader_twisted(members: Members, chance: random.Random) -> None:
    """Another person was given them, another entry says so, or more than it says."""
    answer = json.loads(members["answer.json"])
    if "bodies" in answer:
        told = answer["bodies"]
        if chance.random() < 1 / 2:
            told["by"] += "x"
        else:
            told["read"] = 0  # the neighbour may say the same of another reading
        members["answer.json"] = _json(answer)


def tile_twisted(members: Members, chance: random.Random) -> None:
    if name := _one(members, "tile/", chance):
        data = bytearray(members[name])
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        members[name] = bytes(data)


def gone(members: Members, chance: random.Random) -> None:
    name = chance.choice(sorted(set(members) - {"completeness.json"}))
    if not name.startswith(("policies/", "releases/")):
        del members[name]


def beside(members: Members, chance: random.Random) -> None:
    """Of everything: a file of entries or hashes that is none of this tree's, or too wide."""
    names = [name for name in members if name.startswith("tile/")]
    if names:
        name = chance.choice(names).partition(".p/")[0]
        wide = chance.choice(("", ".p/1", ".p/255", "/001", ".p/07"))
        if name + wide not in members:
            members[name + wide] = chance.randbytes(32)


RESEALED = (
    entry_twisted, body_twisted, answer_twisted, release_twisted, complete_twisted, left_out,
    swapped, proof_twisted, no_place, reader_twisted, tile_twisted, gone, beside,
)  # fmt: skip
