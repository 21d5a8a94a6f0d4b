"""Where people stand, whatever their units do, against what a reader of the rules would say; losses against minutes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from devices.presence.domain import Presence
from devices.presence.verdict import Change
from devices.registry.domain import Connection, RiskTier
from telecare.protection.domain import (
    FAULTS,
    Facts,
    Protection,
    Reason,
    Standing,
    Trouble,
    Unit,
    derive,
    judge,
)
from telecare.protection.losses import Unprotected, by_tier, losses
from tests.property.examples import examples

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
WITHIN = timedelta(hours=1)
moments = st.integers(-5000, -1).map(lambda minutes: NOW + timedelta(minutes=minutes))
SILENT = {Presence.OFFLINE, Presence.LOST}


@st.composite
def units(draw: st.DrawFn, name: str) -> Unit:
    since = draw(moments)
    presence = draw(st.sampled_from(Presence))
    stood = sorted(draw(st.lists(moments, max_size=4, unique=True)))
    states = draw(st.lists(st.sampled_from([*Presence][1:]), min_size=len(stood), max_size=len(stood)))
    changes = [Change(state, at) for state, at in zip(states, stood, strict=True)]
    if changes:
        presence = changes[-1].state
    return Unit(
        hub_id=name,
        connection=draw(st.sampled_from([Connection.DIGITAL, Connection.DIGITAL, *Connection])),
        since=since,
        due_from=since,
        presence=presence if changes else draw(st.sampled_from([Presence.NEVER_SEEN, Presence.DORMANT])),
        presence_since=changes[-1].at if changes else None,
        last_proof=draw(moments) if changes else None,
        away_until=NOW + timedelta(days=1) if presence is Presence.DORMANT else None,
        mains=draw(st.sampled_from([None, True, False])),
        battery_pct=draw(st.sampled_from([None, 5, 20, 21, 100])),
        seen_at=draw(st.none() | moments),
        troubles=tuple(
            Trouble(type_, device, at)
            for type_, device, at in draw(
                st.lists(
                    st.tuples(st.sampled_from([*FAULTS, "tamper"]), st.sampled_from([None, "p1"]), moments), max_size=2
                )
            )
        ),
        stood=tuple(changes),
    )


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    count = draw(st.integers(0, 3))
    of = tuple(draw(units(f"H{number}")) for number in range(count))
    return Facts(draw(st.sampled_from(RiskTier)), of, None if of else draw(moments))


def alive(unit: Unit) -> bool:
    return unit.connection is Connection.DIGITAL and unit.presence is Presence.ONLINE


def gone(unit: Unit) -> bool:
    overdue = unit.presence is Presence.NEVER_SEEN and unit.due_from + WITHIN <= NOW
    return unit.connection is Connection.DIGITAL and (unit.presence in SILENT or overdue)


@examples(120)
@given(known=facts())
def test_the_state_is_what_the_rules_say(known: Facts) -> None:
    found = derive(known, NOW, WITHIN)
    assert (found.state is Protection.UNPROTECTED) == all(gone(unit) for unit in known.units)
    if found.state is Protection.PROTECTED:
        assert any(alive(unit) for unit in known.units)
        assert not any(gone(unit) for unit in known.units)
        assert found.reasons == ()
    else:
        assert found.reasons
    if any(alive(unit) for unit in known.units):
        assert found.state in {Protection.PROTECTED, Protection.DEGRADED}
    if found.state is Protection.UNPROTECTED:
        assert found.good_until is not None
        assert found.good_until <= NOW
    assert found.why
    assert (found.away_until is not None) <= (Reason.AWAY in found.reasons)


@examples(60)
@given(known=facts())
def test_whoever_is_away_by_plan_is_expected_to_be_silent(known: Facts) -> None:
    if any(unit.presence is Presence.DORMANT and unit.connection is Connection.DIGITAL for unit in known.units):
        assert derive(known, NOW, WITHIN).state is not Protection.UNPROTECTED


@examples(60)
@given(history=st.lists(st.tuples(facts(), st.integers(1, 600)), min_size=1, max_size=8))
def test_periods_follow_each_other_without_a_gap_and_say_what_was_so(history: list[tuple[Facts, int]]) -> None:
    was: Standing | None = None
    looked_at, now, periods = None, NOW, []
    for known, seconds in history:
        before, was_state = was, was.state if was else None
        was, begun = judge(was, looked_at, known, now, WITHIN)
        periods += begun
        assert was.state is derive(known, now, WITHIN).state
        assert was.since <= was.began <= now
        if before is not None and was_state is Protection.UNPROTECTED is was.state and not begun:
            assert was.good_until == before.good_until
        if begun:
            assert (begun[-1].key, begun[-1].began) == (was.key, was.began)
        assert judge(was, now, known, now, WITHIN) == (was, ())  # who looks again at the same changes nothing
        looked_at, now = now, now + timedelta(seconds=seconds)
    assert all(one.began <= after.began for one, after in pairwise(periods))
    assert all(one.key != after.key for one, after in pairwise(periods))


lost = st.builds(
    lambda person, tier, start, long, before, still: Unprotected(
        UUID(int=person), "S12000047", tier, NOW + timedelta(minutes=start),
        None if still else NOW + timedelta(minutes=start + long), NOW + timedelta(minutes=start - before), "",
    ),
    st.integers(1, 4), st.sampled_from(RiskTier), st.integers(-500, -1), st.integers(0, 300), st.integers(0, 300),
    st.booleans(),
)  # fmt: skip


@examples(120)
@given(periods=st.lists(lost, max_size=8), begin=st.integers(-600, 0), long=st.integers(0, 600))
def test_a_minute_of_a_person_is_lost_once_and_counts_from_when_they_were_last_proven_to_be_protected(
    periods: list[Unprotected], begin: int, long: int
) -> None:
    start, end = NOW + timedelta(minutes=begin), NOW + timedelta(minutes=begin + long)
    found = losses(periods, start, end, NOW)
    minutes = {
        (one.person_id, minute)
        for one in periods
        for minute in range(begin, min(begin + long, 0))
        if (one.good_until or one.started_at) <= NOW + timedelta(minutes=minute) < (one.ended_at or NOW)
    }
    assert round(sum(loss.minutes for loss in found)) == len(minutes)
    tiers = by_tier(found, {})
    assert round(sum(tier.minutes for tier in tiers)) == len(minutes)
    for tier in tiers:
        assert tier.p95 <= max((one.minutes for one in tier.worst), default=0)
        assert all(one.minutes >= after.minutes for one, after in pairwise(tier.worst))
