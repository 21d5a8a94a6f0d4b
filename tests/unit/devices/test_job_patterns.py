"""Each pattern on the smallest history that has it, and on the one beside it that has not."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from devices.jobs.domain import KINDS, JobKind, Urgency, due_at
from devices.jobs.patterns import Call, Rules, Signal, Trigger, Unit, of_calls, of_events, of_unit, reboot_loop
from devices.jobs.reconciliation import as_table, rows

RULES = Rules()
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")


def signal(number: int, type_: str, minutes: float, **more: object) -> Signal:
    return Signal(UUID(int=number), type_, NOW + timedelta(minutes=minutes), **more)  # type: ignore[arg-type]


def kinds_of(*signals: Signal) -> set[JobKind]:
    return {look.kind for look in of_events("h", signals, RULES, {}) if look.finding}


def gone_of(*signals: Signal) -> set[JobKind]:
    return {look.kind for look in of_events("h", signals, RULES, {}) if look.gone}


def test_a_condition_that_changes_three_times_in_a_quarter_of_an_hour_chatters() -> None:
    fails = [signal(n, kind, n * 5) for n, kind in enumerate(("mains_fail", "mains_restored", "mains_fail"), 1)]
    assert kinds_of(*fails) == {JobKind.CHATTERING}
    assert kinds_of(*fails[:2]) == set()
    assert kinds_of(*fails[:2], signal(9, "mains_fail", 30)) == set()


def test_the_same_told_again_is_no_change_and_two_conditions_are_not_one() -> None:
    assert kinds_of(*(signal(n, "mains_fail", n) for n in range(1, 9))) == set()
    mixed = (signal(1, "mains_fail", 1), signal(2, "path_lost", 2), signal(3, "mains_restored", 3))
    assert kinds_of(*mixed, signal(4, "path_restored", 4)) == set()


@pytest.mark.parametrize("year", [1970, 2099])
def test_a_wrong_clock_is_found_and_gone_with_the_next_right_one(year: int) -> None:
    """C20."""
    wrong = signal(1, "pendant", 0, device_at=datetime(year, 1, 1, tzinfo=UTC))
    right = signal(2, "pendant", 5, device_at=NOW + timedelta(minutes=5))
    assert kinds_of(wrong) == {JobKind.CLOCK_WRONG}
    assert gone_of(wrong) == set()
    assert gone_of(wrong, right) == {JobKind.CLOCK_WRONG}
    assert gone_of(right, wrong) == {JobKind.CLOCK_WRONG}, "the order in which they are given is none"


def test_a_late_message_is_no_wrong_clock() -> None:
    """C19."""
    assert kinds_of(signal(1, "pendant", 0, device_at=NOW - timedelta(hours=2))) == set()


def test_a_low_battery_is_gone_once_each_of_them_is_charged() -> None:
    low = [signal(n, "trigger_battery_low", n, device_id=f"p{n}") for n in (1, 2)]
    assert kinds_of(*low) == {JobKind.TRIGGER_BATTERY_LOW}
    assert gone_of(*low, signal(3, "battery_restored", 3, device_id="p1")) == set()
    back = [signal(2 + n, "battery_restored", 2 + n, device_id=f"p{n}") for n in (1, 2)]
    assert gone_of(*low, *back) == {JobKind.TRIGGER_BATTERY_LOW}


@pytest.mark.parametrize("kind", [JobKind.FACTORY_RESET, JobKind.DUPLICATE_ID])
def test_once_is_enough_for_some(kind: JobKind) -> None:
    assert kinds_of(signal(1, kind.value, 0)) == {kind}


def test_what_a_human_has_seen_to_is_no_evidence_any_more() -> None:
    reset = signal(1, "factory_reset", 0)
    assert of_events("h", [reset], RULES, {JobKind.FACTORY_RESET: NOW + timedelta(minutes=1)}) == []
    assert of_events("h", [reset], RULES, {JobKind.CHATTERING: NOW + timedelta(minutes=1)}) != []


def test_a_unit_that_starts_three_times_in_an_hour_loops_and_two_with_one_id_do_not() -> None:
    boots = [(f"b{n}", NOW + timedelta(minutes=10 * n)) for n in range(3)]
    found = reboot_loop(boots, RULES)
    assert found is not None
    assert len(found.items) == 3
    assert reboot_loop(boots[:2], RULES) is None
    assert reboot_loop([(f"b{n}", NOW + timedelta(minutes=40 * n)) for n in range(3)], RULES) is None
    assert reboot_loop([("ab"[n % 2], NOW + timedelta(minutes=n)) for n in range(20)], RULES) is None


def call(number: int, at: datetime, outcome: str, *, open_line: bool = False) -> Call:
    return Call(UUID(int=number), "Pendant pressed", at, outcome, open_line)


def test_calls_at_night_that_nobody_meant_are_found_by_the_clock_on_the_wall() -> None:
    """Kilpatrick: phantom calls that nobody looked into. 23:00 in London is 22:00 UTC in summer."""
    summer = datetime(2026, 7, 10, 22, 30, tzinfo=UTC)
    nights = [call(n, summer + timedelta(days=n), "accidental") for n in range(3)]
    now = summer + timedelta(days=3)
    assert {look.kind for look in of_calls("h", nights, RULES, {}, now)} == {JobKind.NIGHT_PRESSES}
    assert of_calls("h", nights[:2], RULES, {}, now) == []
    days = [call(n, one.at + timedelta(hours=8), "accidental") for n, one in enumerate(nights)]
    assert of_calls("h", days, RULES, {}, now) == []
    winter = [call(n, datetime(2026, 1, 10 + n, 22, 30, tzinfo=UTC), "accidental") for n in range(3)]
    assert of_calls("h", winter, RULES, {}, winter[-1].at) == []


def test_a_call_is_silent_by_its_outcome_or_because_somebody_noted_so() -> None:
    noon = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    calls = [
        call(1, noon, "reassured", open_line=True),
        call(2, noon + timedelta(days=1), "no_response_visit"),
        call(3, noon + timedelta(days=2), "unable_to_reach"),
        call(4, noon + timedelta(days=2), "reassured"),
    ]
    (look,) = of_calls("h", calls, RULES, {}, noon + timedelta(days=3))
    assert look.kind is JobKind.SILENT_CALLS
    assert look.finding is not None
    assert len(look.finding.items) == 3
    assert of_calls("h", calls, RULES, {}, noon + timedelta(days=8)) == [], "a week later two are too long ago"


PENDANT = Trigger("p1", "pendant", None, NOW - timedelta(days=400))
SMOKE = Trigger("p2", "smoke", "Hall", NOW - timedelta(days=400))


def standing(unit: Unit, now: datetime = NOW) -> dict[JobKind, bool]:
    """What is found of a unit, and whether it is a matter of life-safety."""
    return {look.kind: look.finding.life_safety for look in of_unit(unit, RULES, now) if look.finding}


def unit(**columns: object) -> Unit:
    heard = {"p1": NOW, "p2": NOW}
    base = {"registered": (PENDANT, SMOKE), "listed": {"p1": {}, "p2": {}}, "proven": heard}
    return Unit("h", watched=True, **{**base, **columns})  # type: ignore[arg-type]


def test_a_detector_in_one_list_and_not_in_the_other_is_a_matter_of_life_safety() -> None:
    """Anderson, [2016] FAI 15."""
    assert standing(unit()) == {}
    assert standing(unit(listed={"p1": {}})) == {JobKind.NOT_LISTED: True}
    assert standing(unit(listed={"p2": {}})) == {JobKind.NOT_LISTED: False}
    stray = {"p1": {}, "p2": {}, "p9": {"kind": "carbon_monoxide"}}
    assert standing(unit(listed=stray)) == {JobKind.NOT_REGISTERED: True}
    assert standing(unit(listed={**stray, "p9": {"kind": None}})) == {JobKind.NOT_REGISTERED: False}


def test_a_unit_that_has_listed_nothing_yet_and_one_out_of_service_are_no_finding() -> None:
    assert standing(unit(listed=None)) == {}
    out = Unit("h", watched=False, registered=(SMOKE,), listed={})
    assert standing(out) == {}
    assert all(look.gone for look in of_unit(out, RULES, NOW))


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"proven": {"p1": NOW - timedelta(days=34)}}, False),
        ({"proven": {"p1": NOW - timedelta(days=35)}}, True),
        ({"proven": {}}, True),
        ({"proven": {}, "away": True}, False),
        ({"proven": {}, "listed": {"p1": {"last_seen": (NOW - timedelta(days=1)).isoformat()}, "p2": {}}}, False),
        ({"proven": {}, "listed": {"p1": {"last_seen": (NOW + timedelta(days=1)).isoformat()}, "p2": {}}}, True),
        ({"proven": {}, "listed": {"p1": {"last_seen": "yesterday"}, "p2": {}}}, True),
    ],
    ids=["34 days", "35 days", "never", "away", "the unit hears it", "a clock ahead", "no time"],
)
def test_a_pendant_that_nobody_has_heard_for_35_days(columns: dict[str, object], found: bool) -> None:
    assert (JobKind.TRIGGER_UNHEARD in standing(unit(**columns))) is found


def test_a_battery_that_the_unit_lists_as_low() -> None:
    charged = {"battery_pct": 21}
    assert standing(unit(listed={"p1": {"battery_pct": 20}, "p2": charged})) == {JobKind.TRIGGER_BATTERY_LOW: False}
    assert standing(unit(listed={"p1": charged, "p2": charged})) == {}


def test_what_a_unit_logs_in_with_runs_out_and_the_job_is_due_by_then() -> None:
    soon, later = date(2026, 12, 20), date(2027, 3, 1)
    assert standing(unit(certificate_expires_on=later)) == {}
    assert standing(unit(certificate_expires_on=soon)) == {JobKind.CREDENTIAL_EXPIRY: False}
    assert standing(unit(credential_issued_at=NOW - timedelta(days=729))) == {JobKind.CREDENTIAL_EXPIRY: False}
    assert standing(unit(credential_issued_at=NOW - timedelta(days=600))) == {}
    tomorrow = unit(certificate_expires_on=(NOW + timedelta(days=1)).date())
    (look,) = (each for each in of_unit(tomorrow, RULES, NOW) if each.finding)
    assert look.finding is not None
    assert due_at(look.finding, "D", NOW) == datetime(2026, 11, 28, tzinfo=LONDON)


def test_every_kind_has_words_and_a_graver_tier_is_never_due_later() -> None:
    assert {*KINDS} == {*JobKind}
    assert {row.urgency for row in KINDS.values()} == {*Urgency}


def test_the_table_of_a_reconciliation_says_what_agrees_and_computes_nothing() -> None:
    odd = unit(listed={"p1": {}, "=1+1": {"kind": "smoke"}}, proven={"p1": NOW})
    text = as_table(rows([odd, Unit("out", watched=False, registered=(SMOKE,))], "S12000047", NOW))
    lines = [line.split(",") for line in text.splitlines()]
    assert [(line[2], line[-1]) for line in lines[1:]] == [
        ("'=1+1", "not registered"), ("p1", "agrees"), ("p2", "not listed"),
    ]  # fmt: skip
