"""The home's own second key: ML-DSA-44 over each head that goes to its witnesses.

The log is signed with Ed25519. This word is a cosignature under the log's own name (C2SP
tlog-cosignature, type 0x06): who demands it in a policy does not rest on Ed25519 alone. It never
goes back: what it was last over must be the beginning of what it is over next.
"""

from pathlib import Path

import msgspec

from answerable.base.chance import Chance
from answerable.base.clock import SECOND_US, iso
from answerable.ledger import mldsa
from answerable.ledger.cosignature import ML_DSA_44, CosignerKey, cosign
from answerable.ledger.cosigned import cosigned_file, cosigned_files
from answerable.ledger.note import NoteError, note_text, parse_checkpoint
from answerable.ledger.tiles import TileMissing, TileReader
from answerable.ledger.tree import ProofError, consistency_proof, verify_consistency
from answerable.store.files import SecretLost, read_or_create_private, replace_file
from answerable.worker.publisher import TILES
from answerable.worker.witnessing.memory import Remembered, Said

KEY_FILE = "ml-dsa.key"
VKEY_FILE = "ml-dsa.vkey"
_SEED_BYTES = 32


class OwnWord:
    """Signs heads of one home. Its private key is in a file of the home, as the home.key is."""

    def __init__(self, home: Path, origin: str, chance: Chance) -> None:
        """Makes the key where there is none. Raises NoMlDsa, SecretLost, Broken."""
        self._home = home

        def make() -> bytes:
            if (home / VKEY_FILE).exists():
                raise SecretLost(home / KEY_FILE, "nobody who demands its word believes this log")
            return chance.token(_SEED_BYTES)

        self._private = mldsa.private_key(read_or_create_private(home / KEY_FILE, make))
        self.key = CosignerKey(origin, ML_DSA_44, self._private.public_bytes())
        vkey = f"{self.key.encode()}\n".encode()
        if not (home / VKEY_FILE).exists() or (home / VKEY_FILE).read_bytes() != vkey:
            replace_file(home / VKEY_FILE, vkey)

    def say(self, note: str, before: Remembered, now_s: int) -> Said:
        """Its line over a published head. Never raises: what goes wrong is remembered."""
        asked = msgspec.structs.replace(before, asked_at_s=now_s, error="")
        body = note_text(note)
        size = parse_checkpoint(body).size
        signed = before.size or self._kept()
        try:
            self._check_continues(body, signed)
        except (OSError, NoteError, TileMissing) as error:
            said = f"what it signed last cannot be looked at: {error}"
            return Said(msgspec.structs.replace(asked, error=said))
        except ProofError:
            said = (
                f"at {iso(now_s * SECOND_US)} it refused: it has signed {signed} entries of this "
                f"log, and the {size} that are published do not continue them"
            )
            return Said(msgspec.structs.replace(asked, refused=before.refused or said))
        line = cosign(self.key, self._private.sign, body, now_s)
        return Said(msgspec.structs.replace(asked, size=size, at_s=now_s), line)

    def _kept(self) -> int:
        """The newest head that the home has kept with words over it: where it remembers nothing of
        its own, this one is continued all the same."""
        return max((size for size, _ in cosigned_files(self._home)), default=0)

    def _check_continues(self, body: str, size: int) -> None:
        """Raises ProofError where it does not."""
        if not size:
            return
        head = parse_checkpoint(body)
        kept = cosigned_file(self._home, size).read_text(encoding="utf-8")
        before = parse_checkpoint(note_text(kept))
        if head.size < size:
            raise ProofError(f"{head.size} entries do not continue {size}.")
        node = TileReader(self._home / TILES, head.size).node
        proof = consistency_proof(size, head.size, node)
        verify_consistency(size, head.size, proof, before.root, head.root)
