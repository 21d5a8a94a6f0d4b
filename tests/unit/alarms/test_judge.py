"""What a message does, before anything is stored: what it joins, clears and is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from alarms.escalation.inputs import Annotated, Arrived, Cleared, HubCancelled, Repeated, VoiceLost
from alarms.escalation.ranks import FIRE, UNKNOWN, URGENT, VOICE_LOST
from alarms.handling.domain import OpenAlarm, Subject
from alarms.intake.domain import Verdict, judge
from alarms.intake.trial import Signal
from alarms.intake.types import TYPES

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOME = Subject(council_id="S12000035", room="bedroom", known=True, placed=True)


def signal(kind: str | None, lane: str = "alarm", **more: object) -> Signal:
    plain = Signal(lane, kind, test=False, device_at=None, problems=(), unreadable=None)
    return replace(plain, **more)


def is_open(kind: str, n: int = 1, *, ago: float = 10, device: str | None = None) -> OpenAlarm:
    row = TYPES[kind]
    return OpenAlarm(UUID(int=n), kind, row.family, row.class_, NOW - timedelta(seconds=ago), device)


def verdict(message: Signal, *open_alarms: OpenAlarm, subject: Subject = HOME) -> Verdict:
    return judge(message, subject, open_alarms, NOW)


def fed(result: Verdict) -> list[tuple[int, type]]:
    return [(alarm_id.int, type(event)) for alarm_id, event in result.feeds]


def test_a_repeat_joins_within_two_minutes_of_the_last_signal_and_says_where_and_what_was_odd():
    late = NOW - timedelta(minutes=5)
    result = verdict(signal("heat", device_at=late), is_open("smoke", ago=120))
    assert (result.treatment, result.opens) == ("joined", ())
    ((_, event),) = result.feeds
    assert event == Repeated("Heat detected (bedroom)", FIRE, ("Late by 5 min: it happened at 11:55 on 25 November",))
    assert verdict(signal("heat"), is_open("smoke", ago=121)).treatment == "alarm"


def test_while_two_hubs_use_one_id_nobodys_press_joins_anothers():
    """C21: both alarms are opened."""
    doubled = is_open("duplicate_id", 2, ago=600)
    assert verdict(signal("pendant"), is_open("pendant"), doubled).treatment == "alarm"
    again = verdict(signal("duplicate_id", lane="heartbeat"), doubled)
    assert fed(again) == [(2, Repeated)]


@pytest.mark.parametrize("kind", ["trigger_battery_low", "trigger_lost", "malfunction", "tamper"])
def test_each_trigger_has_a_fault_of_its_own(kind: str):
    other = is_open(kind, device="p1")
    assert verdict(signal(kind, "event", device_id="p2"), other).treatment == "alarm"
    assert verdict(signal(kind, "event", device_id="p1"), other).treatment == "joined"


def test_what_one_trigger_says_of_itself_clears_no_others_fault():
    pendant, detector = is_open("trigger_battery_low", 1, device="p1"), is_open("trigger_battery_low", 2, device="s1")
    unit = is_open("hub_battery_low", 3)
    result = verdict(signal("battery_restored", "event", device_id="p1"), pendant, detector, unit)
    assert fed(result) == [(1, Cleared)]
    assert fed(verdict(signal("battery_restored", "event"), pendant, detector, unit)) == [(3, Cleared)]
    lost = is_open("trigger_lost", 4, device="s1")
    assert fed(verdict(signal("trigger_restored", "event", device_id="p1"), lost)) == []


def test_a_low_battery_is_urgent_while_the_mains_are_off_whichever_comes_first():
    """Domain 1.6: the unit is about to fall silent."""
    mains, battery = is_open("mains_fail", 1), is_open("hub_battery_low", 2)
    (quiet,) = verdict(signal("hub_battery_low", "event")).opens
    assert (quiet.class_, quiet.words) == ("T", "Battery of the unit low")
    (urgent,) = verdict(signal("hub_battery_low", "event"), mains, battery).opens
    assert (urgent.class_, urgent.rank, urgent.words) == ("U", URGENT, "Battery of the unit low: mains power lost")
    first, second = verdict(signal("mains_fail", "event"), battery).opens
    assert (first.type, first.class_, second) == ("mains_fail", "T", urgent)
    on_board = replace(battery, family=urgent.family, class_="U")
    assert verdict(signal("mains_fail", "event"), battery, on_board).opens == (first,)
    assert verdict(signal("hub_battery_low", "event", device_id="psu"), mains, battery, on_board).opens == ()
    assert fed(verdict(signal("battery_restored", "event"), on_board)) == [(2, Cleared)]
    assert verdict(signal("trigger_battery_low", "event", device_id="p1"), mains).opens[0].class_ == "T"


def test_mains_power_is_back_whoever_of_the_unit_says_so():
    assert fed(verdict(signal("mains_restored", "event", device_id="psu"), is_open("mains_fail"))) == [(1, Cleared)]


def test_a_call_that_ended_and_a_responder_on_site_concern_all_that_is_open():
    both = is_open("pendant", 1), is_open("mains_fail", 2)
    assert fed(verdict(signal("call_ended"), *both)) == [(1, VoiceLost), (2, VoiceLost)]
    assert verdict(signal("call_ended"), *both).feeds[0][1] == VoiceLost("Voice call ended", VOICE_LOST)
    assert fed(verdict(signal("responder_on_site"), *both)) == [(1, Arrived), (2, Arrived)]
    assert fed(verdict(signal("reset"), *both)) == [(1, Annotated), (2, Annotated)]
    assert fed(verdict(signal("cancel"), *both)) == [(1, HubCancelled)]


def test_a_heartbeat_with_an_alarm_code_changes_nothing_that_is_open():
    """C18."""
    result = verdict(signal("heartbeat"), is_open("pendant"))
    assert (result.treatment, result.feeds, result.opens) == ("heartbeat", (), ())


def test_the_wrong_council_is_noted_and_the_register_decides():
    (opened,) = verdict(signal("pendant", council="S12000047")).opens
    assert opened.notes == ("The unit names council S12000047; the register says S12000035 and decides",)


@pytest.mark.parametrize(("kind", "class_", "rank"), [("flood", "L", UNKNOWN), ("smoke", "L", FIRE)])
def test_a_hub_that_is_installed_nowhere_is_somebody_in_need(kind: str, class_: str, rank: int):
    """C14."""
    (opened,) = verdict(signal(kind), subject=Subject(council_id="S12000035", known=True)).opens
    assert (opened.class_, opened.rank) == (class_, rank)


@pytest.mark.parametrize("kind", ["smoke", "pendant", "test", "cancel", "mains_fail", "heartbeat", None])
def test_whatever_an_unknown_hub_says_on_the_alarm_topic_reaches_a_human(kind: str | None):
    """C13."""
    unreadable = "it is not JSON" if kind is None else None
    (opened,) = verdict(signal(kind, unreadable=unreadable), subject=Subject()).opens
    assert (opened.type, opened.class_) == ("unknown_hub", "L")
    assert opened.rank == (FIRE if kind == "smoke" else min(UNKNOWN, TYPES[kind or "unreadable"].rank))
