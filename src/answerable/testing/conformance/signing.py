"""What every signer promises; and what a strict one promises besides."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from answerable.base.errors import AnswerableError
from answerable.ledger.bundle import HEADER
from answerable.ledger.note import VerifierKey, checkpoint_body, sign_note, verify_note
from answerable.ledger.port import Signer, StrictSigner
from answerable.ledger.tree import leaf_hash, root_of

_LEAVES = [leaf_hash(bytes([number])) for number in range(8)]


async def it_signs_notes_under_its_name_and_key(signer: Signer) -> None:
    text = f"{HEADER}\nof a signer under test\n"
    vkey = VerifierKey(signer.name, signer.public_key)
    assert verify_note(await sign_note(text, signer), [vkey]) == text


async def its_name_and_key_stay(signer: Signer) -> None:
    before = signer.name, signer.public_key
    await signer.sign(f"{HEADER}\n".encode())
    assert (signer.name, signer.public_key) == before


async def the_same_words_have_the_same_signature(signer: Signer) -> None:
    """Ed25519 is deterministic (RFC 8032): what is signed again after a death is the same note."""
    message = f"{HEADER}\nagain\n".encode()
    assert await signer.sign(message) == await signer.sign(message)


PROMISES: tuple[Callable[[Signer], Coroutine[Any, Any, None]], ...] = (
    it_signs_notes_under_its_name_and_key,
    its_name_and_key_stay,
    the_same_words_have_the_same_signature,
)


async def check(signer: Signer) -> None:
    """Of a strict signer that has signed nothing: one history, each step twice, and no other."""
    if not isinstance(signer, StrictSigner):
        return
    await signer.ready()
    assert (await signer.signed_last())[0] == 0

    def body(size: int, leaves: Sequence[bytes] = _LEAVES) -> bytes:
        return checkpoint_body(signer.name, size, root_of(leaves[:size])).encode()

    first = await signer.sign_tree(body(4), 0, [])
    assert await signer.sign_tree(body(4), 0, []) == first
    await signer.sign_tree(body(8), 4, [root_of(_LEAVES[4:])])
    assert await signer.signed_last() == (8, root_of(_LEAVES))
    for other, size in ((body(4), 0), (body(8, _LEAVES[::-1]), 4), (body(7), 4)):
        assert await _is_refused(signer, other, size)


async def _is_refused(signer: StrictSigner, body: bytes, size: int) -> bool:
    try:
        await signer.sign_tree(body, size, [])
    except AnswerableError:
        return True
    return False
