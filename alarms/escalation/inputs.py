"""What can happen to an alarm. Each is one input of `decide`; the log keeps it, so that replay(log) = state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from alarms.escalation.domain import Holder, Ladder, Parties, Party
from alarms.escalation.hours import Local

MIDNIGHT = Local(0, 0)

# From a hub.


@dataclass(frozen=True)
class Raised:
    """A new alarm; `received_at` is its first receipt by any of our listeners: the ladder and the KPI count from it.

    `quiet_until`: planned work is going on, and nobody is told before. Never for life-safety.
    """

    alarm_id: str
    type: str
    class_: str
    rank: int
    ladder: Ladder
    words: str
    received_at: datetime
    quiet_until: datetime | None = None


@dataclass(frozen=True)
class Repeated:
    """Another signal of the same family from the same hub: evidence of need, never noise; `notes` for the operator."""

    words: str
    rank: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class HubCancelled:
    """Somebody pressed cancel at the unit."""


@dataclass(frozen=True)
class Cleared:
    """The cause is over."""

    words: str


@dataclass(frozen=True)
class Annotated:
    """The hub reported something that belongs to this alarm."""

    words: str


@dataclass(frozen=True)
class VoiceLost:
    """The voice call with the home has ended while the alarm is open; `rank` is the top of the queue, below fire."""

    words: str
    rank: int


@dataclass(frozen=True)
class Arrived:
    """Somebody at the home told through the unit that they are there."""

    words: str


# From the engine and the senders.


@dataclass(frozen=True)
class TimerDue:
    """The alarm's moment has come.

    `parties` says who stands behind each target now, `going_on` who of those with a round or an acceptance is still
    there, by id, with their rules of now; `local` is the moment as people there see it.
    """

    parties: Parties = field(default_factory=dict)
    going_on: Mapping[str, Party] = field(default_factory=dict)
    local: Local = MIDNIGHT


@dataclass(frozen=True)
class RulesChanged:
    """Parties with a round have changed how they are told; `going_on` as at `TimerDue`."""

    going_on: Mapping[str, Party]


class Fate(StrEnum):
    """What became of a message."""

    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    NOT_REACHED = "not_reached"  # voicemail, busy, no answer: nobody was told (C10)


@dataclass(frozen=True)
class Delivered:
    """What a sender or a provider says became of a message."""

    label: str
    channel: str
    fate: Fate
    detail: str = ""
    address: str = ""


@dataclass(frozen=True)
class WorkMoved:
    """The planned work in which this alarm was raised is over at another moment: `until`, or now when that has passed.

    Where several works went on it is the end of the last of them.
    """

    until: datetime
    by: Holder


@dataclass(frozen=True)
class Rerouted:
    """The alarm gets another ladder, or another version of its own; it starts anew at the first step."""

    ladder: Ladder
    reason: str
    by: Holder | None = None


# From users of the console.


@dataclass(frozen=True)
class Acked:
    """A user claims the alarm; `take_over` takes it from whoever has it, and both are named."""

    by: Holder
    take_over: bool = False


@dataclass(frozen=True)
class Renewed:
    """The holder is still there."""

    by: Holder


@dataclass(frozen=True)
class Released:
    """The holder gives the alarm back."""

    by: Holder
    reason: str = ""


@dataclass(frozen=True)
class Attended:
    """Somebody is on the way; `arrive_in_s` is when to ask whether they are there."""

    by: Holder
    who: str
    arrive_in_s: int | None = None


@dataclass(frozen=True)
class Held:
    """The holder parks the call; after the ladder's limit a second human is told."""

    by: Holder
    reason: str


@dataclass(frozen=True)
class Shelved:
    """A user puts a technical alarm aside for so many seconds; it comes back by itself if its cause is still there."""

    by: Holder
    for_s: int
    reason: str


@dataclass(frozen=True)
class Escalated:
    """A user sends the alarm one step up at once."""

    by: Holder
    reason: str = ""


@dataclass(frozen=True)
class NoSpeech:
    """The line is open and nobody speaks: an emergency. Contacts and responders are told at once, all of them (C06)."""

    by: Holder


@dataclass(frozen=True)
class Noted:
    """A free note."""

    by: Holder
    text: str


@dataclass(frozen=True)
class ContactAttempted:
    """A contact was tried. Voicemail is not reached."""

    by: Holder
    contact: str
    reached: bool
    text: str = ""


@dataclass(frozen=True)
class Closed:
    """A user ends the alarm. `voice_confirmed`: they spoke with the person."""

    by: Holder
    outcome: str
    reason: str = ""
    voice_confirmed: bool = False
    supervisor: bool = False


# From whoever was asked to come. `via` is how they said it: link, sms, voice. `target` is behind which target they
# stood when they were asked: it says what may be told to them.


@dataclass(frozen=True)
class Accepted:
    """They go; `arrive_in_s` is when to ask whether they are there."""

    by: Holder
    via: str
    arrive_in_s: int | None = None
    target: str = ""


@dataclass(frozen=True)
class Declined:
    """They cannot go, or cannot any more."""

    by: Holder
    via: str
    reason: str = ""


@dataclass(frozen=True)
class OnTheWay:
    """They are on their way; `arrive_in_s` from now."""

    by: Holder
    via: str
    arrive_in_s: int | None = None
    target: str = ""


@dataclass(frozen=True)
class AtTheHome:
    """They are there."""

    by: Holder
    via: str
    target: str = ""


@dataclass(frozen=True)
class Finished:
    """They are done there, and say how it went. A human in the control room ends the alarm."""

    by: Holder
    via: str
    text: str = ""


Input: TypeAlias = (
    Raised
    | Repeated
    | HubCancelled
    | Cleared
    | Annotated
    | VoiceLost
    | Arrived
    | TimerDue
    | RulesChanged
    | Delivered
    | WorkMoved
    | Rerouted
    | Acked
    | Renewed
    | Released
    | Attended
    | Held
    | Shelved
    | Escalated
    | NoSpeech
    | Noted
    | ContactAttempted
    | Closed
    | Accepted
    | Declined
    | OnTheWay
    | AtTheHome
    | Finished
)
