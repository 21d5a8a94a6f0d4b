"""When the watchdog tells people, and when it is silent: a pure state machine. Times are seconds of a steady clock.

Each look brings what is wrong now. What stays wrong for a while is *confirmed*, and people are told: at once, of each
further thing at once, again each five minutes while it lasts, and when all has been well for a minute. However much
comes and goes, no more than a few messages leave at once and then one in five minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

ENGINE_LAG_LIMIT_S = 10.0
"""A step of an alarm that is due for longer than this means that no engine is at work (R18)."""

OUTBOX_LAG_LIMIT_S = 60.0
"""A message to somebody that should have left so long ago means that no sender is at work."""

CANARY_MISSES = 3
"""So many canaries in a row that did not arrive in time mean that alarms may not either (C26)."""

WATCHER_LIMIT_S, WATCHER_ROUNDS = 300.0, 3
"""A task that looks at intervals and has not got through for so long, and so many of them, only fails or is stuck."""

START_S = 20.0
"""Nobody is told in the first seconds: a machine that starts brings its parts up one after the other."""

REPEAT_S = 300.0
CLEAR_S = 60.0
BURST = 4
REFILL_S = 300.0
FIRST_RETRY_S = 15.0
PING_S = 60.0


class Check(StrEnum):
    """What is looked at."""

    DATABASE = "database"
    ENGINE = "engine"
    SENDER = "sender"
    CANARY = "canary"
    BROKER = "broker"
    WATCHERS = "watchers"


CONFIRM_S: Mapping[Check, float] = {
    Check.DATABASE: 10.0,  # a restart
    Check.ENGINE: 0.0,  # the limit is the wait
    Check.SENDER: 0.0,
    Check.CANARY: 5.0,  # the third may just be on its way
    Check.BROKER: 15.0,
    Check.WATCHERS: 0.0,
}
"""For how long a check must fail before people hear of it, in seconds."""

Problems: TypeAlias = Mapping[Check, str]
"""What is wrong, each in words."""


class Kind(StrEnum):
    """What a message to people says."""

    DOWN = "down"
    STILL = "still"
    CLEAR = "clear"


@dataclass(frozen=True)
class Page:
    """Tell people. `lasts_s` is how long the trouble has lasted, at a clear how long it did."""

    kind: Kind
    problems: tuple[tuple[Check, str], ...]
    lasts_s: float


@dataclass(frozen=True)
class Ping:
    """Tell the dead man's switch that all is well; or once that it is not, after which silence says so."""

    well: bool


Action: TypeAlias = Page | Ping


@dataclass(frozen=True)
class Watch:
    """All that the watchdog knows. `told` are the checks of which people know that they fail, until the all-clear."""

    started_at: float
    since: Mapping[Check, float] = field(default_factory=dict)
    sick_since: float | None = None
    well_since: float | None = None
    told: frozenset[Check] = frozenset()
    told_since: float = 0.0
    paged_at: float = 0.0
    allowance: float = BURST
    allowance_at: float = 0.0
    failures: int = 0
    try_again_at: float | None = None
    pinged_at: float | None = None
    gave_up: bool = False  # the dead man's switch has been told that it is not well


def look(watch: Watch, problems: Problems, at: float) -> tuple[Watch, tuple[Action, ...]]:
    """Take in one look; return what follows. Each Page must be answered by `settle`, before the next look."""
    watch = _take_in(watch, problems, at)
    watch, ping = _ping(watch, problems, at)
    page = _due(watch, problems, at)
    actions = (*((ping,) if ping else ()), *((page,) if page else ()))
    return watch, actions


def settle(watch: Watch, page: Page, *, arrived: bool, at: float) -> Watch:
    """Note whether a page reached anybody; one that did not is tried again after growing pauses."""
    left = replace(watch, allowance=_allowance(watch, at) - 1, allowance_at=at)
    if not arrived:
        pause = min(FIRST_RETRY_S * 2 ** min(watch.failures, 10), REPEAT_S)
        return replace(left, failures=watch.failures + 1, try_again_at=at + pause)
    left = replace(left, failures=0, try_again_at=None, paged_at=at)
    if page.kind is Kind.CLEAR:
        return replace(left, told=frozenset())
    since = watch.told_since if watch.told else at - page.lasts_s
    return replace(left, told=watch.told | {check for check, _ in page.problems}, told_since=since)


def missed_canaries(silent_s: float, every_s: float, within_s: float) -> int:
    """Return how many canaries in a row have not arrived in time when the last that did was sent so long ago.

    It does not matter why: never sent, lost or late is the same to an alarm.
    """
    return max(0, int((silent_s - within_s) // every_s))


def words_of(page: Page) -> tuple[str, str]:
    """Return subject and text of a page, for somebody woken at 3 a.m."""
    lasts = _words(page.lasts_s)
    if page.kind is Kind.CLEAR:
        return "Telecare is well again", f"All checks of the watchdog are well again. It lasted {lasts}.\n"
    names = ", ".join(check for check, _ in page.problems)
    again = "still " if page.kind is Kind.STILL else ""
    lines = [
        f"Telecare is {again}NOT WELL, for {lasts} now. Alarms of people may not reach anybody.",
        "",
        *(f"{check}: {words}" for check, words in page.problems),
        "",
        "Put the second way of the control room into force (partner control room, telephone), then mend it: the",
        "operations manual has a section for each of these words. This comes again each 5 minutes while it lasts.",
    ]
    return f"Telecare is {again}NOT WELL: {names}", "\n".join(lines) + "\n"


def _take_in(watch: Watch, problems: Problems, at: float) -> Watch:
    since = {check: watch.since.get(check, at) for check in problems}
    well_since = None if problems else at if watch.well_since is None else watch.well_since
    watch = replace(watch, since=since, well_since=well_since)
    if watch.sick_since is None and (confirmed := _confirmed(watch, problems, at)):
        began = min(since[check] for check in confirmed)
        return replace(watch, sick_since=began, gave_up=False, failures=0, try_again_at=None)
    if watch.sick_since is not None and well_since is not None and at - well_since >= CLEAR_S:
        return replace(watch, sick_since=None)
    return watch


def _confirmed(watch: Watch, problems: Problems, at: float) -> list[Check]:
    if at - watch.started_at < START_S:
        return []
    return [check for check in Check if check in problems and at - watch.since[check] >= CONFIRM_S[check]]


def _due(watch: Watch, problems: Problems, at: float) -> Page | None:
    """Return what people should hear now, if it is their time to hear anything."""
    if _allowance(watch, at) < 1 or (watch.try_again_at is not None and at < watch.try_again_at):
        return None
    confirmed = _confirmed(watch, problems, at)
    listed = tuple((check, problems[check]) for check in confirmed)
    if watch.sick_since is not None and set(confirmed) - watch.told:
        return Page(Kind.DOWN, listed, at - watch.sick_since)
    if confirmed and at - watch.paged_at >= REPEAT_S:
        return Page(Kind.STILL, listed, at - watch.told_since)
    if watch.told and watch.sick_since is None and not problems:
        return Page(Kind.CLEAR, (), at - watch.told_since)
    return None


def _ping(watch: Watch, problems: Problems, at: float) -> tuple[Watch, Ping | None]:
    if watch.sick_since is not None:
        return (watch, None) if watch.gave_up else (replace(watch, gave_up=True), Ping(well=False))
    if problems or (watch.pinged_at is not None and at - watch.pinged_at < PING_S):
        return watch, None
    return replace(watch, pinged_at=at), Ping(well=True)


def _allowance(watch: Watch, at: float) -> float:
    return min(float(BURST), watch.allowance + (at - watch.allowance_at) / REFILL_S)


def _words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - below two minutes, seconds
