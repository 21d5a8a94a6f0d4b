"""Which homes are one incident, who goes before whom, and when it is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from alarms.incidents.domain import (
    Group,
    GroupKind,
    OpenIncident,
    Rule,
    Signal,
    Standing,
    battery_until,
    correlate,
    is_over,
    urgency,
)
from tests.property.examples import examples

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
RULE = Rule()
SECTORS = [Group(GroupKind.POSTCODE_SECTOR, f"KY15 {n}") for n in range(4)]
NETWORKS = [Group(GroupKind.MOBILE_NETWORK, name) for name in ("Tay", "Forth")]
COUNCIL = Group(GroupKind.COUNCIL, "S12000047")


def signals(*groups: Group, count: int, first: int = 0, ago_s: int = 60) -> list[Signal]:
    since = NOW - timedelta(seconds=ago_s)
    return [Signal(f"h{first + n:04d}", since, frozenset(groups)) for n in range(count)]


def test_a_postcode_goes_before_its_council() -> None:
    """C12: 60 homes of one postcode sector; three elsewhere are their own affair."""
    hit = signals(SECTORS[0], NETWORKS[0], COUNCIL, count=60) + signals(SECTORS[1], COUNCIL, count=3, first=100)
    plan = correlate(hit, {SECTORS[0]: 70, SECTORS[1]: 50, NETWORKS[0]: 900, COUNCIL: 1000}, (), NOW, RULE)
    assert list(plan.opens) == [SECTORS[0]]
    assert len(plan.opens[SECTORS[0]]) == 60


def test_a_network_goes_before_each_of_its_postcodes() -> None:
    """R40."""
    hit = [one for n, sector in enumerate(SECTORS) for one in signals(sector, NETWORKS[0], count=200, first=n * 200)]
    sizes = dict.fromkeys(SECTORS, 400) | {NETWORKS[0]: 900}
    assert list(correlate(hit, sizes, (), NOW, RULE).opens) == [NETWORKS[0]]


def test_two_causes_are_two_incidents_and_not_one_of_their_council() -> None:
    hit = signals(SECTORS[0], COUNCIL, count=30) + signals(SECTORS[1], COUNCIL, count=30, first=50)
    plan = correlate(hit, {SECTORS[0]: 40, SECTORS[1]: 40, COUNCIL: 1000}, (), NOW, RULE)
    assert sorted(plan.opens) == SECTORS[:2]


def test_two_in_a_hundred_of_a_large_group_and_five_of_a_small_one() -> None:
    assert [RULE.needed(size) for size in (3, 250, 251, 6000)] == [5, 5, 6, 120]
    assert not correlate(signals(NETWORKS[0], count=119), {NETWORKS[0]: 6000}, (), NOW, RULE).opens
    assert correlate(signals(NETWORKS[0], count=120), {NETWORKS[0]: 6000}, (), NOW, RULE).opens


def test_it_waits_until_the_cause_shows() -> None:
    assert not correlate(signals(SECTORS[0], count=9, ago_s=10), {}, (), NOW, RULE).opens
    assert correlate(signals(SECTORS[0], count=9, ago_s=20), {}, (), NOW, RULE).opens


def test_one_joins_while_others_do_and_a_late_one_does_not() -> None:
    late = NOW - RULE.within - timedelta(seconds=1)
    for last_joined_at, joins in ((NOW, 1), (late, 0)):
        incident = OpenIncident(UUID(int=1), SECTORS[0], last_joined_at)
        assert (
            len(correlate(signals(SECTORS[0], count=1), {}, [incident], NOW, RULE).joins.get(UUID(int=1), [])) == joins
        )
    # Many late ones are the same incident again: a group has one at a time.
    again = correlate(signals(SECTORS[0], count=5), {}, [OpenIncident(UUID(int=1), SECTORS[0], late)], NOW, RULE)
    assert (len(again.joins[UUID(int=1)]), again.opens) == (5, {})


def front(apart_s: int, homes: int = 16) -> list[Group]:
    """The incidents of a storm that takes one postcode after another: 32 in four towns, the half of a council."""
    towns = [Group(GroupKind.EXCHANGE, f"town {n}") for n in range(8)]
    places = [(Group(GroupKind.POSTCODE_SECTOR, f"{town.key} {n}"), town) for town in towns for n in range(8)]
    sizes = {sector: homes for sector, _ in places} | dict.fromkeys(towns, 8 * homes) | {COUNCIL: 64 * homes}
    hit = [
        Signal(f"h{n}-{home}", NOW + timedelta(seconds=n * apart_s), frozenset({sector, town, COUNCIL}))
        for n, (sector, town) in enumerate(places[:32])
        for home in range(homes)
    ]
    joined: dict[str, Group] = {}
    on: dict[Group, datetime] = {}
    for looks in range(32 * apart_s // 5 + 12):
        now = NOW + timedelta(seconds=5 * looks)
        fresh = [one for one in hit if one.since <= now and one.hub_id not in joined]
        incidents = {UUID(int=n): group for n, group in enumerate(on)}
        known = {id_: [one for one in hit if joined.get(one.hub_id) == group] for id_, group in incidents.items()}
        open_ones = [OpenIncident(id_, group, on[group]) for id_, group in incidents.items()]
        plan = correlate(fresh, sizes, open_ones, now, RULE, known)
        for group, hub_ids in (*plan.opens.items(), *((incidents[id_], ids) for id_, ids in plan.joins.items())):
            on[group] = now
            joined |= dict.fromkeys(hub_ids, group)
    assert joined.keys() == {one.hub_id for one in hit}
    return list(on)


def test_a_storm_that_moves_on_is_told_for_its_towns_and_its_council_and_not_for_each_postcode() -> None:
    for apart_s in (5, 40, 90):
        incidents = front(apart_s)
        assert len(incidents) <= 12, (apart_s, incidents)
        assert any(group.kind is not GroupKind.POSTCODE_SECTOR for group in incidents)


def test_postcodes_far_apart_are_causes_of_their_own_although_one_is_on_already() -> None:
    first = UUID(int=1)
    known = signals(SECTORS[0], COUNCIL, count=30)
    hit = signals(SECTORS[1], COUNCIL, count=30, first=50)
    on = [OpenIncident(first, SECTORS[0], NOW)]
    sizes = {SECTORS[0]: 40, SECTORS[1]: 40, COUNCIL: 1000}
    assert list(correlate(hit, sizes, on, NOW, RULE, {first: known}).opens) == [SECTORS[1]]
    small = sizes | {COUNCIL: 90}
    assert list(correlate(hit, small, on, NOW, RULE, {first: known}).opens) == [COUNCIL]
    old = [replace(one, since=NOW - RULE.within - timedelta(seconds=1)) for one in known]
    assert list(correlate(hit, small, on, NOW, RULE, {first: old}).opens) == [SECTORS[1]]
    few = signals(SECTORS[1], COUNCIL, count=4, first=50)
    assert not correlate(few, small, on, NOW, RULE, {first: known}).opens
    # Those whose network is gone say nothing of a place.
    network = [OpenIncident(first, NETWORKS[0], NOW)]
    assert list(correlate(hit, small, network, NOW, RULE, {first: known}).opens) == [SECTORS[1]]


GROUPS = st.frozensets(st.sampled_from([*SECTORS, *NETWORKS, COUNCIL]), max_size=4)
HITS = st.lists(st.tuples(GROUPS, st.integers(0, 600)), max_size=60)


@examples(200)
@given(HITS, st.dictionaries(st.sampled_from([*SECTORS, *NETWORKS, COUNCIL]), st.integers(1, 2000)))
def test_each_home_goes_to_one_incident_of_its_own_group_and_none_is_too_small(
    hits: list[tuple[frozenset[Group], int]], sizes: dict[Group, int]
) -> None:
    hit = [Signal(f"h{n}", NOW - timedelta(seconds=ago), groups) for n, (groups, ago) in enumerate(hits)]
    groups_of = {one.hub_id: one.groups for one in hit}
    on = [OpenIncident(UUID(int=1), COUNCIL, NOW)]
    plan = correlate(hit, sizes, on, NOW, RULE)
    placed = [hub_id for hub_ids in (*plan.opens.values(), *plan.joins.values()) for hub_id in hub_ids]
    assert len(placed) == len(set(placed))
    for group, hub_ids in plan.opens.items():
        assert len(hub_ids) >= RULE.needed(max(sizes.get(group, 0), len(hub_ids)))
        assert all(group in groups_of[hub_id] for hub_id in hub_ids)
    assert all(COUNCIL in groups_of[hub_id] for hub_id in plan.joins.get(UUID(int=1), ()))
    shuffled = correlate(hit[::-1], sizes, on, NOW, RULE)
    assert (plan.opens, plan.joins) == (shuffled.opens, shuffled.joins)


@examples(200)
@given(st.sampled_from(["A", "B", "C", "D", None]), st.integers(0, 10_000), st.integers(1, 10_000))
def test_more_risk_and_less_battery_go_first(tier: str | None, minutes: int, more: int) -> None:
    until = NOW + timedelta(minutes=minutes)
    assert urgency(tier, until, NOW) >= urgency(tier, until + timedelta(minutes=more), NOW) > 0
    assert urgency("A", until, NOW) >= urgency(tier, until, NOW) >= urgency("D", until, NOW)
    assert urgency(tier, None, NOW) == 0
    assert urgency(tier, NOW - timedelta(minutes=minutes), NOW) == urgency(tier, NOW, NOW)


@examples(100)
@given(st.integers(1, 96), st.integers(0, 100), st.integers(-600, 600))
def test_a_battery_is_counted_from_what_it_last_said(hours: int, pct: int, said: int) -> None:
    lost, at = NOW, NOW + timedelta(minutes=said)
    until = battery_until(lost, hours, pct, at)
    assert until is not None
    assert until == (at + timedelta(hours=hours) * pct / 100 if said >= 0 else lost + timedelta(hours=hours))
    assert battery_until(lost, None, pct, at) is None
    assert battery_until(lost, hours, None, None) == lost + timedelta(hours=hours)


def test_it_ends_with_the_last_or_when_few_are_left_and_nothing_moves() -> None:
    moved = NOW - RULE.within
    assert is_over(0, 5, NOW, NOW, RULE)
    assert is_over(4, 5, moved, NOW, RULE)
    assert not is_over(4, 5, moved + timedelta(seconds=1), NOW, RULE)
    assert not is_over(5, 5, moved, NOW, RULE)


def test_where_only_the_mains_fail_the_cause_is_in_a_place() -> None:
    home = Standing(
        "h1", "S12000047", None, None, "Jean Rennie", "A", mains_lost_at=NOW,
        groups=frozenset({SECTORS[0], NETWORKS[0], COUNCIL}),
    )  # fmt: skip
    assert home.signal.groups == {SECTORS[0], COUNCIL}


@given(apart=st.integers(-3600, 3600))
def test_a_path_that_goes_with_the_mains_is_the_router_s_and_one_that_goes_later_has_a_cause_of_its_own(
    apart: int,
) -> None:
    groups = frozenset({SECTORS[0], NETWORKS[0], COUNCIL})
    lost = NOW + timedelta(seconds=apart)
    home = Standing(
        "h1", "S12000047", None, None, "Jean Rennie", "A", mains_lost_at=NOW, path_lost_at=lost, groups=groups
    )
    assert home.signal.groups == ({SECTORS[0], COUNCIL} if abs(apart) <= 300 else groups)
    assert replace(home, offline_since=NOW).signal.groups == groups
    assert replace(home, mains_lost_at=None).signal.groups == groups
