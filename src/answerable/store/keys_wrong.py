"""What is wrong with a key store that is not as it was written."""

from answerable.base.errors import Broken, Unreadable


class KeyMissing(Broken):
    """A key that was made is not in the file: the file is older than what was sealed since.

    Not one body's trouble: work stops, so that nothing acknowledged is taken for erased.
    """

    code = "key_missing"

    def __init__(self, kid: str) -> None:
        self.kid = kid
        super().__init__(
            f"Key '{kid}' is not in keys.db, and was not destroyed: an older file was put back.",
            "Nothing was read, and nothing that waits was given up.",
            "put back the newest keys.db of this home, then start the worker",
        )


class KeyUnreadable(Unreadable):
    """One key's row is not as it was written; the home's key opens the others."""

    code = "key_unreadable"

    def __init__(self, kid: str) -> None:
        self.kid = kid
        super().__init__(
            f"Key '{kid}' is damaged in the key store: the home's key does not open it.",
            "What it sealed was not read; other keys are not touched.",
            "restore keys.db from a backup, then repeat the command",
        )
