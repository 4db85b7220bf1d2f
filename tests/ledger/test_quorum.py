"""A quorum is met by organisations, never by keys; a policy that is not clear does not load."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.ledger.cosignature import Cosignature, CosignerKey
from answerable.ledger.quorum import Policy, PolicyWrong, parse_policy
from small_ledger import SIGNER

LOG = f"log {SIGNER.vkey.encode()}"


def key(name: str, number: int, type_: int = 4) -> CosignerKey:
    return CosignerKey(name, type_, bytes([number]) * (32 if type_ == 4 else 1312))


A1, A2, A3 = (key(f"acme.example/w{n}", n) for n in (1, 2, 3))
B1, C1 = key("bank.example/w1", 4), key("court.example/w1", 5)
ALL = {"a1": A1, "a2": A2, "a3": A3, "b1": B1, "c1": C1}
WITNESSES = "".join(f"witness {name} {each.encode()}\n" for name, each in ALL.items())


def policy(rest: str) -> Policy:
    return parse_policy(WITNESSES + rest)


def wrong(text: str) -> str:
    with pytest.raises(PolicyWrong) as told:
        parse_policy(text)
    return str(told.value)


def test_two_keys_of_one_organisation_count_once() -> None:
    two = policy("group g 2 a1 a2 b1 c1\nquorum g\n")
    assert not two.is_met([A1])
    assert not two.is_met([A1, A2])
    assert two.is_met([A1, B1])
    assert two.is_met([B1, C1])
    assert not two.is_met([])


def test_a_number_that_only_keys_could_reach_does_not_load() -> None:
    assert "2 of 1 organisations" in wrong(WITNESSES + "group g 2 a1 a2 a3\nquorum g\n")
    assert "3 of 2 organisations" in wrong(WITNESSES + "group g 3 a1 a2 b1\nquorum g\n")


def test_an_organisation_does_not_count_in_two_groups() -> None:
    said = wrong(WITNESSES + "group x any a1 b1\ngroup y any a2 c1\ngroup g 2 x y\nquorum g\n")
    assert "'acme.example'" in said
    assert "twice" in said


def test_all_asks_for_each_key() -> None:
    every = policy("group acme all a1 a2\ngroup g 2 acme b1 c1\nquorum g\n")
    assert not every.is_met([A1, B1])
    assert every.is_met([A1, A2, B1])
    assert every.is_met([B1, C1])


def test_groups_of_groups_and_single_witnesses() -> None:
    nested = policy(
        "group acme any a1 a2 a3\ngroup rest any b1 c1\ngroup g all acme rest\nquorum g"
    )
    assert nested.is_met([A3, C1])
    assert not nested.is_met([A1, A2, A3])
    assert policy("quorum b1\n").is_met([B1])
    assert not policy("quorum b1\n").is_met([A1, C1])
    assert policy("quorum none\n").is_met([])


def test_the_example_of_the_specification_is_read() -> None:
    names = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
    keys = {name: key(f"{name.lower()}.example/w", 10 + n) for n, name in enumerate(names)}
    w = {name: f"witness {name} {each.encode()}" for name, each in keys.items()}
    read = parse_policy(
        f"{LOG}\n\n{w['X1']}\n{w['X2']}\n{w['X3']} https://x3.example/\n"
        "group X-witnesses 2 X1 X2 X3\n\n  # the others\n"
        f"{w['Y1']}\n\t{w['Y2']}\n{w['Y3']}\ngroup Y-witnesses any Y1 Y2 Y3\n\n"
        "group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
    )
    assert read.logs == [SIGNER.vkey]
    assert read.is_met([keys["X1"], keys["X3"], keys["Y2"]])
    assert not read.is_met([keys["X1"], keys["Y1"], keys["Y2"], keys["Y3"]])


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "quorum g\n",
        "quorum g\ngroup g any a1\n",
        "quorum a1\nquorum a1\n",
        "group g any\nquorum g\n",
        "group g 0 a1\nquorum g\n",
        "group g 02 a1 b1\nquorum g\n",
        "group g -1 a1\nquorum g\n",
        "group g most a1\nquorum g\n",
        "group g any a1 a1\nquorum g\n",
        "group f any a1\ngroup g any a1 b1\nquorum g\n",
        "group g any g\nquorum g\n",
        "group g any none\nquorum g\n",
        "group none any a1\nquorum a1\n",
        "group a1 any b1\nquorum a1\n",
        "group g any a1\ngroup g any b1\nquorum g\n",
        f"witness a1 {key('d.example/w', 9).encode()}\nquorum a1\n",
        f"witness again {A1.encode()}\nquorum again\n",
        f"witness renamed {CosignerKey('other.example/w', 4, A1.public_key).encode()}\nquorum a1\n",
        f"witness log {SIGNER.vkey.encode()}\nquorum a1\n",
        f"log {A1.encode()}\nquorum a1\n",
        f"{LOG}\n{LOG}\nquorum a1\n",
        "witness w1 notakey\nquorum a1\n",
        "quorum a1 b1\n",
        "Quorum a1\n",
        "quorum\ra1\n",
        "quorum a1\x00\n",
    ],
)
def test_what_is_not_clear_does_not_load(rest: str) -> None:
    assert wrong(WITNESSES + rest)


def word(who: CosignerKey, at_s: int) -> Cosignature:
    return Cosignature(who, at_s)


def test_few_wrong_clocks_do_not_move_the_time() -> None:
    two = policy("group g 2 a1 a2 b1 c1\nquorum g\n")
    assert two.interval([word(A1, 100), word(B1, 110), word(C1, 120)]) == (110, 110)
    assert two.interval([word(A1, 0), word(B1, 110), word(C1, 120)]) == (110, 110)
    assert two.interval([word(A1, 0), word(A2, 1), word(B1, 110), word(C1, 120)]) == (110, 110)
    assert two.interval([word(A1, 100), word(A2, 9_999)]) is None
    assert two.interval([word(A1, 100), word(B1, 300)]) == (100, 300)


@given(st.sets(st.sampled_from(sorted(ALL))))
def test_of_a_flat_group_the_organisations_are_what_is_counted(names: set[str]) -> None:
    two = policy("group g 2 a1 a2 a3 b1 c1\nquorum g\n")
    orgs = {name[0] for name in names}
    assert two.is_met([ALL[name] for name in names]) == (len(orgs) >= 2)
