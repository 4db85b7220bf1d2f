"""What models are saying now, for who listens: in memory, bounded, of no consequence."""

from collections import OrderedDict

_INTERACTIONS_MAX = 32
_CHARS_MAX = 64 * 1024


class Thoughts:
    """The newest interactions that were thought about; what was thought is said to nobody yet."""

    def __init__(self) -> None:
        self._heard: OrderedDict[str, str] = OrderedDict()

    def overhear(self, interaction: str, text: str) -> None:
        whole = self._heard.pop(interaction, "") + text
        self._heard[interaction] = whole[:_CHARS_MAX]
        if len(self._heard) > _INTERACTIONS_MAX:
            self._heard.popitem(last=False)

    def interactions(self) -> list[str]:
        return list(self._heard)

    def forget(self, interaction: str) -> None:
        self._heard.pop(interaction, None)

    def heard(self, interaction: str) -> str:
        return self._heard.get(interaction, "")
