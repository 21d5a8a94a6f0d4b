"""The pure core: `decide(state, event, now) -> Decision`. The same arguments give the same result, always."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from alarms.escalation.domain import (
    IN_HOUSE,
    TARGET_WORDS,
    Acked,
    Address,
    Addresses,
    Annotated,
    Arrived,
    Attended,
    CancelPending,
    Claim,
    Cleared,
    Closed,
    Condition,
    ContactAttempted,
    Decision,
    Delivered,
    Effect,
    Escalated,
    Handling,
    Held,
    Holder,
    HubCancelled,
    Input,
    LogLine,
    Noted,
    Notify,
    Raised,
    Released,
    Renewed,
    Repeated,
    RuleError,
    State,
    Step,
    Target,
    TimerDue,
    Uncovered,
    VoiceLost,
)
from alarms.escalation.outcomes import OUTCOMES, Needs

SYSTEM = "system"
HUB = "hub"

REPEAT_QUIET = timedelta(seconds=30)
"""After a repeat press nobody who was told less than this ago is told again (C03)."""

MAX_ARRIVAL = timedelta(minutes=60)
"""Responders arrive within 60 minutes of the decision to deploy; nobody may promise later without being asked."""

RENEWALS_BEFORE_SUPERVISOR = 6

WITHOUT_NEW_VERSION = (Noted, ContactAttempted, Delivered, Annotated)
"""Inputs that change nothing an operator decides on: a button pressed meanwhile is not stale."""


@dataclass
class _Draft:
    """A decision in the making: the state so far, and what it says and sends."""

    state: State
    now: datetime
    effects: list[Effect] = field(default_factory=list)
    log: list[LogLine] = field(default_factory=list)

    def put(self, **changes: Any) -> None:
        """Change the state."""
        self.state = replace(self.state, **changes)

    def say(self, kind: str, actor: str, text: str) -> None:
        """Add a line to the log."""
        self.log.append(LogLine(kind, actor, text))

    def tell(self, targets: Iterable[Target], addresses: Addresses, reason: str) -> list[str]:
        """Notify whoever stands behind the targets, each address once; return their labels."""
        told = [effect.to for effect in self.effects if isinstance(effect, Notify)]
        labels: list[str] = []
        for target in targets:
            for to in addresses.get(target, ()):
                labels.append(to.label)
                if not any((to.channel, to.address) == (other.channel, other.address) for other in told):
                    told.append(to)
                    self.effects.append(Notify(self._key(to), target, to, self.state.rank, reason))
        return labels

    def tell_supervisor(self, addresses: Addresses, reason: str) -> str:
        """Notify the supervisor, or the duty manager where there is none; return in words who was told."""
        labels = self.tell((Target.SUPERVISOR,), addresses, reason)
        if not labels:
            self.effects.append(Uncovered((Target.SUPERVISOR,)))
            labels = self.tell((Target.DUTY_MANAGER,), addresses, f"{reason}, and there is no supervisor to tell")
        return ", ".join(labels) or "nobody, for nobody has an address there"

    def page_duty_manager(self, addresses: Addresses, reason: str) -> None:
        """Notify the duty manager, or the supervisor where there is none: a hole in the ladder is somebody's news."""
        if not self.tell((Target.DUTY_MANAGER,), addresses, reason):
            self.tell((Target.SUPERVISOR,), addresses, reason)

    def _key(self, to: Address) -> str:
        return f"{self.state.alarm_id}:{self.state.version}:{to.channel}:{to.address}"


def decide(state: State | None, event: Input, now: datetime) -> Decision:
    """Return what follows from `event` at `now` (the database's clock).

    Raises RuleError when a rule forbids it; then nothing has changed.
    """
    if isinstance(event, Raised):
        if state is not None:
            raise RuleError("This alarm has been raised already")
        return _raise(event)
    if state is None:
        raise RuleError("There is no such alarm")
    if state.handling is Handling.CLOSED and not isinstance(event, Delivered):
        raise RuleError(f"This alarm is closed ({state.outcome}); closed is final")
    new = state if isinstance(event, WITHOUT_NEW_VERSION) else replace(state, version=state.version + 1)
    draft = _Draft(new, now)
    _RULES[type(event)](draft, event)
    if not draft.log:  # a timer that found nothing due
        return Decision(state, (), ())
    return Decision(draft.state, tuple(draft.effects), tuple(draft.log))


def _raise(event: Raised) -> Decision:
    state = State(
        alarm_id=event.alarm_id,
        version=1,
        type=event.type,
        class_=event.class_,
        rank=event.rank,
        ladder=event.ladder,
        raised_at=event.received_at,
        step_due_at=event.received_at,
    )
    return Decision(state, (), (LogLine("raised", HUB, f"{event.words}. Ladder: {event.ladder.name}."),))


def _repeat(draft: _Draft, event: Repeated) -> None:
    state = draft.state
    # One place ahead of its equals, never out of its class: a repeated pendant stays behind a fire.
    draft.put(
        events=state.events + 1,
        rank=min(state.rank, max(0, event.rank - 1)),
        condition=Condition.ACTIVE,
    )
    notes = "".join(f" {note}." for note in event.notes)
    draft.say("repeated", HUB, f"{event.words} again: signal {draft.state.events} of this alarm.{notes}")
    if state.class_ == "L":
        _hasten(draft)


def _hasten(draft: _Draft) -> None:
    """Let the next step come as soon as nobody is told again who was told just now."""
    state = draft.state
    if state.handling is Handling.RAISED and state.step_due_at is not None and state.last_step_at is not None:
        draft.put(step_due_at=min(state.step_due_at, max(draft.now, state.last_step_at + REPEAT_QUIET)))


def _hub_cancel(draft: _Draft, _event: HubCancelled) -> None:
    draft.put(hub_cancelled=True)
    words = "Cancelled at the unit. "
    if draft.state.class_ == "L":
        words += "A cancel does not close a life-safety alarm: speak with the person."
    draft.say("hub_cancelled", HUB, words.strip())


def _clear(draft: _Draft, event: Cleared) -> None:
    draft.put(condition=Condition.CLEARED)
    draft.say("cleared", HUB, f"{event.words}.")
    # Whatever a ladder says, a life-safety alarm never ends by itself (C05).
    by_itself = draft.state.ladder.closes_when_cleared and draft.state.class_ != "L"
    if by_itself and draft.state.handling is Handling.RAISED:
        _end(draft, "technical_auto", SYSTEM, "The cause is gone")


def _annotate(draft: _Draft, event: Annotated) -> None:
    draft.say("annotated", HUB, f"{event.words}.")


def _ack(draft: _Draft, event: Acked) -> None:
    state = draft.state
    if state.claim is None:
        draft.effects.append(CancelPending())  # a human has it: who has not been called yet need not be (R31)
        draft.say("acked", event.by.name, f"{event.by.name} has it.")
    elif state.claim.holder.id != event.by.id:
        holder = state.claim.holder
        if not event.take_over:
            raise RuleError(f"{holder.name} has it since {_ago(state.claim.since, draft.now)}")
        draft.say("taken_over", event.by.name, f"{event.by.name} took it over from {holder.name}.")
    elif state.handling is Handling.ATTENDING or state.hold_until is not None:
        draft.say("acked", event.by.name, f"{event.by.name} has it in hand again.")
    else:
        _renew(draft, Renewed(event.by))
        return
    draft.put(
        handling=Handling.ACKED,
        claim=Claim(event.by, draft.now, draft.now + timedelta(seconds=state.ladder.ack_s)),
        first_acked_at=state.first_acked_at or draft.now,
        step_due_at=None,
        arrival_due_at=None,
        arrival_asked=False,
        hold_until=None,
        supervisor_at=None,
    )


def _renew(draft: _Draft, event: Renewed) -> None:
    claim = _claim_of(draft.state, event.by)
    renewals = claim.renewals + 1
    expires_at = draft.now + timedelta(seconds=draft.state.ladder.ack_s)
    draft.put(claim=replace(claim, expires_at=expires_at, reminded=False, renewals=renewals))
    draft.say("renewed", event.by.name, f"{event.by.name} still has it.")
    if renewals % RENEWALS_BEFORE_SUPERVISOR == 0:
        draft.put(supervisor_at=draft.now)


def _release(draft: _Draft, event: Released) -> None:
    _claim_of(draft.state, event.by)
    draft.say("released", event.by.name, f"{event.by.name} gave it back{_because(event.reason)}.")
    _back_to_raised(draft)


def _attend(draft: _Draft, event: Attended) -> None:
    claim = _claim_of(draft.state, event.by)
    ladder = draft.state.ladder
    wait = min(timedelta(seconds=ladder.arrival_s if event.arrive_in_s is None else event.arrive_in_s), MAX_ARRIVAL)
    draft.put(
        handling=Handling.ATTENDING,
        claim=replace(claim, reminded=False),
        arrival_due_at=draft.now + wait,
        arrival_asked=False,
        hold_until=None,
    )
    draft.say("attending", event.by.name, f"{event.who} is on the way; arrival asked in {_words(wait)}.")


def _hold(draft: _Draft, event: Held) -> None:
    _claim_of(draft.state, event.by)
    if draft.state.hold_until is not None:
        raise RuleError("The call is on hold already; a hold is not prolonged")
    draft.put(hold_until=draft.now + timedelta(seconds=draft.state.ladder.hold_s))
    limit = _words(timedelta(seconds=draft.state.ladder.hold_s))
    draft.say("held", event.by.name, f"{event.by.name} put the call on hold{_because(event.reason)}; limit {limit}.")


def _escalate(draft: _Draft, event: Escalated) -> None:
    draft.say("escalated", event.by.name, f"{event.by.name} asked for the next step{_because(event.reason)}.")
    if draft.state.claim is not None and draft.state.claim.holder.id != event.by.id:
        draft.say("taken_from", event.by.name, f"{draft.state.claim.holder.name} no longer holds it.")
    _back_to_raised(draft)


def _lose_voice(draft: _Draft, event: VoiceLost) -> None:
    """Put it back at the top of the queue; where a human had it, the second ring group is called at once (C08).

    Where nobody had it the ladder only goes on sooner, or a line that drops again and again would hold it down. And
    nobody is called back from their way: they, and the question whether they arrived, are the way on then.
    """
    state = draft.state
    if state.class_ != "L" or state.handling is Handling.ATTENDING:
        draft.say("voice_ended", HUB, f"{event.words}.")
        return
    draft.put(rank=min(state.rank, event.rank))
    if state.claim is None:
        draft.say("voice_lost", HUB, f"{event.words}: it is at the top of the queue.")
        _hasten(draft)
        return
    had = state.claim.holder.name
    draft.say("voice_lost", HUB, f"{event.words} while {had} had it: it is back at the top of the queue.")
    steps = state.ladder.steps
    second_ring = next((n for n, step in enumerate(steps) if Target.SECOND_QUEUE in step.targets), 0)
    draft.put(step=min(state.step, second_ring))
    _back_to_raised(draft)


def _arrive(draft: _Draft, event: Arrived) -> None:
    """Take it as the answer to the question whether somebody is there; the holder goes on as after a claim."""
    claim = draft.state.claim
    if draft.state.handling is not Handling.ATTENDING or claim is None:
        draft.say("annotated", HUB, f"{event.words}.")
        return
    expires_at = draft.now + timedelta(seconds=draft.state.ladder.ack_s)
    draft.put(
        handling=Handling.ACKED,
        claim=replace(claim, expires_at=expires_at, reminded=False),
        arrival_due_at=None,
        arrival_asked=False,
    )
    draft.say("arrived", HUB, f"{event.words}: {claim.holder.name} has it in hand again.")


def _note(draft: _Draft, event: Noted) -> None:
    draft.say("note", event.by.name, event.text)


def _contact(draft: _Draft, event: ContactAttempted) -> None:
    result = "reached" if event.reached else "not reached"
    detail = f" {event.text}" if event.text else ""
    draft.say("contact_attempt", event.by.name, f"{event.contact}: {result}.{detail}")


def _close(draft: _Draft, event: Closed) -> None:
    state = draft.state
    outcome = OUTCOMES.get(event.outcome)
    if outcome is None:
        raise RuleError(f"There is no outcome “{event.outcome}”; choose one of: {', '.join(OUTCOMES)}")
    if state.claim is not None and state.claim.holder.id != event.by.id and not event.supervisor:
        raise RuleError(f"{state.claim.holder.name} has it: ask them, or take it over first")
    reason = event.reason.strip()
    proven = event.voice_confirmed or bool(reason)
    if outcome.needs is Needs.SYSTEM:
        raise RuleError(f"“{outcome.code}” is for alarms that end by themselves; choose what you did")
    if outcome.needs is Needs.SUPERVISOR and not event.supervisor:
        raise RuleError("Nobody reached: only a supervisor may end it so. Escalate it instead")
    if outcome.needs is Needs.REASON and not reason:
        raise RuleError(f"“{outcome.words}” needs a reason in words")
    if outcome.needs is Needs.PROOF and state.class_ == "L" and not proven:
        raise RuleError("A life-safety alarm ends so only after a voice check with the person, or with a named reason")
    _end(draft, outcome.code, event.by.name, outcome.words, reason, voice=event.voice_confirmed)


def _deliver(draft: _Draft, event: Delivered) -> None:
    detail = f": {event.detail}" if event.detail else ""
    if event.ok:
        draft.say("sent", SYSTEM, f"{event.label} was sent the {event.channel} message{detail}.")
        return
    draft.say("send_failed", SYSTEM, f"The {event.channel} message to {event.label} failed{detail}.")
    # A failure is news now, not at the next step's time (R05): nobody may be waiting for somebody who was never told.
    # The catch-all keeps its pace: a dead address there would otherwise be tried without end.
    state = draft.state
    if state.handling is Handling.RAISED and state.step_due_at is not None and state.step < len(state.ladder.steps):
        draft.put(step_due_at=min(state.step_due_at, draft.now))


def _timer(draft: _Draft, event: TimerDue) -> None:
    now = draft.now
    if draft.state.handling is Handling.ATTENDING:
        _check_arrival(draft, event.addresses)
    if draft.state.hold_until is not None and draft.state.hold_until <= now:
        draft.put(hold_until=None)
        told = draft.tell_supervisor(event.addresses, "On hold too long")
        draft.say("hold_ended", SYSTEM, f"The hold is over its limit; told: {told}.")
    claim = draft.state.claim
    if draft.state.supervisor_at is not None and draft.state.supervisor_at <= now and claim is not None:
        draft.put(supervisor_at=None)
        told = draft.tell_supervisor(event.addresses, f"{claim.holder.name} has had it for long")
        draft.say("long_held", SYSTEM, f"{claim.holder.name} has renewed {claim.renewals} times; told: {told}.")
    if draft.state.handling is Handling.ACKED:
        _check_claim(draft, event.addresses)
    if draft.state.handling is Handling.RAISED:
        _run_steps(draft, event.addresses)


def _check_arrival(draft: _Draft, addresses: Addresses) -> None:
    due = draft.state.arrival_due_at
    if due is None or due > draft.now:
        return
    if not draft.state.arrival_asked:
        grace = timedelta(seconds=draft.state.ladder.arrival_grace_s)
        draft.put(arrival_asked=True, arrival_due_at=draft.now + grace)
        draft.say("arrival_asked", SYSTEM, f"Is somebody there? Without an answer in {_words(grace)} it goes on.")
        return
    told = draft.tell_supervisor(addresses, "Nobody confirmed an arrival")
    draft.say("arrival_missed", SYSTEM, f"Nobody confirmed an arrival; told: {told}.")
    _back_to_raised(draft)


def _check_claim(draft: _Draft, addresses: Addresses) -> None:
    claim, now = draft.state.claim, draft.now
    if claim is None:
        return
    if claim.expires_at <= now:
        told = draft.tell_supervisor(addresses, f"{claim.holder.name}'s claim lapsed")
        draft.say("lapsed", SYSTEM, f"{claim.holder.name} did not renew; the alarm is open again. Told: {told}.")
        _back_to_raised(draft)
    elif not claim.reminded and claim.expires_at - timedelta(seconds=draft.state.ladder.remind_s) <= now:
        draft.put(claim=replace(claim, reminded=True))
        draft.say(
            "reminder", SYSTEM, f"{claim.holder.name}: renew, or it is open again in {_words(claim.expires_at - now)}."
        )


def _run_steps(draft: _Draft, addresses: Addresses) -> None:
    """Run every step that is due, in order, none skipped in the log; late ones are merged into one message a party."""
    ladder, now = draft.state.ladder, draft.now
    ran: Step | None = None
    while draft.state.step < len(ladder.steps) and _due(draft):
        step = ladder.steps[draft.state.step]
        late = now - (draft.state.step_due_at or now)
        draft.put(step=draft.state.step + 1, last_step_at=now)
        if _tell_step(draft, step, addresses, late):
            ran = step
            draft.put(step_due_at=(draft.state.step_due_at or now) + timedelta(seconds=step.wait_s))
    if not _due(draft):
        return
    if ran is not None and ran.wait_s > 0:
        # Catching up after an outage ends here: from now on the normal pace.
        draft.put(step_due_at=now + timedelta(seconds=ran.wait_s))
        return
    told = _tell_targets(draft, ladder.catch_all, addresses, "Nobody has it")
    if not told:
        draft.page_duty_manager(addresses, "Nobody has it, and nobody stands behind the last resort")
    draft.say("catch_all", SYSTEM, f"Nobody has it; told again: {told or 'nobody stands behind the last resort'}.")
    draft.put(ring=2, last_step_at=now, step_due_at=now + timedelta(seconds=ladder.repeat_s))


def _tell_step(draft: _Draft, step: Step, addresses: Addresses, late: timedelta) -> bool:
    """Tell one step's targets; False when nobody stands behind any of them."""
    number = draft.state.step
    told = _tell_targets(draft, step.targets, addresses, f"Nobody has it (step {number})")
    if not told:
        names = _names(step.targets) or "it"
        draft.say("uncovered", SYSTEM, f"Step {number}: nobody stands behind {names}; going on at once.")
        draft.page_duty_manager(addresses, f"Nobody has it, and nobody stands behind step {number}")
        return False
    if rings := [2 if target is Target.SECOND_QUEUE else 1 for target in step.targets if target in IN_HOUSE]:
        draft.put(ring=max(draft.state.ring, *rings))
    behind = f" ({_words(late)} late)" if late >= timedelta(seconds=2) else ""
    draft.say("step", SYSTEM, f"Step {number}: told {told}{behind}.")
    return True


def _tell_targets(draft: _Draft, targets: tuple[Target, ...], addresses: Addresses, reason: str) -> str:
    """Tell these targets; return in words who was told and behind whom nobody stands, or nothing when nobody was.

    A person without contacts of their own is no hole in the ladder, as long as somebody else is told.
    """
    empty = tuple(target for target in targets if target not in IN_HOUSE and not addresses.get(target))
    reached = [target for target in targets if target not in empty]
    holes = tuple(target for target in empty if target is not Target.CONTACTS) if reached else empty
    if holes or not reached:
        draft.effects.append(Uncovered(holes))
    if not reached:
        return ""
    labels = draft.tell(reached, addresses, reason)
    named = f": {', '.join(labels)}" if labels else ""
    missing = f"; nobody stands behind {_names(empty)}" if empty else ""
    return f"{_names(reached)}{named}{missing}"


def _due(draft: _Draft) -> bool:
    return draft.state.step_due_at is not None and draft.state.step_due_at <= draft.now


def _back_to_raised(draft: _Draft) -> None:
    """Open it again: the ladder goes on at the step after the one that was last told, at once."""
    draft.put(
        handling=Handling.RAISED,
        claim=None,
        hold_until=None,
        arrival_due_at=None,
        arrival_asked=False,
        supervisor_at=None,
        step_due_at=draft.now,
    )


def _end(draft: _Draft, outcome: str, actor: str, words: str, reason: str = "", *, voice: bool = False) -> None:
    draft.put(
        handling=Handling.CLOSED,
        outcome=outcome,
        closed_at=draft.now,
        claim=None,
        hold_until=None,
        arrival_due_at=None,
        supervisor_at=None,
        step_due_at=None,
    )
    draft.effects.append(CancelPending())
    spoke = " Voice check done." if voice else ""
    draft.say("closed", actor, f"{words}{_because(reason)}.{spoke}")


def _claim_of(state: State, by: Holder) -> Claim:
    if state.claim is None:
        raise RuleError("Nobody has it: claim it first")
    if state.claim.holder.id != by.id:
        raise RuleError(f"{state.claim.holder.name} has it: take it over first")
    return state.claim


def _because(reason: str) -> str:
    return f": {reason.strip().rstrip('.')}" if reason.strip() else ""


def _names(targets: Iterable[Target]) -> str:
    return " and ".join(TARGET_WORDS[target] for target in targets)


def _ago(since: datetime, now: datetime) -> str:
    seconds = max(0, int((now - since).total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02d}"


def _words(duration: timedelta) -> str:
    seconds = round(duration.total_seconds())
    if seconds < 120:  # noqa: PLR2004 - below two minutes people count in seconds
        return f"{seconds} s"
    return f"{seconds // 60} min"


_RULES: dict[type[Any], Callable[[_Draft, Any], None]] = {
    Repeated: _repeat,
    HubCancelled: _hub_cancel,
    Cleared: _clear,
    Annotated: _annotate,
    VoiceLost: _lose_voice,
    Arrived: _arrive,
    TimerDue: _timer,
    Acked: _ack,
    Renewed: _renew,
    Released: _release,
    Attended: _attend,
    Held: _hold,
    Escalated: _escalate,
    Noted: _note,
    ContactAttempted: _contact,
    Closed: _close,
    Delivered: _deliver,
}
