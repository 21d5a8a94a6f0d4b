"""Rounds: how one party is told by one contact rule after the other until somebody has the alarm."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alarms.escalation.domain import Address, ContactRule, Party, Round
from alarms.escalation.draft import SYSTEM, Draft, in_words

BESIDE = 0
"""The number of a round that belongs to no step; steps count from 1, and the catch-all is one more than the last."""


def start(
    draft: Draft,
    step: int,
    asked: Iterable[tuple[str, Party]],
    reason: str,
    each_s: int | None = None,
) -> list[str]:
    """Begin a round for each party behind a target and tell who is due now; return them in words.

    `each_s` apart: one after another, in their order.
    """
    told = []
    for place, (target, party) in enumerate(asked):
        wait = timedelta(seconds=(each_s or 0) * place)
        turn = Round(step, draft.state.loop, target, party.id, party.name, draft.now + wait, next_at=draft.now + wait)
        if step > len(draft.state.ladder.steps) and any(_goes_on(other, turn) for other in draft.state.rounds):
            # Their round of the last repeat is not over: this one says only what is said at once.
            turn, _ = _run(draft, turn, replace(party, rules=_at_once(party)), reason)
        else:
            turn, _ = _run(draft, turn, party, reason)
        draft.put(rounds=(*draft.state.rounds, turn))
        later = turn.next_at is not None and not turn.sent
        told.append(f"{party.name} in {in_words(turn.next_at - draft.now)}" if later and turn.next_at else party.name)
    return told


def run_due(draft: Draft, going_on: Mapping[str, Party], reason: str) -> None:
    """Tell whoever's next rule is due; rules are read as they are now, and whoever is gone is told no more."""
    turns = []
    for turn in draft.state.rounds:
        if turn.next_at is None or turn.next_at > draft.now:
            turns.append(turn)
        elif turn.party not in going_on:
            draft.say("round_ended", SYSTEM, f"{turn.name} is told no more: they can no longer be sent.")
            turns.append(replace(turn, next_at=None, declined=True))
        else:
            run, told = _run(draft, turn, going_on[turn.party], reason)
            turns.append(run)
            fresh = dict.fromkeys(way.partition(":")[0] for way in run.sent if way not in turn.sent)
            by = f" by {' and '.join(fresh)}" if fresh else " again"
            if told:
                draft.say("told", SYSTEM, f"{turn.name} was told{by}.")
            elif run.hopeless:
                draft.say("round_ended", SYSTEM, f"{turn.name} is told no more: no way to them is left.")
            else:
                draft.say("not_told", SYSTEM, f"{turn.name} is not told now: no rule of theirs is due any more.")
    draft.put(rounds=tuple(turns))


def reread(draft: Draft, going_on: Mapping[str, Party]) -> None:
    """Look again when the next rule of each round is due, as their rules have changed; nothing is sent here.

    What is due by now the timer sees to. A rule whose time had passed when it was made makes up for nothing, and who
    has accepted is told no more.
    """
    accepted = {acceptance.by.id for acceptance in draft.state.acceptances}
    turns = []
    for turn in draft.state.rounds:
        overdue = turn.next_at is not None and turn.next_at <= draft.now
        if turn.party in going_on and turn.party not in accepted and turn.starts_at <= draft.now and not overdue:
            told_s = max(turn.told_s, int((draft.now - turn.starts_at).total_seconds()))
            fresh = replace(turn, told_s=told_s)
            turns.append(replace(fresh, next_at=_next(fresh, going_on[turn.party], draft.now)))
        else:
            turns.append(turn)
    draft.put(rounds=tuple(turns))


def fail(draft: Draft, channel: str, address: str) -> None:
    """Take note that an address could not be reached: the party's next rule is due now (R05)."""
    way, turns = f"{channel}:{address}", []
    for turn in draft.state.rounds:
        if way in turn.sent and way not in turn.failed:
            next_at = None if turn.next_at is None else min(turn.next_at, draft.now)
            turns.append(replace(turn, failed=(*turn.failed, way), next_at=next_at))
        else:
            turns.append(turn)
    draft.put(rounds=tuple(turns))


def end_of(draft: Draft, party: str, *, declined: bool) -> None:
    """End every round of a party: they cannot come, or they have said that they do."""
    draft.put(
        rounds=tuple(
            replace(turn, declined=declined or turn.declined, next_at=None) if turn.party == party else turn
            for turn in draft.state.rounds
        )
    )


def move_up(draft: Draft, present: Sequence[Round]) -> bool:
    """Where parties are told one after another and no answer of those so far is awaited, let the next turn come now.

    They are hopeless, or have accepted where more must. Return whether somebody's turn has come so.
    """
    accepted = {acceptance.by.id for acceptance in draft.state.acceptances}
    asked = [turn for turn in present if turn.party not in accepted]
    waiting = [turn for turn in asked if turn.starts_at > draft.now and not turn.declined]
    begun = [turn for turn in asked if turn.starts_at <= draft.now]
    if not waiting or not all(turn.hopeless for turn in begun):
        return False
    sooner = min(turn.starts_at for turn in waiting) - draft.now
    draft.put(
        rounds=tuple(
            replace(turn, starts_at=turn.starts_at - sooner, next_at=turn.starts_at - sooner)
            if turn in waiting
            else turn
            for turn in draft.state.rounds
        )
    )
    return True


def _run(draft: Draft, turn: Round, party: Party, reason: str) -> tuple[Round, bool]:
    """Tell the rules of a round that are due by now, and return whether there were any.

    An address that failed in it is not tried again (S56).
    """
    if draft.now < turn.starts_at:
        return turn, False
    passed_s = int((draft.now - turn.starts_at).total_seconds())
    left = [rule for rule in party.rules if rule.after_s > turn.told_s]
    due = [rule for rule in left if rule.after_s <= passed_s]
    if not due and turn.failed:
        # What came before has failed: the next rule that leads anywhere has its time now, with all of its moment.
        hopeful = [rule for rule in left if _way(rule.to) not in turn.failed]
        due = [rule for rule in left if hopeful and rule.after_s <= hopeful[0].after_s]
        due = due or left
    ways = [_way(rule.to) for rule in due if _way(rule.to) not in turn.failed]
    for rule in due:
        if _way(rule.to) in ways:
            draft.notify(turn.target, rule.to, reason, party)
    told_s = max([turn.told_s, passed_s, *(rule.after_s for rule in due)])
    turn = replace(turn, told_s=told_s, sent=tuple(dict.fromkeys((*turn.sent, *ways))))
    return replace(turn, next_at=_next(turn, party, draft.now)), bool(ways)


def _next(turn: Round, party: Party, now: datetime) -> datetime | None:
    """Return when the next rule is due; a rule made when its time had passed is none (rules are read live)."""
    passed_s = (now - turn.starts_at).total_seconds()
    left = [rule.after_s for rule in party.rules if rule.after_s > max(turn.told_s, passed_s)]
    return turn.starts_at + timedelta(seconds=min(left)) if left and not turn.declined else None


def _goes_on(other: Round, turn: Round) -> bool:
    return (other.step, other.target, other.party) == (turn.step, turn.target, turn.party) and other.next_at is not None


def _at_once(party: Party) -> tuple[ContactRule, ...]:
    return tuple(rule for rule in party.rules if rule.after_s == 0)


def _way(to: Address) -> str:
    return f"{to.channel}:{to.address}"
