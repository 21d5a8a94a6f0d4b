"""How an alarm may end, as data. A closing that would hide a person in need asks for more than a click."""

from dataclasses import dataclass
from enum import StrEnum


class Needs(StrEnum):
    """What a closing with this outcome must bring."""

    NOTHING = "nothing"
    PROOF = "proof"  # a voice check with the person, or a named reason
    REASON = "reason"
    SUPERVISOR = "supervisor"
    SYSTEM = "system"  # never chosen by a person


@dataclass(frozen=True)
class Outcome:
    """One outcome code and its words."""

    code: str
    words: str
    needs: Needs = Needs.NOTHING


OUTCOMES: dict[str, Outcome] = {
    row.code: row
    for row in [
        Outcome("reassured", "Spoke with the person, all is well"),
        Outcome("test", "A test, confirmed with the person", Needs.PROOF),
        Outcome("accidental", "Pressed by accident, confirmed with the person", Needs.PROOF),
        Outcome("contact_attended", "A contact attended"),
        Outcome("responder_attended", "A responder attended"),
        Outcome("ambulance", "Handed to the ambulance service"),
        Outcome("fire", "Handed to the fire service"),
        Outcome("police", "Handed to the police"),
        Outcome("gp_111", "Handed to a GP or NHS 24"),
        Outcome("social_work", "Handed to social work or out-of-hours services"),
        Outcome("door_opened", "Door opened for the person or a visitor"),
        Outcome("no_response_visit", "No response: visited and found well"),
        Outcome("technical_job", "A job for an engineer was made", Needs.PROOF),
        Outcome("installer", "An installer at work, confirmed with them", Needs.PROOF),
        Outcome("duplicate_of", "Handled under another alarm", Needs.REASON),
        Outcome("refused", "The person refused help", Needs.REASON),
        Outcome("person_not_at_home", "The person is known to be away", Needs.REASON),
        Outcome("deceased_found", "The person was found deceased", Needs.REASON),
        Outcome("unable_to_reach", "Nobody could be reached", Needs.SUPERVISOR),
        Outcome("technical_auto", "Ended by itself: the cause is gone", Needs.SYSTEM),
    ]
}
