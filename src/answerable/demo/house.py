"""The day's house: production's rooms, with the day's clock, its agent, and its outside."""

from importlib.resources import files
from pathlib import Path

from answerable.compose.house import Plan
from answerable.demo.agent import AGENT, tea_agent
from answerable.demo.dayclock import DayClock
from answerable.demo.doors import Mail
from answerable.pipeline.hall import Line
from answerable.policy.load import load
from answerable.policy.schema import Vocabulary

PLAN = "answerable.demo.house:plan"
ORIGIN = "brindlewick.example/day"
_BACKLOG_MAX = 400  # small, so that the day's clock cannot run far ahead of the work
_IN_FLIGHT_MAX = 200


def outside_of(home: Path) -> Path:
    """Where the outside of this day lives: a folder of its own, which the platform never reads."""
    return home / "outside"


def plan(home: Path) -> Plan:
    outside = outside_of(home)
    text = (files("answerable.demo") / "policies" / "shop.cedar").read_text(encoding="utf-8")
    vocabulary = Vocabulary(
        agents=frozenset({AGENT}), tools=frozenset({"refund"}), rails=frozenset({"email", "chat"})
    )
    return Plan(
        home=home,
        blueprints=(tea_agent(outside),),
        lines={
            rail: Line(Mail(outside, rail=rail, identifier_kind=kind), AGENT)
            for rail, kind in (("email", "email"), ("chat", "chat"))
        },
        policy=load({"shop.cedar": text}, vocabulary),
        origin=ORIGIN,
        clock=DayClock.open(home),
        backlog_max=_BACKLOG_MAX,
        in_flight_max=_IN_FLIGHT_MAX,
    )
