"""What a home runs with is shown whole: what was said, what nobody said, and no secret."""

from answerable.base.settings import Settings, parse_settings
from answerable.compose.effective import _walk, effective

TEXT = """
agents = ["shop:support"]

[rails.email]
use = "shop:rail"
agent = "support"

[worker]
stall_s = 5.0
"""


def test_what_was_said_is_told_from_defaults_even_where_it_is_the_same() -> None:
    found = {one.name: one for one in effective(parse_settings(TEXT, "x"), TEXT)}
    said = {name for name, one in found.items() if not one.is_default}
    assert said == {"agents", "rails.email.use", "rails.email.agent", "worker.stall_s"}
    assert found["agents"].value == "shop:support"
    assert found["worker.in_flight_max"].value == "256"


def test_without_a_file_all_are_defaults() -> None:
    assert all(one.is_default for one in effective(Settings(), ""))


def test_what_may_be_a_secret_is_not_shown() -> None:
    values = {"mail": {"password": "hunter2", "api_key": "k", "auth_token": "t", "keyboard": "us"}}
    shown = {one.name: one.value for one in _walk(values, values, "")}
    assert shown.pop("mail.keyboard") == "us"
    assert set(shown.values()) == {"(not shown)"}
    (address,) = _walk({"url": "https://kim:hunter2@acme.example/a@b"}, {}, "")
    assert address.value == "https://(not shown)@acme.example/a@b"
