"""What a hub reports of an alarm that is open, and what providers report of its messages."""

from dataclasses import replace
from datetime import timedelta

from alarms.escalation import rounds, steps
from alarms.escalation.domain import Condition, Decision, Handling, LogLine, State, Target
from alarms.escalation.draft import HUB, SYSTEM, Draft, in_words
from alarms.escalation.inputs import (
    Annotated,
    Arrived,
    Cleared,
    Delivered,
    Fate,
    HubCancelled,
    Raised,
    Repeated,
    Rerouted,
    RulesChanged,
    VoiceLost,
    WorkMoved,
)

FATES = {
    Fate.SENT: ("sent", "{label} was sent the {channel} message{detail}."),
    Fate.DELIVERED: ("delivered", "The {channel} message to {label} was delivered{detail}."),
    Fate.FAILED: ("send_failed", "The {channel} message to {label} failed{detail}."),
    Fate.NOT_REACHED: ("not_reached", "The {channel} message did not reach {label}{detail}."),
}


def raise_alarm(event: Raised, state: State) -> Decision:
    """Return the first state of an alarm: its ladder is due from its first receipt on."""
    text = f"{event.words}. Ladder: {event.ladder.name}."
    if event.quiet_until is not None and event.quiet_until > event.received_at:
        quiet = in_words(event.quiet_until - event.received_at)
        state = replace(state, in_work=True)
        if event.class_ == "L":  # never quiet, only marked (C16)
            text += f" Planned work is going on here for {quiet} more; people are told all the same."
        else:
            text += f" Planned work is going on: nobody is told for {quiet}."
            state = replace(state, quiet_until=event.quiet_until, step_due_at=event.quiet_until)
    return Decision(state, (), (LogLine("raised", HUB, text),))


def repeat(draft: Draft, event: Repeated) -> None:
    """Raise the case: it is evidence of need."""
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
        steps.hasten(draft)


def hub_cancel(draft: Draft, _event: HubCancelled) -> None:
    """Annotate it: a cancel ends nothing (C04)."""
    draft.put(hub_cancelled=True)
    words = "Cancelled at the unit. "
    if draft.state.class_ == "L":
        words += "A cancel does not close a life-safety alarm: speak with the person."
    draft.say("hub_cancelled", HUB, words.strip())


def clear(draft: Draft, event: Cleared) -> None:
    """Note that the cause is gone; a technical alarm that nobody has ends with it."""
    draft.put(condition=Condition.CLEARED)
    draft.say("cleared", HUB, f"{event.words}.")
    # Whatever a ladder says, a life-safety alarm never ends by itself (C05).
    by_itself = draft.state.ladder.closes_when_cleared and draft.state.class_ != "L"
    if by_itself and draft.state.handling is Handling.RAISED:
        draft.end("technical_auto", SYSTEM, "The cause is gone")


def annotate(draft: Draft, event: Annotated) -> None:
    """Note what the hub says."""
    draft.say("annotated", HUB, f"{event.words}.")


def lose_voice(draft: Draft, event: VoiceLost) -> None:
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
        steps.hasten(draft)
        return
    had = state.claim.holder.name
    draft.say("voice_lost", HUB, f"{event.words} while {had} had it: it is back at the top of the queue.")
    second_ring = next((n for n, step in enumerate(state.ladder.steps) if Target.SECOND_QUEUE in step.targets), 0)
    draft.put(step=min(state.step, second_ring))
    draft.back_to_raised()


def arrive(draft: Draft, event: Arrived) -> None:
    """Take it as the answer to the question whether somebody is there; the holder goes on as after a claim."""
    claim = draft.state.claim
    if draft.state.handling is not Handling.ATTENDING or claim is None:
        draft.say("annotated", HUB, f"{event.words}.")
        return
    expires_at = draft.now + timedelta(seconds=draft.state.ladder.ack_s)
    draft.put(
        handling=Handling.ACKED,
        claim=replace(claim, expires_at=expires_at, reminded=False),
        acceptances=(),
        arrival_due_at=None,
        arrival_asked=False,
    )
    draft.say("arrived", HUB, f"{event.words}: {claim.holder.name} has it in hand again.")


def deliver(draft: Draft, event: Delivered) -> None:
    """Note what became of a message; a failure is an event that moves the rounds and the ladder on at once (R05)."""
    kind, words = FATES[event.fate]
    detail = f": {event.detail}" if event.detail else ""
    draft.say(kind, SYSTEM, words.format(label=event.label, channel=event.channel, detail=detail))
    if event.fate in {Fate.FAILED, Fate.NOT_REACHED}:
        rounds.fail(draft, event.channel, event.address)
        steps.go_on_if_hopeless(draft)


def change_rules(draft: Draft, event: RulesChanged) -> None:
    """Look again at when each round goes on."""
    draft.say("rules_changed", SYSTEM, "Contact rules have changed: who is told when was worked out anew.")
    rounds.reread(draft, event.going_on)
    steps.go_on_if_hopeless(draft)


def reroute(draft: Draft, event: Rerouted) -> None:
    """Begin anew on another ladder; who has it keeps it, and the new ladder counts if they let it go (S09, R24).

    It was shelved for what it seemed to be: it comes off the shelf. The new ladder also says how long a claim lasts:
    one that was good for a day on a technical ladder must not keep a graver one.
    """
    actor = event.by.name if event.by else SYSTEM
    off = " It is off the shelf." if draft.state.shelved_until is not None else ""
    draft.say("rerouted", actor, f"{event.reason}. Ladder: {event.ladder.name}, version {event.ladder.version}.{off}")
    draft.call_off()
    draft.put(ladder=event.ladder, step=0, loop=0, again=0, exhausted=False, last_step_at=None, shelved_until=None)
    claim, lasts = draft.state.claim, draft.now + timedelta(seconds=event.ladder.ack_s)
    if draft.state.handling is Handling.RAISED:
        draft.put(step_due_at=draft.not_before(draft.now))
    elif draft.state.handling is Handling.ACKED and claim is not None and claim.expires_at > lasts:
        draft.put(claim=replace(claim, expires_at=lasts, reminded=False))


def move_work(draft: Draft, event: WorkMoved) -> None:
    """Let what is quiet be so until the new end of the work; what was told already, or never was quiet, goes on."""
    state = draft.state
    until = max(event.until, draft.now)
    if not state.is_quiet(draft.now) or until == state.quiet_until:
        return
    draft.put(quiet_until=until)
    if state.handling is Handling.RAISED:
        draft.put(step_due_at=draft.not_before(state.shelved_until or draft.now))
    if until == draft.now:
        draft.say("work_ended", event.by.name, f"{event.by.name} ended the planned work: it goes on now.")
    else:
        left = in_words(until - draft.now)
        draft.say("work_moved", event.by.name, f"{event.by.name} moved the planned work: nobody is told for {left}.")
