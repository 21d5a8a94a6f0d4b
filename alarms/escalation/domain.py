"""The words of the escalation core: its state, what can happen to it, and what follows. Frozen, pure, no I/O.

Every open alarm has a moment at which something happens next; an ack is a claim that lapses; a step with nobody behind
it is fallen through at once; after the last step a catch-all repeats until a human has the alarm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias


class Handling(StrEnum):
    """Who has it."""

    RAISED = "raised"
    ACKED = "acked"
    ATTENDING = "attending"
    CLOSED = "closed"


class Condition(StrEnum):
    """Is the cause still there."""

    ACTIVE = "active"
    CLEARED = "cleared"


class Target(StrEnum):
    """Whom a step tells. The two queues are the board itself; the others have addresses."""

    QUEUE = "queue"
    SECOND_QUEUE = "second_queue"
    SUPERVISOR = "supervisor"
    PARTNER_ARC = "partner_arc"
    DUTY_MANAGER = "duty_manager"
    CONTACTS = "contacts"


IN_HOUSE = frozenset({Target.QUEUE, Target.SECOND_QUEUE})
TARGET_WORDS = {
    Target.QUEUE: "the operators' queue",
    Target.SECOND_QUEUE: "the second ring group",
    Target.SUPERVISOR: "the supervisor",
    Target.PARTNER_ARC: "the partner control room",
    Target.DUTY_MANAGER: "the duty manager",
    Target.CONTACTS: "the person's contacts",
}


@dataclass(frozen=True)
class Address:
    """One way to one party: `channel` names the sender, `label` is how the log names them."""

    channel: str
    address: str
    label: str


Addresses: TypeAlias = Mapping[Target, tuple[Address, ...]]


@dataclass(frozen=True)
class ContactRule:
    """Tell this address so many seconds after the start of the party's round."""

    after_s: int
    to: Address


@dataclass(frozen=True)
class Party:
    """Somebody who can be sent or told: a responder or a person's contact, with their rules in order of `after_s`.

    No rules means that nobody can tell them anything: the log says so, and the step counts them as nobody.
    """

    id: str
    name: str
    rules: tuple[ContactRule, ...] = ()


@dataclass(frozen=True)
class Step:
    """Tell these targets, then wait so many seconds before the next step."""

    targets: tuple[Target, ...]
    wait_s: int


@dataclass(frozen=True)
class Ladder:
    """An immutable version of an escalation policy; an alarm keeps the one it was raised with. Times in seconds."""

    name: str
    version: int
    steps: tuple[Step, ...]
    catch_all: tuple[Target, ...]
    repeat_s: int
    ack_s: int
    remind_s: int  # before the ack lapses
    hold_s: int = 60
    arrival_s: int = 45 * 60
    arrival_grace_s: int = 5 * 60
    closes_when_cleared: bool = False


@dataclass(frozen=True)
class Holder:
    """The user who has an alarm."""

    id: str
    name: str


@dataclass(frozen=True)
class Claim:
    """An ack: it lapses at `expires_at` unless renewed."""

    holder: Holder
    since: datetime
    expires_at: datetime
    reminded: bool = False
    renewals: int = 0


@dataclass(frozen=True)
class State:
    """All that the core knows of one alarm. `step` is the index of the next step; past the end is the catch-all."""

    alarm_id: str
    version: int
    type: str
    class_: str
    rank: int
    ladder: Ladder
    raised_at: datetime
    handling: Handling = Handling.RAISED
    condition: Condition = Condition.ACTIVE
    events: int = 1
    step: int = 0
    step_due_at: datetime | None = None
    last_step_at: datetime | None = None
    ring: int = 0
    claim: Claim | None = None
    first_acked_at: datetime | None = None
    hold_until: datetime | None = None
    arrival_due_at: datetime | None = None
    arrival_asked: bool = False
    supervisor_at: datetime | None = None  # when the supervisor is told that this takes long
    hub_cancelled: bool = False
    outcome: str | None = None
    closed_at: datetime | None = None

    @property
    def next_due_at(self) -> datetime | None:
        """Return the moment at which something happens next; None only when closed."""
        if self.handling is Handling.CLOSED:
            return None
        moments = [self.hold_until, self.supervisor_at]
        if self.handling is Handling.RAISED:
            moments.append(self.step_due_at)
        elif self.handling is Handling.ATTENDING:
            moments.append(self.arrival_due_at)
        elif self.claim is not None:
            remind_at = self.claim.expires_at - timedelta(seconds=self.ladder.remind_s)
            moments.append(self.claim.expires_at if self.claim.reminded else remind_at)
        return min(moment for moment in moments if moment is not None)


# What can happen. Each is one input of `decide`; the log keeps it, so that replay(log) = state.


@dataclass(frozen=True)
class Raised:
    """A new alarm; `received_at` is its first receipt by any of our listeners: the ladder and the KPI count from it."""

    alarm_id: str
    type: str
    class_: str
    rank: int
    ladder: Ladder
    words: str
    received_at: datetime


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


@dataclass(frozen=True)
class TimerDue:
    """The alarm's moment has come; `addresses` says who stands behind each target now."""

    addresses: Addresses = field(default_factory=dict)


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
class Escalated:
    """A user sends the alarm one step up at once."""

    by: Holder
    reason: str = ""


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


@dataclass(frozen=True)
class Delivered:
    """A sender's result; `ok` false is a permanent failure."""

    label: str
    channel: str
    ok: bool
    detail: str = ""


Input: TypeAlias = (
    Raised
    | Repeated
    | HubCancelled
    | Cleared
    | Annotated
    | VoiceLost
    | Arrived
    | TimerDue
    | Acked
    | Renewed
    | Released
    | Attended
    | Held
    | Escalated
    | Noted
    | ContactAttempted
    | Closed
    | Delivered
)


# What follows.


@dataclass(frozen=True)
class Notify:
    """Tell this address; `effect_key` is the same whenever the same decision is made, so it is sent once by us."""

    effect_key: str
    target: Target
    to: Address
    rank: int
    reason: str


@dataclass(frozen=True)
class CancelPending:
    """Nothing that has not started may leave any more."""


@dataclass(frozen=True)
class Uncovered:
    """Nobody stands behind these targets: a hole in the ladder, which somebody must mend."""

    targets: tuple[Target, ...]


Effect: TypeAlias = Notify | CancelPending | Uncovered


@dataclass(frozen=True)
class LogLine:
    """One line of the alarm's log, as prose."""

    kind: str
    actor: str
    text: str


@dataclass(frozen=True)
class Decision:
    """What `decide` returns: the new state, what must leave the house, and what the log says of it."""

    state: State
    effects: tuple[Effect, ...]
    log: tuple[LogLine, ...]


class RuleError(Exception):
    """A rule forbids this input in this state; the text says which and what to do instead."""
