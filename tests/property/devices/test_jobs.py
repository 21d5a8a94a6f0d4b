"""Whatever is found, again and again and in any order: nothing is counted twice, and no look ends a job."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from devices.jobs.domain import (
    KEPT,
    KINDS,
    Finding,
    Item,
    JobKind,
    Look,
    Standing,
    collected,
    due_at,
    follow,
    rested,
)
from devices.jobs.patterns import CONDITIONS, Closed, Rules, Signal, Trigger, Unit, of_events, of_unit, reboot_loop
from tests.property.examples import examples

T0 = datetime(2027, 1, 31, 22, 0, tzinfo=UTC)
RULES = Rules()
NONE: Closed = {}

kinds = st.sampled_from(JobKind)
keys = st.integers(1, 80)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    kind = draw(kinds)
    numbers = draw(st.lists(keys, min_size=1, max_size=70, unique=True))
    at = None if KINDS[kind].standing else T0
    items = [Item(str(n), f"seen {n}", at and at + timedelta(minutes=n)) for n in numbers]
    before = draw(st.none() | st.just(T0 + timedelta(hours=3)))
    return Finding(kind, tuple(items), draw(st.booleans()), before)


looks = st.lists(findings() | st.just(None), max_size=12)


def opened(finding: Finding) -> Standing:
    return Standing(collected(finding), finding.life_safety, due_at(finding, "C", T0), gone=False)


@given(findings())
@examples(100)
def test_the_same_again_changes_nothing(finding: Finding) -> None:
    job = opened(finding)
    assert follow(job, Look("h", finding.kind, finding), T0) is None
    assert job.evidence["count"] == len(finding.items)
    assert len(job.evidence["items"]) == min(KEPT, len(finding.items))


@given(findings(), looks)
@examples(150)
def test_a_job_gathers_evidence_and_is_never_due_later_or_less_grave(
    first: Finding, more: list[Finding | None]
) -> None:
    job = opened(first)
    for other in more:
        found = None if other is None else Finding(first.kind, other.items, other.life_safety, other.before)
        if found is not None and not KINDS[first.kind].standing:
            found = Finding(
                first.kind,
                tuple(Item(one.key, one.words, T0 + timedelta(minutes=int(one.key))) for one in found.items),
                found.life_safety,
                found.before,
            )
        change = follow(job, Look("h", first.kind, found, "It is gone" if found is None else None), T0)
        if change is None:
            continue
        after = Standing(
            change.evidence or job.evidence,
            job.life_safety or bool(change.life_safety),
            change.due_at or job.due_at,
            job.gone if change.gone is None else change.gone,
        )
        assert after.due_at <= job.due_at
        assert after.evidence["count"] >= job.evidence["count"]
        assert len(after.evidence["items"]) <= KEPT
        assert len({item["key"] for item in after.evidence["items"]}) == len(after.evidence["items"])
        if found is None:
            assert after.gone
            assert after.evidence == job.evidence
        job = after


@given(kinds, st.sampled_from("ABCD"), st.booleans())
@examples(50)
def test_a_graver_tier_and_a_detector_are_never_due_later(kind: JobKind, tier: str, life_safety: bool) -> None:
    items = (Item("k", "seen", T0),)
    dues = [due_at(Finding(kind, items, life_safety), each, T0) for each in "ABCD"]
    assert all(sooner <= later for sooner, later in pairwise(dues))
    assert due_at(Finding(kind, items, life_safety=True), tier, T0) <= T0 + timedelta(hours=24)
    assert T0 <= due_at(Finding(kind, items, before=T0 - timedelta(days=9)), tier, T0) <= T0


@given(findings(), st.integers(0, 20 * 24))
@examples(50)
def test_a_state_that_was_closed_comes_up_again_once_and_for_all(finding: Finding, hours: int) -> None:
    closed = T0
    now = closed + timedelta(hours=hours)
    if rested(finding, closed, now):
        assert rested(finding, closed, now + timedelta(days=1))
    assert rested(finding, None, now)
    assert rested(finding, closed, closed + timedelta(days=7))


signals = st.lists(
    st.builds(
        Signal,
        st.integers(1, 2**64).map(lambda number: UUID(int=number)),
        st.sampled_from([*CONDITIONS, "pendant", "factory_reset", "duplicate_id", ""]),
        st.integers(0, 2000).map(lambda minutes: T0 + timedelta(minutes=minutes)),
        st.none() | st.integers(-200 * 24, 48).map(lambda hours: T0 + timedelta(hours=hours)),
        st.none(),
        st.sampled_from([None, "p1", "p2"]),
    ),
    max_size=25,
    unique_by=lambda signal: signal.event_id,
)


@given(signals, st.randoms(use_true_random=False))
@examples(150)
def test_patterns_see_the_same_in_whatever_order_the_events_are_given(found: list[Signal], chance: object) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert of_events("h", found, RULES, NONE) == of_events("h", shuffled, RULES, NONE)


@given(signals, signals)
@examples(150)
def test_evidence_of_what_happened_is_of_the_hubs_own_events_and_no_repeat_adds_to_it(
    found: list[Signal], more: list[Signal]
) -> None:
    known = {str(signal.event_id): signal for signal in found}
    for look in of_events("h", found, RULES, NONE):
        if look.finding:
            assert all(item.key in known and item.at == known[item.key].at for item in look.finding.items)
            job = Standing(collected(look.finding), life_safety=False, due_at=T0, gone=False)
            assert follow(job, look, T0) is None
    chatter = [signal for signal in more if signal.type in CONDITIONS]
    for kind in (one.kind for one in of_events("h", chatter[:2], RULES, NONE) if one.finding):
        assert kind is not JobKind.CHATTERING, "two changes are none too many"


devices = st.sampled_from(["p1", "p2", "p3", "p4"])
triggers = st.lists(
    st.builds(Trigger, devices, st.sampled_from(["pendant", "smoke", "bed_exit"]), st.none(), st.just(T0)),
    max_size=4,
    unique_by=lambda one: one.device_id,
)
listed = st.none() | st.dictionaries(
    devices, st.fixed_dictionaries({"kind": st.sampled_from(["pendant", "heat", None])}), max_size=4
)


@given(triggers, listed, st.booleans())
@examples(150)
def test_register_and_list_agree_exactly_when_nothing_is_found_of_them(
    registered: list[Trigger],
    listed: dict[str, dict[str, str | None]] | None,
    watched: bool,
) -> None:
    looks = of_unit(Unit("h", watched, registered, listed), RULES, T0)
    found = {look.kind for look in looks if look.finding}
    known = {one.device_id for one in registered}
    assert (JobKind.NOT_LISTED in found) == (watched and listed is not None and bool(known - listed.keys()))
    assert (JobKind.NOT_REGISTERED in found) == (watched and bool((listed or {}).keys() - known))
    assert all((look.finding is None) != (look.gone is None) for look in looks if KINDS[look.kind].standing)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 600)), max_size=20))
@examples(100)
def test_a_boot_that_comes_back_is_no_start(boots: list[tuple[str, int]]) -> None:
    seen = sorted(((boot, T0 + timedelta(minutes=at)) for boot, at in boots), key=lambda one: one[1])
    found = reboot_loop(seen, RULES)
    if len({boot for boot, _ in seen}) < RULES.boots:
        assert found is None
    if found is not None:
        assert len({item.key for item in found.items}) == len(found.items) >= RULES.boots
