"""Councils by whatever name or code."""

import pytest

from devices.registry.councils import COUNCILS, FORMER_CODES, UnknownCouncilError, present_code


@pytest.mark.parametrize("code", COUNCILS)
def test_a_code_and_its_name_are_one(code: str) -> None:
    assert present_code(code) == code
    assert present_code(COUNCILS[code]) == code
    assert present_code(f" {COUNCILS[code].upper()}  council ") == code


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("S12000015", "S12000047"),
        ("s12000024", "S12000048"),
        ("S12000043", "S12000049"),
        ("S12000046", "S12000049"),
        ("S12000044", "S12000050"),
        ("S12000009", "S12000045"),
        ("S12000016", "S12000049"),
        ("S12000012", "S12000036"),
        ("Glasgow", "S12000049"),
        ("City of Glasgow Council", "S12000049"),
        ("Edinburgh", "S12000036"),
        ("Perth & Kinross", "S12000048"),
        ("The Highland Council", "S12000017"),
        ("Comhairle nan Eilean Siar", "S12000013"),
        ("Eilean Siar", "S12000013"),
        ("Orkney", "S12000023"),
    ],
)
def test_former_codes_and_other_names(asked: str, code: str) -> None:
    assert present_code(asked) == code


def test_former_codes_lead_to_present_ones() -> None:
    assert set(FORMER_CODES.values()) <= set(COUNCILS)
    assert not set(FORMER_CODES) & set(COUNCILS)


def test_every_code_that_was_ever_given_is_understood() -> None:
    assert FORMER_CODES.keys() | COUNCILS.keys() == {f"S120000{number:02d}" for number in range(1, 51)}


def test_the_councils_of_1996_were_numbered_by_their_names() -> None:
    """So the first 32 codes, whatever became of them, stand for the 32 names in their order of then."""
    then = {"S12000013": "Eilean Siar", "S12000036": "Edinburgh"}
    first = [present_code(f"S120000{number:02d}") for number in range(1, 33)]
    names = [then.get(code, COUNCILS[code]) for code in first]
    assert len(set(first)) == 32
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("Fyfe", "Fife (S12000047)"),
        ("Argyl and Bute", "Argyll and Bute"),
        ("S12000051", "S120000"),
        ("Kent", "GSS"),
        ("Elean Siar", "did you mean Na h-Eileanan Siar (S12000013)?"),
    ],
)
def test_an_unknown_one_names_what_is_near(asked: str, near: str) -> None:
    with pytest.raises(UnknownCouncilError, match="no council is called") as refused:
        present_code(asked)
    assert near in str(refused.value)
