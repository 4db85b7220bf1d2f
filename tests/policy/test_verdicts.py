"""What is allowed: default deny, a forbid wins, a hold wins over an allow, doubt is a deny."""

from pathlib import Path

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from answerable.base.clock import DAY_US, HOUR_US
from answerable.base.money import Money
from answerable.policy.decide import decide, text_of
from answerable.policy.domain import (
    Counters,
    Fact,
    Judgement,
    Request,
    Verdict,
    decode_request,
    encode_request,
)
from answerable.policy.load import PolicySet, load, load_folder
from answerable.policy.reasons import tell_reason
from answerable.policy.schema import Vocabulary

HEAD = "permit (principal, action, resource)"
WIDE = f'@id("wide") {HEAD};'


@pytest.fixture(scope="module")
def shop() -> PolicySet:
    return load_folder(Path(__file__).parent)


def refund(
    usd_minor: int | None = 4_000,
    *,
    grade: int = 2,
    today: int = 0,
    agent: str = "support",
    name: str = "refund",
    currency: str = "USD",
) -> Request:
    return Request(
        agent=agent,
        release="rel_1",
        action="perform",
        name=name,
        grade=grade,
        at_us=0,
        amount=None if usd_minor is None else Money(usd_minor, currency),
        counters=Counters(party_effects_today=today),
    )


def with_facts(**facts: Fact) -> Request:
    return Request(
        agent="a", release="r", action="reply", name="mail", grade=0, at_us=0, facts=facts
    )


@pytest.mark.parametrize(
    ("request_", "verdict", "reason"),
    [
        (refund(20_000), Verdict.ALLOW, "shop.cedar:6 @refund-small"),
        (refund(20_001), Verdict.HOLD, "shop.cedar:19 @refund-large"),
        (refund(50_000), Verdict.HOLD, "shop.cedar:19 @refund-large"),
        (refund(50_001), Verdict.DENY, "default-deny"),
        (refund(None), Verdict.DENY, "default-deny"),
        (refund(100, currency="KWD"), Verdict.DENY, "default-deny"),
        (refund(-1), Verdict.DENY, "negative-amount"),
        (refund(today=2), Verdict.ALLOW, "shop.cedar:6 @refund-small"),
        (refund(today=3), Verdict.DENY, "shop.cedar:38 @refunds-per-party"),
        (refund(grade=1), Verdict.DENY, "shop.cedar:34 @refund-only-to-the-proven"),
        (refund(name="delete_account"), Verdict.DENY, "default-deny"),
        (refund(agent="sales"), Verdict.DENY, "default-deny"),
    ],
)
def test_the_shop_refunds_as_its_file_says(
    shop: PolicySet, request_: Request, verdict: Verdict, reason: str
) -> None:
    found = decide(shop, request_)
    assert (found.verdict, found.reasons) == (verdict, (reason,))
    assert found.ask == (("refunds",) if verdict is Verdict.HOLD else ())


def test_an_empty_set_denies_everything() -> None:
    assert decide(load({}), refund()) == Judgement(Verdict.DENY, ("default-deny",))


def test_a_hold_wins_over_an_allow_and_a_forbid_over_both() -> None:
    hold = f'@id("h2") @hold("b") {HEAD};\n@id("h1") @hold("a") {HEAD};'
    forbid = '@id("no") forbid (principal, action, resource);'
    held = decide(load({"p": f"{WIDE}\n{hold}"}), refund())
    assert held == Judgement(Verdict.HOLD, ("p:2 @h2", "p:3 @h1"), ("b", "a"))
    denied = decide(load({"p": f"{WIDE}\n{hold}\n{forbid}"}), refund())
    assert denied == Judgement(Verdict.DENY, ("p:4 @no",))


OVERFLOW = "when { context.party_effects_today + 9223372036854775807 > 0 }"


def test_a_forbid_that_fails_while_it_is_evaluated_denies() -> None:
    broken = f'@id("cap") forbid (principal, action, resource)\n{OVERFLOW};'
    policies = load({"p": f"{WIDE}\n{broken}"})
    asked = {
        "principal": 'Agent::"a"',
        "action": 'Action::"perform"',
        "resource": 'Tool::"t"',
        "context": {"party_effects_today": 1},
    }
    raw = cedarpy.is_authorized(asked, policies.handle, [])
    assert raw.allowed  # what Cedar alone would have said
    assert decide(policies, refund(today=1)).reasons == ("evaluation-error p:2 @cap",)
    assert decide(policies, refund(today=1)).verdict is Verdict.DENY


def test_a_permit_or_hold_that_fails_denies_and_the_forbids_are_named_too() -> None:
    for broken in (f'@id("b") {HEAD} {OVERFLOW};', f'@id("b") @hold("x") {HEAD} {OVERFLOW};'):
        text = f'{WIDE}\n{broken}\n@id("no") forbid (principal, action, resource);'
        assert decide(load({"p": text}), refund(today=1)) == Judgement(
            Verdict.DENY, ("p:3 @no", "evaluation-error p:2 @b")
        )


def test_the_failing_rule_is_named_among_many() -> None:
    lines = [f'@id("r{n}") {HEAD} when {{ context.grade == {n} }};' for n in range(30)]
    lines[17] = f'@id("r17") {HEAD} {OVERFLOW};'
    policies = load({"p": "\n".join(lines)})
    assert decide(policies, refund(today=1)).reasons == ("evaluation-error p:18 @r17",)
    lines.pop(17)
    policies = load({"p": "\n".join(lines)})
    for n in (0, 9, 10, 11, 28):
        ref = policies.statements[n].ref
        grade = int(policies.statements[n].id[1:])
        assert decide(policies, refund(grade=grade)).reasons == (ref,)


def test_a_fact_is_of_its_declared_type_or_the_answer_is_no() -> None:
    vocabulary = Vocabulary(facts={"is_vip": bool, "days": int})
    text = f'{WIDE}\n@id("v") forbid (principal, action, resource) when {{ context.facts has is_vip'
    policies = load({"p": f"{text} && context.facts.is_vip }};"}, vocabulary)
    assert decide(policies, with_facts()).verdict is Verdict.ALLOW
    assert decide(policies, with_facts(is_vip=True)).reasons == ("p:2 @v",)
    assert decide(policies, with_facts(is_vip=1)).reasons == ("fact-of-wrong-type is_vip",)
    assert decide(policies, with_facts(days=True)).reasons == ("fact-of-wrong-type days",)
    assert decide(policies, with_facts(unheard_of="x", __entity="y")).verdict is Verdict.ALLOW


def test_what_cannot_be_written_down_is_denied() -> None:
    vocabulary = Vocabulary(facts={"days": int, "word": str})
    wide = f'{WIDE}\n@id("d") forbid (principal, action, resource) when {{ context.facts has days'
    policies = load({"p": f"{wide} && context.facts.days > 9 }};"}, vocabulary)
    for unreadable in (with_facts(days=2**64), with_facts(days=2**200), with_facts(word="\ud800")):
        assert decide(policies, unreadable).verdict is Verdict.DENY
    assert decide(policies, refund(agent="\ud800")).reasons == ("request-unreadable",)


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_a_name_is_a_name_whatever_is_written_in_it(agent: str, name: str) -> None:
    text = (
        '@id("a") permit (principal == Agent::"support", action, resource);\n'
        '@id("b") permit (principal, action, resource == Tool::"refund");'
    )
    found = decide(load({"p": text}), refund(agent=agent, name=name)).verdict
    assert found is (Verdict.ALLOW if agent == "support" or name == "refund" else Verdict.DENY)


def test_names_written_as_syntax_match_nothing(shop: PolicySet) -> None:
    for agent in ('support"', 'x" || Agent::"support', "support\n", "support\x00", "Support"):
        assert decide(shop, refund(agent=agent)).reasons == ("default-deny",)


def test_hour_and_weekday_are_those_of_the_time_given() -> None:
    text = f'@id("h") {HEAD} when {{ context.hour == 14 && context.weekday == 4 }};'
    policies = load({"p": text})
    for at_us, verdict in [
        (14 * HOUR_US, Verdict.ALLOW),  # 1970-01-01 was a Thursday
        (15 * HOUR_US, Verdict.DENY),
        (DAY_US + 14 * HOUR_US, Verdict.DENY),
        (7 * DAY_US + 15 * HOUR_US - 1, Verdict.ALLOW),
    ]:
        asked = Request(agent="a", release="r", action="reply", name="mail", grade=0, at_us=at_us)
        assert decide(policies, asked).verdict is verdict


def test_a_rule_that_takes_the_context_whole_gets_all_of_it() -> None:
    text = f'@id("w") {HEAD} when {{ [context].contains(context) && context.grade == 2 }};'
    policies = load({"p": text})
    assert policies.needed is None
    assert decide(policies, refund()).verdict is Verdict.ALLOW


def test_each_reason_is_a_rule_as_it_was_written_or_ours_in_words(shop: PolicySet) -> None:
    (held,) = decide(shop, refund(30_000)).reasons
    assert held == "shop.cedar:19 @refund-large"
    assert tell_reason(held) == ""
    assert "context.amount.minor <= 50000" in text_of(shop, held)
    (denied,) = decide(shop, refund(60_000)).reasons
    assert (tell_reason(denied), text_of(shop, denied)) == ("No rule permits it.", "")
    policies = load({"p": f'{WIDE}\n@id("b") {HEAD} {OVERFLOW};'})
    (failed,) = decide(policies, refund(today=1)).reasons
    assert failed == "evaluation-error p:2 @b"
    assert tell_reason(failed).startswith("A rule could not be evaluated")
    assert OVERFLOW in text_of(policies, failed)


def test_a_request_reads_back_as_it_was_written() -> None:
    asked = refund(30_000, today=2)
    assert decode_request(encode_request(asked)) == asked
    facts = with_facts(a="x", b=1, c=True)
    again = decode_request(encode_request(facts))
    assert again == facts
    assert type(again.facts["c"]) is bool
    assert encode_request(with_facts(b=1, a="x")) == encode_request(with_facts(a="x", b=1))


rules = st.tuples(
    st.sampled_from(["permit", "hold", "forbid"]),
    st.sampled_from(["<", "<=", "==", "!=", ">", ">="]),
    st.integers(0, 3),
    st.booleans(),  # also fails when evaluated
)


def says(op: str, left: int, right: int) -> bool:
    order = (left > right) - (left < right)
    return order in {"<": {-1}, "<=": {-1, 0}, "==": {0}, "!=": {-1, 1}, ">": {1}, ">=": {0, 1}}[op]


@given(st.lists(rules, max_size=6), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_the_verdict_is_that_of_the_three_sentences(
    drawn: list[tuple[str, str, int, bool]], grade: int
) -> None:
    text = ""
    for n, (kind, op, level, fails) in enumerate(drawn):
        head = {"permit": "permit", "hold": '@hold("q") permit', "forbid": "forbid"}[kind]
        also = f"&& context.hour + {2**63 - 1 if fails else 1} > 0"
        when = f"context.grade {op} {level} {also}"
        text += f'@id("r{n}") {head} (principal, action, resource) when {{ {when} }};\n'
    asked = Request(agent="a", release="r", action="reply", name="m", grade=grade, at_us=HOUR_US)
    found = decide(load({"p": text}), asked)
    live = [(kind, fails) for kind, op, level, fails in drawn if says(op, grade, level)]
    matched = [kind for kind, fails in live if not fails]
    if any(fails for _, fails in live) or "forbid" in matched or not matched:
        expected = Verdict.DENY
    else:
        expected = Verdict.HOLD if "hold" in matched else Verdict.ALLOW
    assert found.verdict is expected
    assert found.reasons
