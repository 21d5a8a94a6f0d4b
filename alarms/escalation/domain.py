"""The words of the escalation core: whom a ladder tells, its steps, the state of one alarm. Frozen, pure, no I/O.

Every open alarm has a moment at which something happens next; an ack is a claim that lapses; a step with nobody behind
it is fallen through at once; after the last step a catch-all repeats until a human has the alarm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from alarms.escalation.hours import Hours


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
    """The standing targets. The two queues are the board itself; behind the others stand parties."""

    QUEUE = "queue"
    SECOND_QUEUE = "second_queue"
    SUPERVISOR = "supervisor"
    PARTNER_ARC = "partner_arc"
    DUTY_MANAGER = "duty_manager"
    CONTACTS = "contacts"
    CANARY = "canary"


class TargetKind(StrEnum):
    """The targets with a key of their own, written `kind:key`."""

    RESPONDER = "responder"
    TEAM = "team"
    ROTA = "rota"
    WEBHOOK = "webhook"


IN_HOUSE = frozenset({Target.QUEUE, Target.SECOND_QUEUE})
TARGET_WORDS: Mapping[str, str] = {
    Target.QUEUE: "the operators' queue",
    Target.SECOND_QUEUE: "the second ring group",
    Target.SUPERVISOR: "the supervisor",
    Target.PARTNER_ARC: "the partner control room",
    Target.DUTY_MANAGER: "the duty manager",
    Target.CONTACTS: "the person's contacts",
    Target.CANARY: "the canary's sink",
    TargetKind.RESPONDER: "",
    TargetKind.TEAM: "the team ",
    TargetKind.ROTA: "the rota ",
    TargetKind.WEBHOOK: "the receiver ",
}


def target_words(target: str) -> str:
    """Return a target in words: `rota:wardens` is “the rota wardens”."""
    kind, _, key = target.partition(":")
    return f"{TARGET_WORDS.get(kind, f'{kind} ')}{key}"


@dataclass(frozen=True)
class Address:
    """One way to one party: `channel` names the sender, `label` is how the log names them."""

    channel: str
    address: str
    label: str


@dataclass(frozen=True)
class ContactRule:
    """Tell this address so many seconds after the start of the party's round."""

    after_s: int
    to: Address


@dataclass(frozen=True)
class Party:
    """Somebody who can be sent or told: a responder or a person's contact, with their rules in order of `after_s`.

    No rules means that nobody can tell them anything; `silent` says why, and the step counts them as nobody.
    """

    id: str
    name: str
    rules: tuple[ContactRule, ...] = ()
    silent: str = ""


Parties: TypeAlias = Mapping[str, tuple[Party, ...]]
"""Who stands behind each target at this moment, in their order."""


@dataclass(frozen=True)
class Step:
    """Tell these targets, then wait so many seconds before the next step.

    `each_s`: one party after another, so many seconds apart, instead of all at once. `retries`: told so many times
    more, each after its wait. `accepts`: so many must accept before the others are called off. `hours`: outside of them
    `otherwise` is told instead; where that is empty the step is passed by at once, never parked (R32).
    """

    targets: tuple[str, ...]
    wait_s: int
    each_s: int | None = None
    retries: int = 0
    accepts: int = 1
    hours: Hours | None = None
    otherwise: tuple[str, ...] = ()


FOREVER = -1
"""As a ladder's `loops`: all steps again and again, and never the catch-all."""


@dataclass(frozen=True)
class Ladder:
    """An immutable version of an escalation policy; an alarm keeps the one it was raised with. Times in seconds.

    `loops` is how many times all steps are gone through again before the catch-all.
    """

    name: str
    version: int
    steps: tuple[Step, ...]
    catch_all: tuple[str, ...]
    repeat_s: int
    ack_s: int
    remind_s: int  # before the ack lapses
    hold_s: int = 60
    arrival_s: int = 45 * 60
    arrival_grace_s: int = 5 * 60
    closes_when_cleared: bool = False
    loops: int = 0
    policy: str = ""  # the key of the policy that it is a version of; empty for the built-in ones


@dataclass(frozen=True)
class Holder:
    """Whoever has an alarm or acts on it: a user, a responder or a person's contact."""

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
class Acceptance:
    """Somebody outside the control room said that they go."""

    by: Holder
    at: datetime
    target: str
    arrived: bool = False


@dataclass(frozen=True)
class Round:
    """How far one party has been told: one round for each alarm, step, loop and responder.

    `told_s`: their rules up to so many seconds after `starts_at` are done. `next_at`: when the next of their rules is
    due; None when none is left. `sent` and `failed` are addresses, as `channel:address`.
    """

    step: int
    loop: int
    target: str
    party: str
    name: str
    starts_at: datetime
    told_s: int = -1
    next_at: datetime | None = None
    sent: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    declined: bool = False

    @property
    def hopeless(self) -> bool:
        """Whether nobody can be expected to come by this round any more."""
        return self.declined or (self.next_at is None and set(self.sent) <= set(self.failed))


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
    loop: int = 0
    again: int = 0  # how often the present step is still told again before the next
    exhausted: bool = False  # the catch-all has been told
    step_due_at: datetime | None = None
    last_step_at: datetime | None = None
    ring: int = 0
    rounds: tuple[Round, ...] = ()
    claim: Claim | None = None
    acceptances: tuple[Acceptance, ...] = ()
    first_acked_at: datetime | None = None
    hold_until: datetime | None = None
    arrival_due_at: datetime | None = None
    arrival_asked: bool = False
    supervisor_at: datetime | None = None  # when the supervisor is told that this takes long
    in_work: bool = False  # planned work was going on when it was raised: only a mark
    quiet_until: datetime | None = None  # and because of it nobody is told before
    shelved_until: datetime | None = None  # a technical alarm that somebody has put aside
    hub_cancelled: bool = False
    silent: bool = False  # the line is open and nobody speaks
    everybody_at: datetime | None = None  # when contacts and responders are told all at once
    outcome: str | None = None
    closed_at: datetime | None = None

    def is_quiet(self, now: datetime) -> bool:
        """Say whether nobody is told yet, as planned work goes on."""
        return self.quiet_until is not None and self.quiet_until > now

    @property
    def next_due_at(self) -> datetime | None:
        """Return the moment at which something happens next; None only when closed."""
        if self.handling is Handling.CLOSED:
            return None
        moments = [self.hold_until, self.supervisor_at, self.everybody_at, *(turn.next_at for turn in self.rounds)]
        if self.handling is Handling.RAISED:
            moments.append(self.step_due_at)
        elif self.handling is Handling.ATTENDING:
            moments.append(self.arrival_due_at)
        elif self.claim is not None:
            remind_at = self.claim.expires_at - timedelta(seconds=self.ladder.remind_s)
            moments.append(self.claim.expires_at if self.claim.reminded else remind_at)
        return min(moment for moment in moments if moment is not None)


# What follows.


@dataclass(frozen=True)
class Notify:
    """Tell this address; `effect_key` is the same whenever the same decision is made, so it is sent once by us.

    `party` is who is asked to accept by this message; empty when nobody is asked to.
    """

    effect_key: str
    target: str
    to: Address
    rank: int
    reason: str
    party: str = ""
    party_name: str = ""


@dataclass(frozen=True)
class CancelPending:
    """Nothing that has not started may leave any more."""


@dataclass(frozen=True)
class Uncovered:
    """Nobody stands behind these targets: a hole in the ladder, which somebody must mend."""

    targets: tuple[str, ...]


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
