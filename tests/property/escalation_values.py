"""Generators of ladders, parties and all that can happen to an alarm (scenarios, section F)."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from alarms.escalation.domain import (
    Acked,
    Address,
    Annotated,
    Arrived,
    Attended,
    Cleared,
    Closed,
    ContactAttempted,
    Delivered,
    Escalated,
    Held,
    Holder,
    HubCancelled,
    Ladder,
    Noted,
    Raised,
    Released,
    Renewed,
    Repeated,
    Step,
    Target,
    TimerDue,
    VoiceLost,
)
from alarms.escalation.ladders import BY_CLASS
from alarms.escalation.outcomes import OUTCOMES

T0 = datetime(2027, 3, 28, 0, 55, 0, 123456, tzinfo=UTC)
"""Five minutes before the clocks go forward: nothing may depend on the wall."""

TICKS = [timedelta(seconds=seconds) for seconds in (0, 1, 59, 60, 3600, 25 * 3600)]

words = st.text(max_size=20)
holders = st.sampled_from([Holder(f"01900000-0000-7000-8000-00000000000{n}", name) for n, name in enumerate("ABC")])
targets = st.lists(st.sampled_from(Target), unique=True, max_size=5).map(tuple)
steps = st.builds(Step, targets, st.one_of(st.just(0), st.integers(1, 40), st.integers(0, 300 * 60)))
random_ladders = st.builds(
    Ladder,
    name=words,
    version=st.integers(1, 9),
    steps=st.lists(steps, max_size=6).map(tuple),
    catch_all=targets,
    repeat_s=st.integers(1, 3600),
    ack_s=st.integers(1, 900),
    remind_s=st.integers(0, 1200),
    hold_s=st.integers(1, 120),
    arrival_s=st.integers(0, 3 * 3600),
    arrival_grace_s=st.integers(1, 600),
    closes_when_cleared=st.booleans(),
)
ladders = st.sampled_from(list(BY_CLASS.values())) | random_ladders
parties = st.builds(
    Address, st.sampled_from(["email", "webhook"]), st.sampled_from(["a", "b", "c", "d"]), st.sampled_from("PQRS")
)
address_maps = st.dictionaries(st.sampled_from(Target), st.lists(parties, max_size=4).map(tuple))
ranks = st.sampled_from([0, 2, 10, 12, 30, 50])

raises = st.builds(
    Raised,
    alarm_id=st.uuids().map(str),
    type=st.sampled_from(["smoke", "pendant", "flood", "mains_fail"]),
    class_=st.sampled_from("LLUTI"),
    rank=ranks,
    ladder=ladders,
    words=words,
    received_at=st.sampled_from([T0, T0 - timedelta(seconds=1), T0 - timedelta(hours=2)]),
)
timers = st.builds(TimerDue, address_maps)
happenings = st.one_of(
    st.builds(Repeated, words, ranks),
    st.just(HubCancelled()),
    st.builds(Cleared, words),
    st.builds(Annotated, words),
    st.builds(VoiceLost, words, ranks),
    st.builds(Arrived, words),
    st.builds(Acked, holders, st.booleans()),
    st.builds(Renewed, holders),
    st.builds(Released, holders, words),
    st.builds(Attended, holders, words, st.none() | st.integers(0, 5 * 3600)),
    st.builds(Held, holders, words),
    st.builds(Escalated, holders, words),
    st.builds(Noted, holders, words),
    st.builds(ContactAttempted, holders, words, st.booleans(), words),
    st.builds(Delivered, words, st.sampled_from(["email", "webhook"]), st.booleans(), words),
)
closings = st.builds(
    Closed, holders, st.sampled_from([*OUTCOMES, "nuisance"]), words, st.booleans(), supervisor=st.booleans()
)
inputs = st.one_of(raises, timers, happenings, closings)
