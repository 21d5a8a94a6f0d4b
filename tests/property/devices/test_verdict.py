"""Verdicts against somebody with a stop-watch, and what must hold whatever happens."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from devices.presence.domain import Presence
from devices.presence.verdict import Change, Heard, Rule, Standing, judge
from tests.property.devices.stop_watch import StopWatch
from tests.property.examples import examples

T0 = datetime(2027, 1, 31, 22, 0, tzinfo=UTC)
SILENCE = (Presence.ONLINE, Presence.LATE, Presence.SUSPECT, Presence.OFFLINE, Presence.LOST)

rules = st.builds(Rule, st.integers(1, 900), st.integers(0, 300), st.integers(1, 6))
gaps = st.lists(st.integers(1, 4000), min_size=1, max_size=30)
"""Seconds between the beats of a hub."""


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def beats_of(pauses: list[int]) -> list[int]:
    at, beats = 0, []
    for pause in pauses:
        at += pause
        beats.append(at)
    return beats


def silent_for(rule: Rule, seconds: int) -> Presence:
    """Return where a hub stands that was online and has said nothing for so long."""
    watch = StopWatch(rule.interval_s, rule.grace_s, rule.miss_limit)
    watch.hear(0)
    watch.wait(seconds)
    return Presence(watch.state)


def follow(rule: Rule, beats: list[int], looks: list[int]) -> tuple[Standing, list[Change]]:
    """Judge as the service does: at each deadline, when a hub that is not online was heard, and at these looks."""
    standing, changes = Standing(), list[Change]()
    moments = sorted({*looks, *beats})
    while moments:
        due = standing.look_at
        seconds = min(moments[0], int((due - T0).total_seconds())) if due is not None else moments[0]
        if seconds == moments[0]:
            moments.pop(0)
        seen = max((beat for beat in beats if beat <= seconds), default=None)
        heard = Heard(seen_at=None if seen is None else after(seen))
        standing, through = judge(standing, rule, heard, after(seconds))
        changes += through
    return standing, changes


@examples(300)
@given(rule=rules, pauses=gaps, tail=st.integers(1, 200_000))
def test_a_history_is_what_somebody_with_a_stop_watch_would_write(rule: Rule, pauses: list[int], tail: int) -> None:
    beats = beats_of(pauses)
    end = beats[-1] + tail
    _, changes = follow(rule, beats, [end])
    told = [(change.state, int((change.at - T0).total_seconds())) for change in changes]
    watch = StopWatch(rule.interval_s, rule.grace_s, rule.miss_limit)
    for beat in beats:
        watch.hear(beat)
    watch.wait(end)
    assert [one for one in told if one[0] is not Presence.NEVER_SEEN] == watch.written


@examples(200)
@given(rule=rules, silent=st.integers(0, 300_000), looks=st.lists(st.integers(0, 300_000), max_size=6))
def test_it_does_not_matter_how_often_or_how_late_somebody_looks(rule: Rule, silent: int, looks: list[int]) -> None:
    heard = Heard(seen_at=T0)
    often, changes = judge(Standing(), rule, heard, T0)
    for look in sorted(look for look in looks if look <= silent):
        often, more = judge(often, rule, heard, after(look))
        changes += more
    often, more = judge(often, rule, heard, after(silent))
    once, all_at_once = judge(Standing(), rule, heard, after(silent))
    assert often == once
    assert (*changes, *more) == all_at_once
    assert all(one.at <= other.at for one, other in pairwise(all_at_once))


@examples(300)
@given(
    rule=rules,
    state=st.sampled_from([*SILENCE, Presence.NEVER_SEEN, Presence.DORMANT]),
    seen=st.integers(-400_000, 0),
    since=st.integers(0, 3000),
)
def test_after_our_own_deafness_nobody_is_worse_before_a_whole_interval(
    rule: Rule, state: Presence, seen: int, since: int
) -> None:
    was = Standing(state, after(seen), after(seen), 0, None)
    heard = Heard(seen_at=after(seen), listening_from=T0)
    _, changes = judge(was, rule, heard, after(since))
    if since < rule.interval_s + rule.grace_s:
        assert all(change.state is Presence.ONLINE for change in changes)


@examples(200)
@given(rule=rules, seen=st.integers(-100_000, 0), left=st.integers(-100_000, 0), now=st.integers(0, 100))
def test_the_last_will_makes_a_hub_late_and_no_more(rule: Rule, seen: int, left: int, now: int) -> None:
    without, _ = judge(Standing(), rule, Heard(seen_at=after(seen)), after(now))
    with_it, _ = judge(Standing(), rule, Heard(seen_at=after(seen), left_at=after(left)), after(now))
    hint = Presence.LATE if left > seen and without.state is Presence.ONLINE else without.state
    assert with_it.state is hint


@examples(200)
@given(rule=rules, silent=st.integers(0, 300_000), away=st.integers(1, 300_000))
def test_a_planned_absence_is_quiet_until_its_end_and_a_whole_interval_after_it(
    rule: Rule, silent: int, away: int
) -> None:
    heard = Heard(seen_at=T0, away_until=after(away))
    standing, _ = judge(Standing(), rule, heard, after(min(silent, away - 1)))
    assert (standing.state, standing.look_at) == (Presence.DORMANT, after(away))
    later, changes = judge(standing, rule, heard, after(away + silent))
    # One that was silent in its absence is expected, and not said to be online.
    first = Presence.ONLINE if silent_for(rule, away) is Presence.ONLINE else Presence.LATE
    assert changes[0] == Change(first, after(away))
    assert later.state is max(first, silent_for(rule, silent), key=SILENCE.index)


def test_a_hub_that_was_never_heard_can_be_away_and_is_never_seen_after_it() -> None:
    away, _ = judge(Standing(), Rule(60, 15), Heard(away_until=after(60)), T0)
    assert away.state is Presence.DORMANT
    back, changes = judge(away, Rule(60, 15), Heard(away_until=after(60)), after(61))
    assert (back, changes) == (Standing(), (Change(Presence.NEVER_SEEN, after(61)),))


@examples(100)
@given(rule=rules)
def test_an_alarm_proves_a_hub_at_once_and_a_single_heartbeat_does_not(rule: Rule) -> None:
    lost, _ = judge(Standing(), rule, Heard(seen_at=T0), T0 + timedelta(days=2))
    assert lost.state is Presence.LOST
    now = T0 + timedelta(days=2, seconds=1)
    once, _ = judge(lost, rule, Heard(seen_at=now), now)
    assert (once.state, once.good) == (Presence.LOST, 1)
    proven, changes = judge(lost, rule, Heard(seen_at=T0, proven_at=now), now)
    assert (proven.state, changes) == (Presence.ONLINE, (Change(Presence.ONLINE, now),))
