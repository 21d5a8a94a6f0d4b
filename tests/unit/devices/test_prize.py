"""What a visit is worth, and why."""

from dataclasses import replace
from datetime import date, timedelta

from devices.switchover.planning.prize import Factors, Harm, LineState, assess

TODAY = date(2026, 11, 23)
UNTIL = date(2027, 7, 1)
PLAIN = Factors(LineState.ANALOGUE, days_since_proven=20)


def worth(known: Factors) -> float:
    return assess(known, TODAY).harm.avoided(TODAY, UNTIL)


def test_an_analogue_unit_on_a_digital_line_comes_before_one_on_an_analogue_line() -> None:
    assert worth(replace(PLAIN, line=LineState.ANALOGUE_ON_DIGITAL)) > 3 * worth(PLAIN)


def test_every_factor_is_said_in_words_the_weightiest_cause_first() -> None:
    known = Factors(
        LineState.READY_ON_ANALOGUE,
        telco_on=TODAY + timedelta(days=30),
        failed_calls=3,
        failed_handshakes=29,
        handshakes_until=date(2026, 10, 31),
        model_failure_rate=0.2,
        only_2g=True,
        battery_years=7,
        risk_tier="A",
        lives_alone=True,
        no_mobile=True,
        life_safety_detectors=True,
        days_since_proven=None,
        battery_low_on=date(2026, 11, 20),
    )
    assessed = assess(known, TODAY)
    assert {factor.key: factor.words for factor in assessed.factors} == {
        "line": "a digital-ready unit that still talks over an analogue line",
        "telco": "the line goes digital on 23 December 2026, in 30 days",
        "failed_calls": "3 failed calls lately",
        "handshakes": "29 failed handshakes up to 31 October 2026, as the receiving centre counted",
        "model": "units of this model fail 20.0% of the time",
        "only_2g": "its only mobile network is 2G",
        "battery": "in homes for 7 years, on a battery that nobody is known to have changed",
        "battery_low": "its battery was low on 20 November 2026",
        "unproven": "never proven",
        "tier": "risk tier A",
        "alone": "lives alone",
        "no_mobile": "has no mobile telephone",
        "detectors": "smoke, heat or carbon monoxide detectors hang on it",
    }
    chances = [factor.value for factor in assessed.factors if factor.is_cause]
    assert chances == sorted(chances, reverse=True)


def test_a_telco_date_makes_harm_jump_on_that_day_and_a_past_one_at_once() -> None:
    ahead = assess(replace(PLAIN, telco_on=TODAY + timedelta(days=10)), TODAY).harm
    past = assess(replace(PLAIN, telco_on=TODAY - timedelta(days=1)), TODAY).harm
    assert ahead.changes_on == TODAY + timedelta(days=10)
    assert past.changes_on is None
    assert past.a_day == ahead.a_day_later > 10 * ahead.a_day


def test_a_line_that_is_digital_from_end_to_end_does_not_care_for_the_telcos_date() -> None:
    known = replace(PLAIN, line=LineState.DIGITAL)
    assert assess(replace(known, telco_on=TODAY), TODAY) == assess(known, TODAY)


def test_harm_avoided_counts_days_before_and_after_the_change() -> None:
    harm = Harm(1.0, date(2026, 12, 3), 10.0)
    until = date(2026, 12, 13)
    assert harm.avoided(date(2026, 11, 23), until) == 10 + 100
    assert harm.avoided(date(2026, 12, 8), until) == 50
    assert harm.avoided(date(2026, 12, 20), until) == 0
    assert harm.avoided(date(2026, 11, 23), date(2026, 12, 1)) == 8
