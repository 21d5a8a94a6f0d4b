"""What time does to an alarm: claims lapse, arrivals are asked for, holds end, rounds and steps go on."""

from dataclasses import replace
from datetime import timedelta

from alarms.escalation import rounds, steps
from alarms.escalation.domain import Handling, Parties, Target, TargetKind
from alarms.escalation.draft import SYSTEM, Draft, in_words
from alarms.escalation.inputs import TimerDue

TO_BE_SENT = frozenset({Target.CONTACTS, TargetKind.RESPONDER, TargetKind.TEAM, TargetKind.ROTA})
"""The targets behind which stand people who can go there."""


def timer(draft: Draft, event: TimerDue) -> None:
    """See to all that is due."""
    now = draft.now
    if draft.state.handling is Handling.ATTENDING:
        _check_arrival(draft, event)
    if draft.state.shelved_until is not None and draft.state.shelved_until <= now:
        draft.put(shelved_until=None)
        draft.say("unshelved", SYSTEM, "The time on the shelf is over, and nobody has ended it: it is open again.")
    if draft.state.hold_until is not None and draft.state.hold_until <= now:
        draft.put(hold_until=None)
        told = draft.tell_supervisor(event.parties, "On hold too long")
        draft.say("hold_ended", SYSTEM, f"The hold is over its limit; told: {told}.")
    claim = draft.state.claim
    if draft.state.supervisor_at is not None and draft.state.supervisor_at <= now and claim is not None:
        draft.put(supervisor_at=None)
        told = draft.tell_supervisor(event.parties, f"{claim.holder.name} has had it for long")
        draft.say("long_held", SYSTEM, f"{claim.holder.name} has renewed {claim.renewals} times; told: {told}.")
    if draft.state.everybody_at is not None and draft.state.everybody_at <= now:
        _tell_everybody(draft, event)
    if draft.state.handling is Handling.ACKED:
        _check_claim(draft, event.parties)
    rounds.run_due(draft, event.going_on, "Nobody has it")
    while steps.go_on_if_hopeless(draft):
        rounds.run_due(draft, event.going_on, "Nobody has it")
    if draft.state.handling is Handling.RAISED:
        steps.run(draft, event)
    if draft.log:
        steps.forget_finished(draft)


def _check_arrival(draft: Draft, event: TimerDue) -> None:
    state = draft.state
    if state.arrival_due_at is None or state.arrival_due_at > draft.now:
        return
    there = any(acceptance.arrived for acceptance in state.acceptances)
    if not state.arrival_asked:
        grace = timedelta(seconds=state.ladder.arrival_grace_s)
        draft.put(arrival_asked=True, arrival_due_at=draft.now + grace)
        for acceptance in state.acceptances:
            party = event.going_on.get(acceptance.by.id)
            if party is not None:
                question = "How is it going there?" if there else "Are you there?"
                draft.tell_at_once(
                    acceptance.target, (party,), f"{question} Please answer, or others are sent", answer=True
                )
        question = "How is it going there" if there else "Is somebody there"
        draft.say("arrival_asked", SYSTEM, f"{question}? Without an answer in {in_words(grace)} it goes on.")
        return
    reason = "Nobody says how it is going there" if there else "Nobody confirmed an arrival"
    told = draft.tell_supervisor(event.parties, reason)
    draft.say("arrival_missed", SYSTEM, f"{reason}; told: {told}.")
    draft.back_to_raised()


def _check_claim(draft: Draft, parties: Parties) -> None:
    claim, now = draft.state.claim, draft.now
    if claim is None:
        return
    if claim.expires_at <= now:
        told = draft.tell_supervisor(parties, f"{claim.holder.name}'s claim lapsed")
        draft.say("lapsed", SYSTEM, f"{claim.holder.name} did not renew; the alarm is open again. Told: {told}.")
        draft.back_to_raised()
    elif not claim.reminded and claim.expires_at - timedelta(seconds=draft.state.ladder.remind_s) <= now:
        draft.put(claim=replace(claim, reminded=True))
        draft.say(
            "reminder",
            SYSTEM,
            f"{claim.holder.name}: renew, or it is open again in {in_words(claim.expires_at - now)}.",
        )


def _tell_everybody(draft: Draft, event: TimerDue) -> None:
    """Tell the contacts and every responder of the ladder at once: somebody is there who cannot speak (C06)."""
    draft.put(everybody_at=None)
    named = [target for step in draft.state.ladder.steps for target in (*step.targets, *step.otherwise)]
    targets = dict.fromkeys((Target.CONTACTS, *(t for t in named if t.partition(":")[0] in TO_BE_SENT)))
    asked = steps.parties_of(event, list(targets))
    reason = "The line is open and nobody speaks"
    if asked:
        told = ", ".join(rounds.start(draft, rounds.BESIDE, asked, reason))
    else:
        told = draft.tell_supervisor(event.parties, reason)
    draft.say("silent_call", SYSTEM, f"Nobody speaks: told {told}.")
