"""Why a unit must go, with the day of each reason: batteries by age and model, 2G by its network."""

from datetime import date

import pytest

from devices.switchover.programmes.domain import Cause, ReasonKind, UnitFacts, concerns, dated, due, reasons

END = date(2030, 6, 30)


def days(kind: ReasonKind, facts: UnitFacts) -> list[date | None]:
    return [each.on for each in reasons(facts) if each.kind == kind]


def test_a_battery_is_due_by_its_age_and_model_or_as_entered() -> None:
    aged = UnitFacts("digital", battery_years=4, fitted_on=date(2024, 2, 29))
    assert days(ReasonKind.BATTERY, aged) == [date(2028, 2, 29)]
    assert days(ReasonKind.BATTERY, UnitFacts("digital", battery_years=3, fitted_on=date(2024, 2, 29))) == [
        date(2027, 2, 28)
    ]
    entered = UnitFacts("digital", battery_due_on=date(2027, 3, 1), battery_years=4, fitted_on=date(2024, 2, 29))
    assert days(ReasonKind.BATTERY, entered) == [date(2027, 3, 1)]
    assert days(ReasonKind.BATTERY, UnitFacts("digital", battery_years=4)) == []
    assert days(ReasonKind.BATTERY, UnitFacts("digital", fitted_on=date(2024, 2, 29))) == []
    (why,) = reasons(aged)
    assert why.words == "Its battery, in homes since 29 February 2024, is good for 4 years"
    assert concerns(Cause.BATTERY, END, None, aged, (why,)) == (why,)
    assert concerns(Cause.BATTERY, date(2028, 2, 28), None, aged, (why,)) == ()


@pytest.mark.parametrize(
    ("network", "on"),
    [
        ("EE", date(2029, 5, 1)),
        ("VodafoneThree", date(2030, 1, 1)),
        ("Three", date(2030, 1, 1)),
        ("Northern Mobile", None),
        (None, None),
    ],
)
def test_2g_ends_on_the_day_that_its_network_has_announced_and_of_others_none_is_made_up(
    network: str | None, on: date | None
) -> None:
    facts = UnitFacts("digital", radio="2g", network=network)
    known = reasons(facts)
    assert [each.on for each in known] == [on]
    assert (concerns(Cause.RADIO_2G, END, "ee", facts, known) == known) == (network == "EE")
    own = concerns(Cause.RADIO_2G, END, None, facts, known)
    assert [each.on for each in dated(Cause.RADIO_2G, END, own, known)] == [on or END], "a programme has a day"
    assert due(END, own) == (on or END)
    assert dated(Cause.SUPPORT_END, END, (), known) == known
