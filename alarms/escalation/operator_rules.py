"""What the users of the console do: claim, renew, hold, send, note, close."""

from dataclasses import replace
from datetime import timedelta

from alarms.escalation.domain import Claim, Handling, RuleError
from alarms.escalation.draft import Draft, ago, because, claim_of, in_words
from alarms.escalation.inputs import (
    Acked,
    Attended,
    Closed,
    ContactAttempted,
    Escalated,
    Held,
    NoSpeech,
    Noted,
    Released,
    Renewed,
    Shelved,
)
from alarms.escalation.outcomes import OUTCOMES, Needs

MAX_ARRIVAL = timedelta(minutes=60)
"""Responders arrive within 60 minutes of the decision to deploy; nobody may promise later without being asked."""

RENEWALS_BEFORE_SUPERVISOR = 6

LONGEST_SHELF = timedelta(hours=24)
PERSONAL = frozenset("LU")
"""The classes behind which a person may wait."""


def ack(draft: Draft, event: Acked) -> None:
    """Give it to a user; whoever has not been told yet need not be (R31)."""
    state = draft.state
    if state.claim is None:
        draft.call_off()
        draft.say("acked", event.by.name, f"{event.by.name} has it.")
    elif state.claim.holder.id != event.by.id:
        holder = state.claim.holder
        if not event.take_over:
            raise RuleError(f"{holder.name} has it since {ago(state.claim.since, draft.now)}")
        draft.say("taken_over", event.by.name, f"{event.by.name} took it over from {holder.name}.")
    elif state.handling is Handling.ATTENDING or state.hold_until is not None:
        draft.say("acked", event.by.name, f"{event.by.name} has it in hand again.")
    else:
        renew(draft, Renewed(event.by))
        return
    draft.put(
        claim=Claim(event.by, draft.now, draft.now + timedelta(seconds=state.ladder.ack_s)),
        first_acked_at=state.first_acked_at or draft.now,
        step_due_at=None,
        hold_until=None,
        supervisor_at=None,
        shelved_until=None,
    )
    if not state.acceptances:  # whoever is on the way stays so, and is asked
        draft.put(handling=Handling.ACKED, arrival_due_at=None, arrival_asked=False)


def renew(draft: Draft, event: Renewed) -> None:
    """Give the holder another full term; the supervisor hears when it takes long (R30)."""
    claim = claim_of(draft.state, event.by)
    renewals = claim.renewals + 1
    expires_at = draft.now + timedelta(seconds=draft.state.ladder.ack_s)
    draft.put(claim=replace(claim, expires_at=expires_at, reminded=False, renewals=renewals))
    draft.say("renewed", event.by.name, f"{event.by.name} still has it.")
    if renewals % RENEWALS_BEFORE_SUPERVISOR == 0:
        draft.put(supervisor_at=draft.now)


def release(draft: Draft, event: Released) -> None:
    """Open it again."""
    claim_of(draft.state, event.by)
    draft.say("released", event.by.name, f"{event.by.name} gave it back{because(event.reason)}.")
    draft.back_to_raised()


def attend(draft: Draft, event: Attended) -> None:
    """Note who is on the way, and when to ask whether they are there (C09)."""
    claim = claim_of(draft.state, event.by)
    ladder = draft.state.ladder
    wait = min(timedelta(seconds=ladder.arrival_s if event.arrive_in_s is None else event.arrive_in_s), MAX_ARRIVAL)
    draft.put(
        handling=Handling.ATTENDING,
        claim=replace(claim, reminded=False),
        arrival_due_at=draft.now + wait,
        arrival_asked=False,
        hold_until=None,
    )
    draft.say("attending", event.by.name, f"{event.who} is on the way; arrival asked in {in_words(wait)}.")


def hold(draft: Draft, event: Held) -> None:
    """Park the call; after the limit a second human is told (C07)."""
    claim_of(draft.state, event.by)
    if draft.state.hold_until is not None:
        raise RuleError("The call is on hold already; a hold is not prolonged")
    draft.put(hold_until=draft.now + timedelta(seconds=draft.state.ladder.hold_s))
    limit = in_words(timedelta(seconds=draft.state.ladder.hold_s))
    draft.say("held", event.by.name, f"{event.by.name} put the call on hold{because(event.reason)}; limit {limit}.")


def shelve(draft: Draft, event: Shelved) -> None:
    """Put a technical alarm aside for a while, with a name and a reason; never what a person may need (C11)."""
    state = draft.state
    if state.class_ in PERSONAL:
        raise RuleError("Only technical alarms can be shelved: somebody may be in need")
    if state.claim is not None and state.claim.holder.id != event.by.id:
        raise RuleError(f"{state.claim.holder.name} has it: ask them, or take it over first")
    if not event.reason.strip():
        raise RuleError("Shelving needs a reason in words")
    wait = timedelta(seconds=event.for_s)
    if not timedelta(0) < wait <= LONGEST_SHELF:
        raise RuleError(f"An alarm is shelved for {in_words(LONGEST_SHELF)} at most")
    draft.back_to_raised()
    draft.call_off()
    draft.put(shelved_until=draft.now + wait, step_due_at=draft.not_before(draft.now + wait))
    draft.say("shelved", event.by.name, f"{event.by.name} shelved it for {in_words(wait)}{because(event.reason)}.")


def escalate(draft: Draft, event: Escalated) -> None:
    """Send it one step up at once."""
    state = draft.state
    if not state.ladder.steps:
        raise RuleError(
            "This policy has no steps: there is nobody to escalate to. Give it one, or tell people yourself"
        )
    if state.quiet_until is not None and state.is_quiet(draft.now):
        left = in_words(state.quiet_until - draft.now)
        raise RuleError(f"Planned work is going on: nobody is told for {left} more. Claim it if you want to act")
    draft.say("escalated", event.by.name, f"{event.by.name} asked for the next step{because(event.reason)}.")
    if state.claim is not None and state.claim.holder.id != event.by.id:
        draft.say("taken_from", event.by.name, f"{state.claim.holder.name} no longer holds it.")
    draft.back_to_raised()


def no_speech(draft: Draft, event: NoSpeech) -> None:
    """Treat an open line on which nobody speaks as an emergency: tell all who can go (C06)."""
    draft.put(silent=True, everybody_at=draft.now)
    draft.say("no_speech", event.by.name, "The line is open and nobody speaks: it is an emergency.")


def note(draft: Draft, event: Noted) -> None:
    """Keep a note."""
    draft.say("note", event.by.name, event.text)


def contact(draft: Draft, event: ContactAttempted) -> None:
    """Keep how an attempt to reach somebody went."""
    result = "reached" if event.reached else "not reached"
    detail = f" {event.text}" if event.text else ""
    draft.say("contact_attempt", event.by.name, f"{event.contact}: {result}.{detail}")


def close(draft: Draft, event: Closed) -> None:
    """End it, if this outcome may end it so."""
    state = draft.state
    outcome = OUTCOMES.get(event.outcome)
    if outcome is None:
        raise RuleError(f"There is no outcome “{event.outcome}”; choose one of: {', '.join(OUTCOMES)}")
    if state.claim is not None and state.claim.holder.id != event.by.id and not event.supervisor:
        raise RuleError(f"{state.claim.holder.name} has it: ask them, or take it over first")
    reason = event.reason.strip()
    proven = event.voice_confirmed or (bool(reason) and not state.silent)
    if outcome.needs is Needs.SYSTEM:
        raise RuleError(f"“{outcome.code}” is for alarms that end by themselves; choose what you did")
    if outcome.needs is Needs.SUPERVISOR and not event.supervisor:
        raise RuleError("Nobody reached: only a supervisor may end it so. Escalate it instead")
    if outcome.needs is Needs.REASON and not reason:
        raise RuleError(f"“{outcome.words}” needs a reason in words")
    if outcome.needs is Needs.PROOF and state.class_ == "L" and not proven:
        if state.silent:
            raise RuleError("Nobody spoke on this call: it ends so only after a voice check with the person")
        raise RuleError("A life-safety alarm ends so only after a voice check with the person, or with a named reason")
    draft.end(outcome.code, event.by.name, outcome.words, reason, voice=event.voice_confirmed)
