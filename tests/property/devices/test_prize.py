"""The prize rises with everything that makes leaving a home as it is worse."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from devices.switchover.planning.prize import Factors, LineState, assess

TODAY = date(2026, 11, 23)
UNTIL = date(2027, 7, 1)
chance = st.floats(0, 1)

factors = st.builds(
    Factors,
    line=st.sampled_from(LineState),
    telco_on=st.none() | st.dates(date(2026, 10, 1), date(2027, 6, 1)),
    failed_calls=st.integers(0, 60),
    failed_handshakes=st.integers(0, 60),
    model_failure_rate=chance,
    only_2g=st.booleans(),
    battery_years=st.none() | st.floats(0, 15),
    risk_tier=st.sampled_from("ABCD"),
    lives_alone=st.booleans(),
    no_mobile=st.booleans(),
    life_safety_detectors=st.booleans(),
    days_since_proven=st.none() | st.integers(0, 2000),
)
LINES = sorted(LineState, key=lambda line: assess(Factors(line, days_since_proven=0), TODAY).harm.a_day)


def worse(known: Factors, by: int) -> dict[str, Factors]:
    """The same home, a little worse in one way each."""
    changed = {
        "calls": replace(known, failed_calls=known.failed_calls + by),
        "handshakes": replace(known, failed_handshakes=known.failed_handshakes + by),
        "model": replace(known, model_failure_rate=min(1.0, known.model_failure_rate + by / 50)),
        "2g": replace(known, only_2g=True),
        "battery": replace(known, battery_years=(known.battery_years or 0) + by),
        "tier": replace(known, risk_tier=chr(max(ord("A"), ord(known.risk_tier) - 1))),
        "alone": replace(known, lives_alone=True),
        "mobile": replace(known, no_mobile=True),
        "detectors": replace(known, life_safety_detectors=True),
        "never proven": replace(known, days_since_proven=None),
        "line": replace(known, line=LINES[min(len(LINES) - 1, LINES.index(known.line) + 1)]),
    }
    if known.days_since_proven is not None:
        changed["unproven"] = replace(known, days_since_proven=known.days_since_proven + by)
    if known.telco_on is not None:
        changed["telco"] = replace(known, telco_on=known.telco_on - timedelta(days=by))
    return changed


@given(factors, st.integers(1, 40), st.dates(TODAY, date(2027, 2, 1)))
def test_the_prize_never_falls_when_one_factor_gets_worse(known: Factors, by: int, day: date) -> None:
    before = assess(known, TODAY).harm.avoided(day, UNTIL)
    for name, changed in worse(known, by).items():
        assert assess(changed, TODAY).harm.avoided(day, UNTIL) >= before - 1e-9, name


@given(factors, st.dates(TODAY, date(2027, 2, 1)), st.integers(0, 100))
def test_a_later_visit_never_avoids_more(known: Factors, day: date, later: int) -> None:
    harm = assess(known, TODAY).harm
    assert 0 <= harm.avoided(day + timedelta(days=later), UNTIL) <= harm.avoided(day, UNTIL)
