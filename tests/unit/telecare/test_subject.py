"""Who and where a message is about, in the words that an operator needs."""

from uuid import UUID

from devices.registry.domain import Connection, Home, HubContext, HubStatus, RiskTier
from telecare.ingest.subject import subject_of
from telecare.wire.payloads import Message

OLD = Home(UUID(int=1), UUID(int=2), "Morag Sinclair", "4 Harbour Row", RiskTier("A"))
NEW = Home(UUID(int=3), UUID(int=4), "Angus Reid", "9 Hill Road", RiskTier("B"))
PRESS = Message(event_id="e", type="pendant", device_id="p1")


def context(**known: object) -> HubContext:
    plain = {"hub_id": "h", "council_id": "S12000035", "status": HubStatus.IN_SERVICE, "connection": Connection.DIGITAL}
    homes = {"now": None, "then": None, "last": None, "rooms": {"p1": ("pendant", "bathroom")}}
    return HubContext(**{**plain, **homes, **known})


def test_a_press_from_before_a_move_shows_both_homes_and_goes_to_the_one_where_it_happened():
    """C23."""
    subject = subject_of(context(now=NEW, then=OLD), PRESS)
    assert (subject.person_name, subject.place) == ("Morag Sinclair", "4 Harbour Row")
    assert subject.notes == (
        "The hub has moved since: it was at 4 Harbour Row when this happened, now at 9 Hill Road. Check both",
    )
    assert subject.placed


def test_a_hub_out_of_service_shows_where_it_was_last():
    """C14."""
    subject = subject_of(context(status=HubStatus.RETIRED, last=OLD), PRESS)
    assert (subject.place, subject.person_id, subject.placed) == ("4 Harbour Row", None, False)
    assert subject.notes == (
        "The register has this hub as retired; last known at 4 Harbour Row. Find out who needs help",
    )


def test_of_two_units_with_one_id_both_homes_are_shown_as_far_as_anybody_knows():
    """C21."""
    double = Message(event_id="e", type="duplicate_id")
    (note,) = subject_of(context(now=NEW, last=OLD), double).notes
    assert "one is at 9 Hill Road, the other may be where it was before, at 4 Harbour Row. Check both" in note
    for last in (None, NEW):
        (note,) = subject_of(context(now=NEW, last=last), double).notes
        assert "one is at 9 Hill Road, and where the other one is nobody knows. Check both" in note
    assert subject_of(context(now=NEW, last=OLD), PRESS).notes == ()


def test_a_hub_that_nobody_knows_has_no_council():
    """C13."""
    subject = subject_of(None, PRESS)
    assert (subject.council_id, subject.known) == (None, False)
    assert subject.notes


def test_the_room_is_the_units_word_or_the_registers():
    assert subject_of(context(now=NEW), PRESS).room == "bathroom"
    assert subject_of(context(now=NEW), Message(event_id="e", type="pendant", room="stairs")).room == "stairs"
