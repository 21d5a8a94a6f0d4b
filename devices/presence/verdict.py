"""Verdicts: where a hub stands, with hysteresis, and only by time in which we listened. Pure.

Silence counts from the last proof of life, from the end of our own last deafness, or from the end of a planned absence,
whichever was last: what we could not have heard is held against nobody, and what the broker kept for us meanwhile
brings nobody back, for nobody knows how long ago it was said. A state begins when its deadline passed, not
when somebody looked, so that the history is exact however late the look was.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from devices.presence.domain import LOST_AFTER, Presence
from devices.presence.rules import USUAL_MISS_LIMIT

RECOVERS_AFTER = 2
"""Good heartbeats in a row that make a hub online again; a received alarm or test does so alone."""

_BY_SILENCE = (Presence.ONLINE, Presence.LATE, Presence.SUSPECT, Presence.OFFLINE, Presence.LOST)
"""In the order in which a silent hub goes through them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When a hub must say that it lives, and from which miss on it is offline. Seconds, and beats."""

    interval_s: int
    grace_s: int
    miss_limit: int = USUAL_MISS_LIMIT

    def deadlines(self) -> dict[Presence, timedelta]:
        """Return the silence with which each state begins; one that a low miss limit leaves no room for is left out."""
        late, suspect = (
            (state, timedelta(seconds=self.interval_s * misses + self.grace_s))
            for state, misses in ((Presence.LATE, 1), (Presence.SUSPECT, 2))
        )
        offline = timedelta(seconds=self.interval_s * self.miss_limit + self.grace_s)
        rising = {state: after for state, after in (late, suspect) if after < offline}
        return {**rising, Presence.OFFLINE: offline, Presence.LOST: max(LOST_AFTER, offline + timedelta(seconds=1))}


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of a hub, by our clock.

    `seen_at`: the last heartbeat. `proven_at`: the last alarm, event or test. `left_at`: the broker has lost it.
    `listening_from`: when our own last deafness ended. `away_until`: the end of a planned absence.
    """

    seen_at: datetime | None = None
    proven_at: datetime | None = None
    left_at: datetime | None = None
    listening_from: datetime | None = None
    away_until: datetime | None = None

    @property
    def last_proof(self) -> datetime | None:
        """Return when the hub last showed that it lives."""
        return max((at for at in (self.seen_at, self.proven_at) if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a hub stands. `good` counts heartbeats in a row while it is not online; `look_at` is the next deadline."""

    state: Presence = Presence.NEVER_SEEN
    since: datetime | None = None
    last_proof: datetime | None = None
    good: int = 0
    look_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A state that began."""

    state: Presence
    at: datetime


def judge(was: Standing, rule: Rule, heard: Heard, now: datetime) -> tuple[Standing, tuple[Change, ...]]:
    """Return where a hub stands at `now`, and through which states it came there since it was looked at last."""
    proof = heard.last_proof
    if heard.away_until is not None and now < heard.away_until:
        return _moved(was, [Change(Presence.DORMANT, now)], proof, 0, heard.away_until)
    if proof is None:
        # A hub that was put down as away before it was ever heard.
        return Standing(), (Change(Presence.NEVER_SEEN, now),) if was.since is not None else ()
    counts_from = max(at for at in (proof, heard.listening_from, heard.away_until) if at is not None)
    # A clock that was set back must not make a silence of what was heard just now.
    silent_until = max(now, counts_from)
    passed = [Change(state, counts_from + after) for state, after in rule.deadlines().items()]
    reached = [change for change in passed if change.at <= silent_until]
    ahead = [change.at for change in passed if change.at > silent_until]
    look_at = min(ahead, default=None)
    if not reached and _has_left(heard, proof):
        reached = [Change(Presence.LATE, max(heard.left_at or now, proof))]
    began = _began(was, rule, heard, proof)
    base = began[0].state if began else was.state
    if reached:
        return _moved(was, [*began, *(change for change in reached if _worse(change.state, base))], proof, 0, look_at)
    known = max((at for at in (was.last_proof, heard.listening_from) if at is not None), default=None)
    fresh = not began and (known is None or proof > known)
    proven = fresh and heard.proven_at == proof
    good = was.good + fresh
    if base is not Presence.ONLINE and good < RECOVERS_AFTER and not proven:
        return _moved(was, began, proof, good, look_at)
    return _moved(was, [*began, Change(Presence.ONLINE, proof)], proof, 0, look_at)


def _began(was: Standing, rule: Rule, heard: Heard, proof: datetime) -> list[Change]:
    """Return the state from which silence counts, for a hub that is heard for the first time or was away until now.

    One that was silent in its absence is expected, and not said to be online.
    """
    if was.state in _BY_SILENCE:
        return []
    if was.state is not Presence.DORMANT or heard.away_until is None:
        return [Change(Presence.ONLINE, proof)]
    silent = proof + min(rule.deadlines().values()) <= heard.away_until
    return [Change(Presence.LATE if silent else Presence.ONLINE, heard.away_until)]


def _has_left(heard: Heard, proof: datetime) -> bool:
    """Say whether the broker has lost the hub since: a hint, which makes a hub late and never more."""
    return heard.left_at is not None and heard.left_at > proof


def _worse(state: Presence, than: Presence) -> bool:
    """Say whether silence has brought a hub further."""
    return _BY_SILENCE.index(state) > _BY_SILENCE.index(than)


def _moved(
    was: Standing, through: list[Change], proof: datetime | None, good: int, look_at: datetime | None
) -> tuple[Standing, tuple[Change, ...]]:
    """Go through these states; one that the hub is in already is no change, and none begins before the one before."""
    state, since, changes = was.state, was.since, []
    for change in through:
        if since is not None and change.state is state:
            continue
        at = change.at if since is None else max(change.at, since)
        state, since = change.state, at
        changes.append(Change(state, at))
    return Standing(state, since, proof, good, look_at), tuple(changes)
