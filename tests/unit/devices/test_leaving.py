"""When a hub may leave a person, and what it must have shown before anybody relies on it (C22)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from devices.registry.leaving import Leaving, Proof, Stay, Withdrawal, objection, requirements

SINCE = datetime(2026, 11, 25, 9, tzinfo=UTC)
OLD = Stay("OLD", SINCE - timedelta(days=900), accepted=True)
NEW = Stay("NEW", SINCE, accepted=False)
GONE = Withdrawal("moves to a care home", "user:ewan", "Sheila")
PLAIN = Leaving()


def accepted(stay: Stay) -> Stay:
    return Stay(stay.hub_id, stay.since, accepted=True)


def test_the_old_one_stays_until_the_new_one_is_accepted():
    assert "Accept NEW first" in (objection(OLD, [NEW], PLAIN) or "")
    assert objection(OLD, [accepted(NEW)], PLAIN) is None


def test_an_open_alarm_of_the_home_keeps_every_hub_whatever_else_holds():
    """Also one that nobody relies on, and also when the service ends: whoever handles it may need the hub."""
    for stay, others in ((OLD, [accepted(NEW)]), (NEW, []), (NEW, [OLD])):
        for how in (PLAIN, Leaving(withdrawal=GONE), Leaving(with_person=True)):
            kept = Leaving(("Pendant pressed",), how.withdrawal, with_person=how.with_person)
            assert "“Pendant pressed”" in (objection(stay, others, kept) or "")


def test_the_last_one_goes_with_the_service_only():
    assert "only hub of this person" in (objection(OLD, [], PLAIN) or "")
    assert objection(OLD, [], Leaving(withdrawal=GONE)) is None
    assert "cannot be withdrawn while NEW" in (objection(OLD, [NEW], Leaving(withdrawal=GONE)) or "")


def test_a_mistake_of_the_morning_can_be_mended():
    assert objection(NEW, [], PLAIN) is None
    assert objection(NEW, [OLD], PLAIN) is None
    first = Stay("FIRST", SINCE - timedelta(hours=1), accepted=False)
    assert objection(NEW, [first], PLAIN) is None, "the last that came"
    assert "Accept NEW first" in (objection(first, [NEW], PLAIN) or ""), "the old one, accepted or not"


def test_a_hub_moves_house_with_its_person():
    assert objection(OLD, [], Leaving(with_person=True)) is None


def test_each_trigger_shows_itself_since_the_hub_came_and_it_is_online():
    paired = [("p1", "pendant"), ("s1", "smoke, Hall")]
    early, late = SINCE - timedelta(seconds=1), SINCE + timedelta(minutes=5)
    proofs = [Proof("p1", late, UUID(int=2)), Proof("p1", early, UUID(int=1)), Proof("s1", early, UUID(int=3))]
    pendant, smoke, online = requirements(paired, proofs, SINCE, online=False)
    assert (pendant.met, pendant.event_id) == (True, UUID(int=2)), "by its latest, over whatever path"
    assert (smoke.met, smoke.event_id, smoke.what) == (False, None, "smoke, Hall: an alarm or a test has arrived")
    assert not online.met


def test_a_hub_without_triggers_shows_itself():
    (unit, _) = requirements([], [], SINCE, online=True)
    assert not unit.met
    (unit, online) = requirements([], [Proof("", SINCE, UUID(int=1))], SINCE, online=True)
    assert unit.met
    assert online.met
