"""Whether somebody is protected, with why and since when, case by case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from devices.presence.domain import Presence
from devices.presence.verdict import Change
from devices.registry.domain import Connection, RiskTier
from telecare.protection.domain import Facts, Protection, Reason, Standing, Trouble, Unit, derive, judge
from telecare.protection.losses import p95

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
WITHIN = timedelta(hours=1)
PUT_UP = NOW - timedelta(days=30)
ONLINE_SINCE = NOW - timedelta(days=3)
HEARD = Unit(
    "H1",
    Connection.DIGITAL,
    PUT_UP,
    PUT_UP,
    Presence.ONLINE,
    ONLINE_SINCE,
    NOW,
    mains=True,
    battery_pct=100,
    seen_at=NOW,
)


def ago(minutes: int) -> datetime:
    return NOW - timedelta(minutes=minutes)


def stands(*units: Unit) -> Standing:
    return derive(Facts(RiskTier.A, units), NOW, WITHIN)


def test_whoever_has_a_unit_that_is_heard_is_protected() -> None:
    found = stands(HEARD)
    assert (found.state, found.reasons, found.since, found.hub_id) == (Protection.PROTECTED, (), ONLINE_SINCE, "H1")


@pytest.mark.parametrize(
    ("type_", "reason"),
    [
        ("trigger_lost", Reason.TRIGGER_LOST),
        ("jammed", Reason.JAMMED),
        ("path_lost", Reason.ONE_PATH),
        ("mains_fail", Reason.ON_BATTERY),
        ("hub_battery_low", Reason.BATTERY_LOW),
        ("trigger_battery_low", Reason.TRIGGER_BATTERY_LOW),
    ],
)
def test_a_fault_degrades_from_when_it_was_raised(type_: str, reason: Reason) -> None:
    found = stands(replace(HEARD, seen_at=ago(60), troubles=(Trouble(type_, "p1", ago(50)),)))
    assert (found.state, found.reasons, found.since) == (Protection.DEGRADED, (reason,), ago(50))


def test_what_a_unit_says_of_its_power_counts_without_an_alarm_and_against_an_old_one() -> None:
    assert stands(replace(HEARD, mains=False)).reasons == (Reason.ON_BATTERY,)
    assert stands(replace(HEARD, battery_pct=20)).reasons == (Reason.BATTERY_LOW,)
    assert stands(replace(HEARD, battery_pct=21)).reasons == ()
    assert stands(replace(HEARD, troubles=(Trouble("mains_fail", None, ago(50)),))).state is Protection.PROTECTED
    assert stands(replace(HEARD, troubles=(Trouble("tamper", None, ago(50)),))).state is Protection.PROTECTED


def test_a_silent_unit_protects_nobody_and_the_loss_counts_from_its_last_proof() -> None:
    silent = replace(HEARD, presence=Presence.OFFLINE, presence_since=ago(5), last_proof=ago(21))
    found = stands(silent)
    assert (found.state, found.reasons) == (Protection.UNPROTECTED, (Reason.SILENT,))
    assert (found.since, found.good_until) == (ago(5), ago(21))
    assert "H1 was last heard at 11:39" in found.why


def test_a_unit_that_came_silent_protected_nobody_here_before() -> None:
    silent = replace(HEARD, since=ago(10), presence=Presence.LOST, presence_since=ago(5000), last_proof=ago(9000))
    assert (stands(silent).since, stands(silent).good_until) == (ago(10), ago(10))


def test_missed_heartbeats_are_not_known_to_be_good_or_bad() -> None:
    for presence in (Presence.LATE, Presence.SUSPECT):
        found = stands(replace(HEARD, presence=presence, presence_since=ago(2)))
        assert (found.state, found.reasons, found.rank) == (Protection.UNKNOWN, (Reason.MISSED,), 2)


def test_a_unit_that_was_never_heard_has_an_hour() -> None:
    fresh = Unit("H1", Connection.DIGITAL, ago(59), ago(59))
    found = stands(fresh)
    assert (found.state, found.reasons, found.look_at) == (Protection.UNKNOWN, (Reason.NOT_HEARD_YET,), ago(-1))
    found = stands(replace(fresh, since=ago(61), due_from=ago(61)))
    assert (found.state, found.since, found.good_until) == (Protection.UNPROTECTED, ago(1), ago(61))


def test_telephone_and_absence_are_unknown_and_stand_behind_what_may_be_gone() -> None:
    line = stands(replace(HEARD, connection=Connection.ANALOGUE, presence=Presence.NEVER_SEEN))
    away = stands(replace(HEARD, presence=Presence.DORMANT, away_until=ago(-600)))
    assert (line.state, line.rank, away.state, away.rank) == (Protection.UNKNOWN, 3, Protection.UNKNOWN, 4)
    assert (away.reasons, away.away_until) == ((Reason.AWAY,), ago(-600))


def test_the_best_of_several_units_counts_and_another_that_is_silent_is_said() -> None:
    silent = replace(HEARD, hub_id="H2", presence=Presence.OFFLINE, presence_since=ago(5))
    line = replace(HEARD, hub_id="H3", connection=Connection.DIGITAL_READY)
    assert stands(HEARD, line).state is Protection.PROTECTED
    found = stands(HEARD, silent)
    assert (found.state, found.reasons, found.hub_id) == (Protection.DEGRADED, (Reason.OTHER_UNIT,), "H1")
    assert stands(line, silent).state is Protection.UNKNOWN
    both = stands(silent, replace(silent, hub_id="H4", presence_since=ago(3), last_proof=ago(15)))
    assert (both.state, both.since, both.good_until) == (Protection.UNPROTECTED, ago(3), NOW)


def test_without_a_unit_nobody_is_protected_from_when_the_last_was_taken_away() -> None:
    found = derive(Facts(RiskTier.B, (), ago(100)), NOW, WITHIN)
    assert (found.state, found.reasons, found.good_until) == (Protection.UNPROTECTED, (Reason.NO_UNIT,), ago(100))


def test_what_came_between_two_looks_is_in_the_history() -> None:
    """The look was late: the unit fell silent and came back meanwhile."""
    was, _ = judge(None, None, Facts(RiskTier.A, (HEARD,)), ago(600), WITHIN)
    stood = (
        Change(Presence.ONLINE, ONLINE_SINCE), Change(Presence.LATE, ago(500)), Change(Presence.SUSPECT, ago(495)),
        Change(Presence.OFFLINE, ago(490)), Change(Presence.ONLINE, ago(400)),
    )  # fmt: skip
    back = replace(HEARD, presence_since=ago(400), last_proof=NOW, stood=stood)
    now, begun = judge(was, ago(600), Facts(RiskTier.A, (back,)), NOW, WITHIN)
    assert [(one.state, one.began) for one in begun] == [
        (Protection.UNKNOWN, ago(500)), (Protection.UNPROTECTED, ago(490)), (Protection.PROTECTED, ago(400)),
    ]  # fmt: skip
    assert (now.state, now.since, now.good_until) == (Protection.PROTECTED, ago(400), None)


def test_a_fault_that_ends_ends_its_period_now_and_not_in_the_past() -> None:
    known = Facts(RiskTier.A, (replace(HEARD, troubles=(Trouble("jammed", "p1", ago(50)),)),))
    was, _ = judge(None, None, known, ago(40), WITHIN)
    now, begun = judge(was, ago(40), Facts(RiskTier.A, (HEARD,)), NOW, WITHIN)
    assert (now.state, now.since, len(begun)) == (Protection.PROTECTED, NOW, 1)


def test_another_reason_is_another_period_of_the_same_state() -> None:
    was, _ = judge(None, None, Facts(RiskTier.A, (replace(HEARD, mains=False, seen_at=ago(50)),)), ago(40), WITHIN)
    worse = replace(HEARD, mains=False, troubles=(Trouble("trigger_lost", "p1", ago(10)),))
    now, (begun,) = judge(was, ago(40), Facts(RiskTier.A, (worse,)), NOW, WITHIN)
    assert (now.state, now.since, begun.began) == (Protection.DEGRADED, ago(50), ago(10))


def test_the_95th_of_a_hundred_is_by_nearest_rank() -> None:
    assert (p95([]), p95([3.0]), p95([float(n) for n in range(1, 101)])) == (0.0, 3.0, 95.0)
