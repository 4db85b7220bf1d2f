"""What a witness answers when it does not cosign: the statuses of C2SP tlog-witness."""

SIZE_MEDIA = "text/x.tlog.size"
TEXT_MEDIA = "text/plain; charset=utf-8"


class NotCosigned(Exception):
    """Nothing was signed, and what the witness remembers is as it was."""

    def __init__(self, status: int, text: str, media: str = TEXT_MEDIA) -> None:
        self.status = status
        self.text = text if text.endswith("\n") else f"{text}\n"
        self.media = media
        super().__init__(f"{status} {text.strip()}")


def conflict(size: int) -> NotCosigned:
    """409: the size that was cosigned last, which is where a proof has to begin."""
    return NotCosigned(409, f"{size}\n", SIZE_MEDIA)
