"""The steps of a ladder: run when they are due, in order, none left out of the log."""

from collections.abc import Sequence
from datetime import timedelta

from alarms.escalation import rounds
from alarms.escalation.domain import FOREVER, IN_HOUSE, Handling, Party, Round, Step, Target, TargetKind, Uncovered
from alarms.escalation.draft import SYSTEM, Draft, in_words, names_of
from alarms.escalation.inputs import TimerDue

REPEAT_QUIET = timedelta(seconds=30)
"""After a repeat press nobody who was told less than this ago is told again (C03)."""

PASS_AT_LEAST_S = 60
"""A ladder that waits nowhere begins anew after this long, so that it cannot spin."""

LATE_FROM = timedelta(seconds=2)


def run(draft: Draft, event: TimerDue) -> None:
    """Run every step that is due, in order; late ones are merged into one message a party.

    One decision begins the ladder once at most: catching up after an outage ends with the pass at hand, and from there
    on it goes at the normal pace.
    """
    told: Step | None = None
    began = False
    while due(draft):
        if draft.state.again == 0 and draft.state.step >= len(draft.state.ladder.steps):
            if not _loops(draft) or began:
                break
            draft.put(step=0, loop=draft.state.loop + 1)
        began = began or draft.state.step == 0
        step = _take_next(draft)
        was_due = draft.state.step_due_at or draft.now
        if _tell_step(draft, step, event, draft.now - was_due):
            told = step
            draft.put(step_due_at=was_due + timedelta(seconds=step.wait_s))
    if not due(draft):
        return
    if told is not None and (told.wait_s > 0 or _loops(draft)):
        # Catching up after an outage ends here: from now on the normal pace.
        draft.put(step_due_at=draft.now + timedelta(seconds=told.wait_s or PASS_AT_LEAST_S))
        return
    _tell_catch_all(draft, event)


def due(draft: Draft) -> bool:
    """Say whether the next step's time has come."""
    return draft.state.step_due_at is not None and draft.state.step_due_at <= draft.now


def hasten(draft: Draft) -> None:
    """Let the next step come as soon as nobody is told again who was told just now."""
    state = draft.state
    if state.handling is Handling.RAISED and state.step_due_at is not None and state.last_step_at is not None:
        draft.put(step_due_at=min(state.step_due_at, max(draft.now, state.last_step_at + REPEAT_QUIET)))


def go_on_if_hopeless(draft: Draft) -> bool:
    """Go on now when nobody whom the last step told can be expected any more: it is news, not a matter of time (R05).

    The catch-all keeps its pace: a dead address there would otherwise be tried without end. Return whether it is the
    turn of somebody of the same step now.
    """
    state = draft.state
    present = present_rounds(draft)
    moved = rounds.move_up(draft, present)
    if state.handling is not Handling.RAISED or state.exhausted or state.step_due_at is None or not present:
        return moved
    step = state.ladder.steps[state.step - 1]
    rang = IN_HOUSE & {*step.targets, *step.otherwise}
    if not rang and all(turn.hopeless for turn in present_rounds(draft)):
        draft.put(step_due_at=min(state.step_due_at, draft.now), again=0)
    return moved


def present_rounds(draft: Draft) -> list[Round]:
    """Return the rounds of the step that was told last; before the first step none are, whoever is told beside."""
    told = (draft.state.step, draft.state.loop)
    return [turn for turn in draft.state.rounds if (turn.step, turn.loop) == told and turn.step != rounds.BESIDE]


def forget_finished(draft: Draft) -> None:
    """Drop rounds of earlier steps that have nothing more to say: their failures move nothing any more."""
    present = present_rounds(draft)
    draft.put(rounds=tuple(turn for turn in draft.state.rounds if turn.next_at is not None or turn in present))


def parties_of(event: TimerDue, targets: Sequence[str]) -> list[tuple[str, Party]]:
    """Return each party behind these targets that can be told, once, with the first target that names them."""
    asked: dict[str, tuple[str, Party]] = {}
    for target in targets:
        for party in event.parties.get(target, ()):
            if party.rules:
                asked.setdefault(party.id, (target, party))
    return list(asked.values())


def _loops(draft: Draft) -> bool:
    """Say whether all steps are to be gone through once more."""
    ladder = draft.state.ladder
    return bool(ladder.steps) and (ladder.loops == FOREVER or draft.state.loop < ladder.loops)


def _take_next(draft: Draft) -> Step:
    """Return the step that is told now, which may be the last one again."""
    state = draft.state
    if state.again > 0:
        draft.put(again=state.again - 1, last_step_at=draft.now)
        return state.ladder.steps[state.step - 1]
    step = state.ladder.steps[state.step]
    draft.put(step=state.step + 1, again=step.retries, last_step_at=draft.now, exhausted=False)
    return step


def _tell_step(draft: Draft, step: Step, event: TimerDue, late: timedelta) -> bool:
    """Tell one step's targets; False when nobody stands behind any of them, or it is not its hour."""
    number = draft.state.step
    targets, hours = step.targets, ""
    if step.hours is not None and not step.hours.hold(event.local):
        targets, hours = step.otherwise, ", outside its hours"
        if not targets:
            draft.put(again=0)
            draft.say("step_passed", SYSTEM, f"Step {number}: it is outside its hours; going on at once.")
            return False
    told = _tell_targets(draft, number, targets, event, f"Nobody has it (step {number})", step.each_s)
    if not told:
        draft.put(again=0)
        names = names_of(targets) or "it"
        draft.say("uncovered", SYSTEM, f"Step {number}{hours}: nobody stands behind {names}; going on at once.")
        draft.page_duty_manager(event.parties, f"Nobody has it, and nobody stands behind step {number}")
        return False
    if rings := [2 if target == Target.SECOND_QUEUE else 1 for target in targets if target in IN_HOUSE]:
        draft.put(ring=max(draft.state.ring, *rings))
    behind = f" ({in_words(late)} late)" if late >= LATE_FROM else ""
    draft.say("step", SYSTEM, f"Step {number}{hours}: told {told}{behind}.")
    return True


def _tell_catch_all(draft: Draft, event: TimerDue) -> None:
    ladder = draft.state.ladder
    if not ladder.steps and not draft.state.exhausted:
        draft.say("no_steps", SYSTEM, "This policy has no steps: going on to the last resort at once.")
    told = _tell_targets(draft, len(ladder.steps) + 1, ladder.catch_all, event, "Nobody has it")
    if not told:
        draft.page_duty_manager(event.parties, "Nobody has it, and nobody stands behind the last resort")
    draft.say("catch_all", SYSTEM, f"Nobody has it; told again: {told or 'nobody stands behind the last resort'}.")
    draft.put(
        ring=2,
        exhausted=True,
        last_step_at=draft.now,
        step_due_at=draft.now + timedelta(seconds=ladder.repeat_s),
    )


def _tell_targets(
    draft: Draft, number: int, targets: Sequence[str], event: TimerDue, reason: str, each_s: int | None = None
) -> str:
    """Tell these targets; return in words who was told and behind whom nobody stands, or nothing when nobody was.

    A person without contacts of their own is no hole in the ladder, as long as somebody else is told.
    """
    asked = parties_of(event, targets)
    covered = {target for target in targets if any(party.rules for party in event.parties.get(target, ()))}
    empty = tuple(target for target in targets if target not in IN_HOUSE and target not in covered)
    reached = [target for target in targets if target not in empty]
    holes = tuple(target for target in empty if target != Target.CONTACTS) if reached else empty
    if holes or not reached:
        draft.effects.append(Uncovered(holes))
    silent = [party for target in targets for party in event.parties.get(target, ()) if not party.rules]
    for party in {party.id: party for party in silent}.values():
        draft.say("not_told", SYSTEM, f"{party.name} cannot be told: {party.silent or 'there is no way to them'}.")
    if not reached:
        return ""
    names = ", ".join(rounds.start(draft, number, asked, reason, each_s))
    groups = names_of(target for target in reached if not target.startswith(f"{TargetKind.RESPONDER}:"))
    missing = f"; nobody stands behind {names_of(empty)}" if empty else ""
    return f"{': '.join(part for part in (groups, names) if part)}{missing}"
