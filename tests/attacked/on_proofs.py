"""Attacks on what is shown of a log: proofs, answers, bundles, witnesses."""

import asyncio
import base64
import json
import zipfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from answerable.adapters.signers.file import FileSigner
from answerable.base.clock import ManualClock
from answerable.exports.cbor import encode
from answerable.exports.cose import Headers, read_sign1
from answerable.exports.receipt import ReceiptError, check_place, make_receipt, verify_receipt
from answerable.ledger.answer import AnswerWrong, Question, verify_answer
from answerable.ledger.bundle import BundleDamaged
from answerable.ledger.cosigned import cosigned_file, read_cosigned
from answerable.ledger.domain import LeafProblem
from answerable.ledger.keychain import KeyChain
from answerable.ledger.note import NoteError, VerifierKey, note_text, split_note
from answerable.ledger.proof import Proof, prove, verify_proof
from answerable.ledger.quorum import parse_policy
from answerable.ledger.tiles import TileReader
from answerable.ledger.tree import ProofError, leaf_hash, node_hash
from answerable.ledger.verify_bundle import verify_bundle
from answerable.witness.errors import NotCosigned
from answerable.witness.keys import Cosigner, read_keys
from answerable.witness.service import Witness
from attacked.attack import Caught, attack, refused, stranger
from attacked.on_log import signed
from closed_log import drawn_log
from small_bundle import members_of, seal_of, write
from small_ledger import KEYS, SIGNER, ledger_of
from witnesses import Log, made

SIZE, AT = 20, 8
BENS = 9  # an entry that per_ben answers for


def log_in(to: Path) -> tuple[Path, list[bytes], str]:
    ledger = ledger_of(SIZE)
    ledger.publish(to / "log")
    return to / "log", ledger.data(), ledger.checkpoint


def proof_of(folder: Path, checkpoint: str, index: int = AT) -> Proof:
    return prove(index, checkpoint, TileReader(folder, SIZE))


def shown(to: Path, proof: str, entry: bytes) -> Caught | None:
    """Both verifiers are shown a proof of an entry."""
    (to / "proof").write_text(proof)
    (to / "entry").write_bytes(entry)
    if stranger("--proof", str(to / "proof"), "--entry", str(to / "entry"))["ok"]:
        return None
    return refused(
        "both verifiers", (ProofError, NoteError), lambda: verify_proof(proof, entry, list(KEYS))
    )  # fmt: skip


@attack("show the proof of another entry", holds="nothing", seen=r"does not lead from leaf 8")
def another_leaf(to: Path) -> Caught | None:
    folder, data, checkpoint = log_in(to)
    return shown(to, proof_of(folder, checkpoint).encode(), data[AT + 1])


@attack("show a proof out of another log", holds="nothing", seen=r"No known key")
def another_log(to: Path) -> Caught | None:
    other = FileSigner("log.example/other", bytes(32))
    ledger = ledger_of(0)
    ledger.batch(SIZE, other)
    ledger.publish(to / "log")
    proof = prove(AT, ledger.checkpoint, TileReader(to / "log", SIZE))
    return shown(to, proof.encode(), ledger.data()[AT])


@attack("pass an inner node off as an entry", holds="nothing", seen=r"too short")
def node_as_leaf(to: Path) -> Caught | None:
    folder, data, checkpoint = log_in(to)
    honest = proof_of(folder, checkpoint)
    pair = leaf_hash(data[AT]) + leaf_hash(data[AT + 1])
    assert sha256(b"\x01" + pair).digest() == node_hash(pair[:32], pair[32:])
    shorter = Proof(AT // 2, honest.hashes[1:], checkpoint)
    return shown(to, shorter.encode(), pair)


@attack("send a proof of more than 64 hashes", holds="nothing", seen=r"too long")
def long_proof(to: Path) -> Caught | None:
    folder, data, checkpoint = log_in(to)
    honest = proof_of(folder, checkpoint)
    longer = Proof(AT, (*honest.hashes, *[bytes(32)] * 65), checkpoint)
    return shown(to, longer.encode(), data[AT])


@attack("name a key of algorithm none", holds="nothing", seen=r"not of type 1")
def key_of_none(_: Path) -> Caught | None:
    name = SIGNER.vkey.encode().rsplit("+", 2)[0]
    key = b"\x00" + bytes(32)
    id_ = sha256(f"{name}\n".encode() + key).digest()[:4].hex()
    text = f"{name}+{id_}+{base64.b64encode(key).decode()}"
    return refused("the key's reader", NoteError, lambda: VerifierKey.parse(text))


@attack("leave an entry out of an answer", holds="the company", seen=r"where \d+ is due")
def omission(_: Path) -> Caught | None:
    log = drawn_log(200, parties=20, owners=3)
    question = Question(party="pty_3")
    run = log.run(question, len(log.entries) - 1)
    answer = log.answer(question, without=[run[len(run) // 2]])
    return refused("check of the answer", AnswerWrong, lambda: verify_answer(answer, KEYS))


@attack("end an answer before its last entry", holds="the company", seen=r"is left out")
def omitted_tail(_: Path) -> Caught | None:
    log = drawn_log(200, parties=20, owners=3)
    question = Question(party="pty_3")
    run = log.run(question, len(log.entries) - 1)
    answer = log.answer(question, without=run[-2:])
    return refused("check of the answer", AnswerWrong, lambda: verify_answer(answer, KEYS))


def bundle_of(to: Path, spoil: Callable[[dict[str, bytes]], None]) -> Path:
    """A bundle that was changed before it was sealed again by whoever holds the key."""
    ledger = ledger_of(SIZE)
    ledger.publish(to / "log")
    indexes = [entry.seq for entry in ledger.entries if entry.accountable == "per_ada"]
    asked = {"kind": "owner", "of": "per_ada", "since": 0, "until": ledger.entries[-1].ts + 1}
    members = members_of(ledger, to / "log", asked, indexes)
    spoil(members)
    return write(to / "b.zip", members, seal_of(members))


def caught_in(path: Path) -> Caught | None:
    if stranger(str(path))["ok"]:
        return None
    return refused("both verifiers", BundleDamaged, lambda: verify_bundle(path, KEYS))


@attack(
    "edit an entry of a bundle, and seal it again",
    holds="the signing key",
    seen=r"proof of entry 8",
)
def edited_bundle(to: Path) -> Caught | None:
    def spoil(members: dict[str, bytes]) -> None:
        name = f"entries/{AT}.json"
        members[name] = members[name].replace(b":4000,", b":9000,")

    return caught_in(bundle_of(to, spoil))


@attack(
    "put somebody else's entry into an answer",
    holds="the signing key",
    seen=r"entry 9 is no answer",
)
def strange_entry(to: Path) -> Caught | None:
    def spoil(members: dict[str, bytes]) -> None:
        ledger = ledger_of(SIZE)
        reader = TileReader(to / "log", SIZE)
        answer = json.loads(members["answer.json"])
        answer["entries"] = sorted([*answer["entries"], BENS])
        members["answer.json"] = json.dumps(answer, separators=(",", ":"), sort_keys=True).encode()
        members[f"entries/{BENS}.json"] = ledger.data()[BENS]
        proof = prove(BENS, ledger.checkpoint, reader).encode()
        members[f"proofs/{BENS}.tlog-proof"] = proof.encode()

    return caught_in(bundle_of(to, spoil))


@attack("send a zip bomb", holds="nothing", seen=r"not stored as it is")
def zip_bomb(to: Path) -> Caught | None:
    path = to / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made_:
        for name in ("MANIFEST", "SEAL", "answer.json", "checkpoint"):
            made_.writestr(name, bytes(50_000_000))
    assert path.stat().st_size < 1_000_000
    return caught_in(path)


@attack("have a witness cosign a rollback", holds="the signing key", seen=r"status 409")
def witness_rollback(to: Path) -> Caught | None:
    log = Log().grow(20)
    witness = witness_of(to, log)
    asyncio.run(witness.add_checkpoint(log.asks(0)))
    return status(witness, log.asks(0, 12))


@attack("have a witness cosign a fork", holds="the signing key", seen=r"status 422")
def witness_fork(to: Path) -> Caught | None:
    log = Log().grow(20)
    witness = witness_of(to, log)
    asyncio.run(witness.add_checkpoint(log.asks(0)))
    other = log.forked_at(10).grow(15, "other")
    return status(witness, other.asks(20))


def witness_of(to: Path, log: Log) -> Witness:
    state = made(to / "w", log)
    return Witness(state, read_keys(state), ManualClock(1_000_000))


def status(witness: Witness, request: bytes) -> Caught | None:
    try:
        asyncio.run(witness.add_checkpoint(request))
    except NotCosigned as told:
        return Caught("the witness", f"status {told.status}: {told}")
    return None


@attack(
    "rewrite with a stolen key and one witness of two",
    holds="the key and one witness",
    seen=r"cosigned by the quorum",
)
def key_and_witness(to: Path) -> Caught | None:
    folder, data, checkpoint = log_in(to)
    states = [made(to / n, Log(), name=f"{n}.example/w", seed=ord(n)) for n in ("a", "b")]
    witnesses = [read_keys(state)[0] for state in states]
    names = "".join(f"witness {n} {w.key.encode()}\n" for n, w in zip("ab", witnesses, strict=True))
    policy = parse_policy(f"{names}group g 2 a b\nquorum g\n")

    def problem(note: str, by: Sequence[Cosigner]) -> LeafProblem | None:
        lines = [each.line(note_text(note), 1_767_225_700) for each in by]
        path = cosigned_file(folder, SIZE)
        path.parent.mkdir(exist_ok=True)
        path.write_text(note + "".join(lines))
        return read_cosigned(folder, KeyChain(KEYS), policy).problem

    assert problem(checkpoint, witnesses) is None
    rewritten = signed([*data[:-1], data[-1].replace(b"ent_", b"ant_")])
    assert note_text(rewritten) != note_text(checkpoint)
    found = problem(rewritten, witnesses[:1])
    return Caught("the quorum", found.problem) if found else None


@attack(
    "pass a signature over other bytes off as a receipt",
    holds="nothing",
    seen=r"signature is not over",
)
def forged_receipt(to: Path) -> Caught | None:
    """The log has signed its checkpoint: that signature, in a receipt that is otherwise right."""
    folder, data, checkpoint = log_in(to)
    key = Ed25519PublicKey.from_public_bytes(SIGNER.public_key)
    path = TileReader(folder, SIZE).inclusion_proof(AT)
    honest = asyncio.run(make_receipt(data[AT], AT, SIZE, path, SIGNER))
    assert verify_receipt(honest, data[AT], key).index == AT
    (_, signature), *_ = split_note(checkpoint)[1]
    forged = read_sign1(honest)._replace(signature=signature[4:]).encode()
    return refused(
        "the receipt's reader", ReceiptError, lambda: verify_receipt(forged, data[AT], key)
    )  # fmt: skip


@attack(
    "give an entry another place in its receipt",
    holds="nothing",
    seen=r"says entry 56, and the entry says 19",
)
def misplaced_receipt(to: Path) -> Caught | None:
    """Only the root is signed there; the last of 20 and the last of 57 have one path to it."""
    folder, data, _ = log_in(to)
    key = Ed25519PublicKey.from_public_bytes(SIGNER.public_key)
    path = TileReader(folder, SIZE).inclusion_proof(SIZE - 1)
    honest = read_sign1(asyncio.run(make_receipt(data[-1], SIZE - 1, SIZE, path, SIGNER)))
    check_place(verify_receipt(honest.encode(), data[-1], key), data[-1])
    proofs: Headers = {396: {-1: [encode([57, 56, list(path)])]}}
    proven = verify_receipt(honest._replace(unprotected=proofs).encode(), data[-1], key)
    return refused("the receipt's reader", ReceiptError, lambda: check_place(proven, data[-1]))
