"""Generators of ladders, parties and all that can happen to an alarm (scenarios, section F)."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from alarms.escalation.domain import FOREVER, Address, ContactRule, Holder, Ladder, Parties, Party, Step, Target
from alarms.escalation.hours import Holidays, Hours, Local
from alarms.escalation.inputs import (
    Accepted,
    Acked,
    Annotated,
    Arrived,
    Attended,
    AtTheHome,
    Cleared,
    Closed,
    ContactAttempted,
    Declined,
    Delivered,
    Escalated,
    Fate,
    Finished,
    Held,
    HubCancelled,
    NoSpeech,
    Noted,
    OnTheWay,
    Raised,
    Released,
    Renewed,
    Repeated,
    Rerouted,
    RulesChanged,
    Shelved,
    TimerDue,
    VoiceLost,
    WorkMoved,
)
from alarms.escalation.ladders import BY_CLASS
from alarms.escalation.outcomes import OUTCOMES

T0 = datetime(2027, 3, 28, 0, 55, 0, 123456, tzinfo=UTC)
"""Five minutes before the clocks go forward: nothing may depend on the wall."""

TICKS = [timedelta(seconds=seconds) for seconds in (0, 1, 59, 60, 3600, 25 * 3600)]

words = st.text(max_size=20)
holders = st.sampled_from([Holder(f"01900000-0000-7000-8000-00000000000{n}", name) for n, name in enumerate("ABC")])
names_of_targets = st.sampled_from([*Target, "rota:wardens", "responder:bob", "team:north"])
targets = st.lists(names_of_targets, unique=True, max_size=5).map(tuple)
hours = st.builds(
    Hours,
    st.lists(st.integers(0, 6), unique=True).map(tuple),
    st.integers(0, 1439),
    st.integers(0, 1440),
    st.sampled_from(Holidays),
)
steps = st.builds(
    Step,
    targets,
    st.one_of(st.just(0), st.integers(1, 40), st.integers(0, 300 * 60)),
    each_s=st.none() | st.integers(0, 90),
    retries=st.sampled_from([0, 0, 1, 3]),
    accepts=st.sampled_from([1, 1, 2]),
    hours=st.none() | hours,
    otherwise=targets,
)
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
    loops=st.sampled_from([0, 0, 1, 5, FOREVER]),
)
ladders = st.sampled_from(list(BY_CLASS.values())) | random_ladders
channels = st.sampled_from(["email", "webhook"])
addresses = st.sampled_from("abcd")
rules = st.builds(
    ContactRule, st.sampled_from([0, 60, 120, 1800, 3600]), st.builds(Address, channels, addresses, words)
)
PEOPLE = [Holder(f"01900000-0000-7000-8000-00000000010{n}", name) for n, name in enumerate("PQRS")]
people = st.sampled_from(PEOPLE)
told_by = st.lists(rules, max_size=4).map(lambda some: tuple(sorted(some, key=lambda rule: rule.after_s)))
party_maps = st.builds(
    lambda ways, there: {
        target: tuple(Party(who.id, who.name, way) for who, way in zip(PEOPLE, ways, strict=True) if who in listed)
        for target, listed in there.items()
    },
    st.tuples(*[told_by for _ in PEOPLE]),
    st.dictionaries(names_of_targets, st.lists(people, max_size=4, unique=True)),
)
"""Somebody has the same contact rules wherever they stand."""


def everybody_in(party_map: Parties) -> dict[str, Party]:
    return {party.id: party for listed in party_map.values() for party in listed}


locals_ = st.builds(Local, st.integers(0, 1439), st.integers(0, 6), st.booleans(), st.booleans())
ranks = st.sampled_from([0, 2, 10, 12, 30, 50])

ends_of_work = st.sampled_from([T0 + timedelta(hours=hours) for hours in (-1, 0, 0.01, 1, 2, 26, 14 * 24)])

raises = st.builds(
    Raised,
    alarm_id=st.uuids().map(str),
    type=st.sampled_from(["smoke", "pendant", "flood", "mains_fail"]),
    class_=st.sampled_from("LLUTI"),
    rank=ranks,
    ladder=ladders,
    words=words,
    received_at=st.sampled_from([T0, T0 - timedelta(seconds=1), T0 - timedelta(hours=2)]),
    quiet_until=st.none() | ends_of_work,
)
timers = st.builds(lambda there, local: TimerDue(there, everybody_in(there), local), party_maps, locals_)
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
    st.builds(Shelved, holders, st.integers(0, 90_000), words),
    st.builds(Noted, holders, words),
    st.builds(ContactAttempted, holders, words, st.booleans(), words),
    st.builds(Delivered, words, channels, st.sampled_from(Fate), words, addresses),
    st.builds(Rerouted, ladders, words, st.none() | holders),
    st.builds(RulesChanged, party_maps.map(everybody_in)),
    st.builds(NoSpeech, holders),
    st.builds(WorkMoved, ends_of_work, holders),
)
via = st.sampled_from(["link", "sms", "voice"])
minutes = st.none() | st.integers(0, 5 * 3600)
said_by_people = st.one_of(
    st.builds(Accepted, people, via, minutes),
    st.builds(Declined, people, via, words),
    st.builds(OnTheWay, people, via, minutes),
    st.builds(AtTheHome, people, via),
    st.builds(Finished, people, via, words),
)
closings = st.builds(
    Closed, holders, st.sampled_from([*OUTCOMES, "nuisance"]), words, st.booleans(), supervisor=st.booleans()
)
inputs = st.one_of(raises, timers, happenings, said_by_people, closings)
