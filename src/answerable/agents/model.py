"""Which model an agent thinks with, read from its declaration. Pure; never a secret."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_PROTOCOLS = {
    "openai": ("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "anthropic": ("https://api.anthropic.com", "ANTHROPIC_API_KEY"),
}
_TEXT = ("use", "base_url", "key_env", "temperature", "top_p")
_WHOLE = (
    "max_tokens", "seed", "deadline_s", "first_s", "between_s",
    "input_micros_per_million", "output_micros_per_million",
)  # fmt: skip
SETTINGS = _TEXT + _WHOLE
_ENVIRONMENT = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_SENT = ("max_tokens", "temperature", "top_p", "seed")  # of these the provider hears


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """`Agent(model={"use": "openai:gpt-5-mini", ...})`, understood.

    `key_env` is the variable of the environment that holds the key, never the key. Where
    `base_url` names another endpoint, no key is sent unless `key_env` says which. Deadlines are
    whole seconds: until the first words, between two of them, and for the whole answer.
    """

    use: str
    protocol: str
    name: str
    base_url: str
    key_env: str
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    max_tokens: int = 4_096
    deadline_s: int = 20
    first_s: int = 10
    between_s: int = 10
    input_micros_per_million: int | None = None
    output_micros_per_million: int | None = None

    @property
    def is_providers_own(self) -> bool:
        """Whether it is asked where its provider serves it, at the provider's price."""
        return self.base_url == _PROTOCOLS[self.protocol][0]


def choice_of(settings: Mapping[str, str | int]) -> ModelChoice | None:
    """What `settings` choose; None where they name no model. Raises ValueError."""
    if "use" not in settings:
        return None
    for key, value in settings.items():
        _check(key, value)
    protocol, _, name = str(settings["use"]).partition(":")
    if protocol not in _PROTOCOLS or not name:
        known = " or ".join(f"`{one}:NAME`" for one in _PROTOCOLS)
        raise ValueError(f"`use` is {known}, for a model of another make with its `base_url`")
    base_url, key_env = _PROTOCOLS[protocol]
    if "base_url" in settings:
        base_url, key_env = _endpoint(str(settings["base_url"])), ""
    whole = {key: int(settings[key]) for key in _WHOLE if key in settings}
    both = ("input_micros_per_million" in whole) == ("output_micros_per_million" in whole)
    if not both:
        raise ValueError("a price has two sides: `input_...` and `output_micros_per_million`")
    return ModelChoice(
        use=str(settings["use"]), protocol=protocol, name=name, base_url=base_url,
        key_env=str(settings.get("key_env", key_env)),
        temperature=_number(settings, "temperature"), top_p=_number(settings, "top_p"),
        **whole,
    )  # fmt: skip


def params_of(choice: ModelChoice) -> dict[str, str | int]:
    """What the provider is asked to keep to, as an entry holds it."""
    values = {key: getattr(choice, key) for key in _SENT}
    return {
        key: value if isinstance(value, int) else f"{value:g}"
        for key, value in values.items()
        if value is not None
    }


def price_of(choice: ModelChoice, input_tokens: int, output_tokens: int) -> int | None:
    """Millionths of a dollar at the declared price, rounded up; None where none is declared."""
    if choice.input_micros_per_million is None or choice.output_micros_per_million is None:
        return None
    total = (
        input_tokens * choice.input_micros_per_million
        + output_tokens * choice.output_micros_per_million
    )
    return -(-total // 1_000_000)


def _check(key: str, value: str | int) -> None:
    if key in ("api_key", "key", "token"):
        raise ValueError(f"`{key}`: a release holds no secret; `key_env` names its variable")
    if key not in SETTINGS:
        raise ValueError(f"`{key}` is no setting of a model ({', '.join(SETTINGS)})")
    if key in _WHOLE and (not isinstance(value, int) or value < (0 if "micros" in key else 1)):
        raise ValueError(f"`{key}` is a whole number above zero")
    if key in _TEXT and not isinstance(value, str):
        raise ValueError(f"`{key}` is text")
    if key == "key_env" and not _ENVIRONMENT.match(str(value)):
        raise ValueError("`key_env` is the name of a variable, such as OPENAI_API_KEY")


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("`base_url` is an http or https address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "`base_url` holds no name, password or query: they would be in the release"
        )
    return url


def _number(settings: Mapping[str, str | int], key: str) -> float | None:
    if key not in settings:
        return None
    try:
        return float(settings[key])
    except ValueError:
        raise ValueError(f"`{key}` is a number written as text, such as '0.2'") from None
