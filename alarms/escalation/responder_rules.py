"""What those say who were asked to come: I go, I cannot, I am on my way, I am there, I am done.

An acceptance is a claim with its own arrival timer: who says that they go and does not arrive is asked, and then the
ladder goes on (C09).
"""

from dataclasses import replace
from datetime import timedelta

from alarms.escalation import rounds, steps
from alarms.escalation.domain import Acceptance, Claim, Handling, Holder, RuleError, Target
from alarms.escalation.draft import Draft, because, in_words
from alarms.escalation.inputs import Accepted, AtTheHome, Declined, Finished, OnTheWay
from alarms.escalation.operator_rules import MAX_ARRIVAL

ON_SCENE = timedelta(minutes=30)
"""Whoever is there is asked after this long how it is going."""

BY = {"link": "by the link", "sms": "by text", "voice": "on the telephone"}


def accept(draft: Draft, event: Accepted) -> None:
    """Let somebody go there; when enough have accepted the others are called off."""
    state, by = draft.state, event.by
    if _is_going(draft, by):
        set_out(draft, OnTheWay(by, event.via, event.arrive_in_s, event.target))
        return
    needed = state.ladder.steps[state.step - 1].accepts if 0 < state.step <= len(state.ladder.steps) else 1
    going = [acceptance.by.name for acceptance in state.acceptances]
    if len(going) >= needed:
        raise RuleError(f"{' and '.join(going)} goes already: thank you, you are not needed")
    # Where nobody knows why they were asked they are told as little as a contact.
    target = event.target or next((turn.target for turn in state.rounds if turn.party == by.id), Target.CONTACTS)
    wait = _wait(draft, event.arrive_in_s)
    due = draft.now + wait
    draft.put(
        handling=Handling.ATTENDING,
        claim=state.claim or Claim(by, draft.now, draft.now + timedelta(seconds=state.ladder.ack_s)),
        acceptances=(*state.acceptances, Acceptance(by, draft.now, target)),
        first_acked_at=state.first_acked_at or draft.now,
        step_due_at=None,
        arrival_due_at=min(due, state.arrival_due_at or due),
        arrival_asked=False,
    )
    said = f"{by.name} goes there, said {BY.get(event.via, event.via)}; arrival asked in {in_words(wait)}."
    draft.say("accepted", by.name, said)
    missing = needed - len(draft.state.acceptances)
    if missing > 0:
        rounds.end_of(draft, by.id, declined=False)
        draft.say("more_needed", by.name, f"{missing} more must accept: the others are told on.")
        steps.go_on_if_hopeless(draft)
    else:
        draft.call_off()


def decline(draft: Draft, event: Declined) -> None:
    """Go on without somebody; who had accepted and cannot go after all leaves a hole that is filled at once."""
    by = event.by
    after_all = " after all" if _is_going(draft, by) else ""
    said = f"{by.name} cannot go{after_all}, said {BY.get(event.via, event.via)}{because(event.reason)}."
    draft.say("declined", by.name, said)
    rounds.end_of(draft, by.id, declined=True)
    if after_all:
        _drop_out(draft, by)
    steps.go_on_if_hopeless(draft)


def set_out(draft: Draft, event: OnTheWay) -> None:
    """Note that somebody is on the way, and when to ask whether they are there."""
    if not _is_going(draft, event.by):
        accept(draft, Accepted(event.by, event.via, event.arrive_in_s, event.target))
        return
    wait = _wait(draft, event.arrive_in_s)
    draft.put(arrival_due_at=draft.now + wait, arrival_asked=False)
    draft.say("on_the_way", event.by.name, f"{event.by.name} is on the way; arrival asked in {in_words(wait)}.")


def be_there(draft: Draft, event: AtTheHome) -> None:
    """Note that somebody is there; after a while they are asked how it is going."""
    if not _is_going(draft, event.by):
        accept(draft, Accepted(event.by, event.via, target=event.target))
    draft.put(
        acceptances=tuple(
            replace(acceptance, arrived=acceptance.arrived or acceptance.by.id == event.by.id)
            for acceptance in draft.state.acceptances
        ),
        arrival_due_at=draft.now + ON_SCENE,
        arrival_asked=False,
    )
    draft.say("arrived", event.by.name, f"{event.by.name} is there.")


def finish(draft: Draft, event: Finished) -> None:
    """Note how it went; the alarm is the control room's again, from the first step on, for a human to end it."""
    if not _is_going(draft, event.by):
        raise RuleError("You have not said that you go there: say that first")
    draft.say("finished", event.by.name, f"{event.by.name} is done there{because(event.text)}.")
    _drop_out(draft, event.by, step=0)


def _drop_out(draft: Draft, by: Holder, step: int | None = None) -> None:
    """Let one of those who go be gone; `step` is where the ladder goes on if nobody else is left."""
    state = draft.state
    left = tuple(acceptance for acceptance in state.acceptances if acceptance.by.id != by.id)
    draft.put(acceptances=left)
    held = state.claim is not None and state.claim.holder.id == by.id
    if left:
        if held:
            expires_at = draft.now + timedelta(seconds=state.ladder.ack_s)
            draft.put(claim=Claim(left[0].by, draft.now, expires_at))
    elif held or state.claim is None:
        if step is not None:
            draft.put(step=step, loop=0)
        draft.back_to_raised()
    else:
        expires_at = draft.now + timedelta(seconds=state.ladder.ack_s)
        draft.put(
            handling=Handling.ACKED,
            claim=replace(state.claim, expires_at=expires_at, reminded=False),
            arrival_due_at=None,
            arrival_asked=False,
        )


def _is_going(draft: Draft, by: Holder) -> bool:
    return any(acceptance.by.id == by.id for acceptance in draft.state.acceptances)


def _wait(draft: Draft, arrive_in_s: int | None) -> timedelta:
    return min(timedelta(seconds=draft.state.ladder.arrival_s if arrive_in_s is None else arrive_in_s), MAX_ARRIVAL)
