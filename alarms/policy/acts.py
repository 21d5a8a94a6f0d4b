"""What an event of a scenario is to the core. Pure."""

from collections.abc import Callable

from alarms.escalation.domain import Holder, Ladder
from alarms.escalation.inputs import (
    Accepted,
    Acked,
    Attended,
    AtTheHome,
    Cleared,
    Closed,
    Declined,
    Delivered,
    Escalated,
    Fate,
    Finished,
    Held,
    HubCancelled,
    Input,
    NoSpeech,
    OnTheWay,
    Released,
    Renewed,
    Repeated,
    Rerouted,
    Shelved,
    VoiceLost,
)
from alarms.escalation.ranks import VOICE_LOST
from alarms.policy.cast import person_id
from alarms.policy.scenario import EventPart


def input_of(event: EventPart, words: str, rank: int, ladder: Callable[[], Ladder]) -> Input:
    """Return what happens to an alarm whose type has these words and this rank; `ladder` is the one of policies now."""
    for way, fate in (
        (event.fails, Fate.FAILED),
        (event.not_reached, Fate.NOT_REACHED),
        (event.delivered, Fate.DELIVERED),
    ):
        if way is not None:
            who, _, channel = way.rpartition(".")
            return Delivered(who, channel.partition("/")[0], fate, event.why, way)
    by = Holder(str(person_id(event.by)), event.by)
    if event.close is not None:
        return Closed(by, event.close, event.why, event.voice_confirmed, event.supervisor)
    if event.act == "reroute":
        return Rerouted(ladder(), event.why or "Moved to the policy as it is now", by)
    return _plain(event, by, words, rank)


def _plain(event: EventPart, by: Holder, words: str, rank: int) -> Input:
    acts: dict[str, Input] = {
        "repeat": Repeated(words, rank),
        "clear": Cleared("Back to normal"),
        "cancel": HubCancelled(),
        "voice_lost": VoiceLost("The call has ended", VOICE_LOST),
        "ack": Acked(by),
        "take_over": Acked(by, take_over=True),
        "renew": Renewed(by),
        "release": Released(by, event.why),
        "attend": Attended(by, event.why or "A responder", event.arrive_in),
        "hold": Held(by, event.why),
        "escalate": Escalated(by, event.why),
        "shelve": Shelved(by, event.for_, event.why),
        "no_speech": NoSpeech(by),
        "accept": Accepted(by, event.via, event.arrive_in),
        "decline": Declined(by, event.via, event.why),
        "on_the_way": OnTheWay(by, event.via, event.arrive_in),
        "there": AtTheHome(by, event.via),
        "done": Finished(by, event.via, event.why),
    }
    return acts[str(event.act)]
