"""What the page of proposed times shows: answers in words, and what is said once one is written down. Pure."""

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from devices.switchover.proposals.domain import Answer, slot_words
from devices.switchover.proposals.schemas import ProposalOut
from devices.switchover.visits.domain import ContactChannel
from telecare.console.switchover_view import CHANNELS, OUTCOMES, badge, state_words
from telecare.console.view import LONDON

__all__ = ["BEFORE", "CHANNELS", "OUTCOMES", "badge", "state_words"]

ANSWERS: Mapping[Answer, str] = {
    Answer.AGREES: "They agree to this time",
    Answer.ANOTHER_TIME: "They want another time",
    Answer.REFUSES: "They refuse",
    Answer.NOT_REACHED: "Nobody could be reached",
}
BEFORE = {each: CHANNELS[each] for each in ContactChannel if each is not ContactChannel.PHONE}
DONE: Mapping[str, str] = {
    Answer.AGREES: "They agree: the visit is booked and confirmed.",
    Answer.ANOTHER_TIME: "It is written down. The visit waits until its day, and is a job then.",
    Answer.REFUSES: "It is written down. The visit is declined; on its day it is a job of whoever has it.",
    Answer.NOT_REACHED: "The attempt is written down.",
}


def slot(one: ProposalOut) -> str:
    """Return the proposed time, in words."""
    return slot_words(one.starts_at.astimezone(LONDON), one.ends_at.astimezone(LONDON))


def address(plan_id: UUID, day: str, at: int = 1, done: str = "") -> str:
    """Return the address of the list of a plan's day, or of the whole plan."""
    query = {"day": day, "at": at if at > 1 else "", "done": done}
    kept = urlencode({name: value for name, value in query.items() if value})
    return f"/switchover/plan/{plan_id}/ring{f'?{kept}' if kept else ''}"
