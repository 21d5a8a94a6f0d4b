"""Firmware in waves: who is in which, when one may begin, whom to ask next, and when all of it halts. Pure.

A hub that starts anew hears no alarm button, and one that does not come back leaves somebody without. So few go first,
what became of them is waited for, and whoever decides to go on after a halt is a human.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from devices.commands.domain import CommandState, Progress, UpdateStep
from devices.presence.domain import Presence

LONDON = ZoneInfo("Europe/London")
MORNING, EVENING = 8, 21
"""By the clock in Europe/London: outside of these hours it is night, and people sleep beside their hubs."""

MOST_AT_RISK = "A"
FEWEST_OFFLINE = 2
"""Fewer updated hubs that are offline are chance, whatever their share."""

GONE = frozenset({Presence.OFFLINE, Presence.LOST})


class ImageState(StrEnum):
    """Whether an image may go to hubs."""

    DRAFT = "draft"
    RELEASED = "released"
    BLOCKED = "blocked"


class RolloutState(StrEnum):
    """Where a rollout stands. `halted` is by the rule, `paused` by a human; both go on by a human only."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
    DONE = "done"
    CANCELLED = "cancelled"


OVER = frozenset({RolloutState.DONE, RolloutState.CANCELLED})


class MemberState(StrEnum):
    """How far one hub of a rollout is. `done` is what its heartbeat proves, never what it says."""

    PENDING = "pending"
    ASKED = "asked"
    UPDATING = "updating"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


IN_FLIGHT = frozenset({MemberState.ASKED, MemberState.UPDATING})


@dataclass(frozen=True)
class Plan:
    """How a rollout goes: `shares` are per cent of all its hubs, each with those before; `first` go before all shares.

    `soak` is how long nothing is asked after a wave has settled, `patience` how long a hub that cannot be asked is
    waited for, `at_once` how many are on their way at the most.
    """

    shares: tuple[int, ...]
    first: tuple[str, ...] = ()
    soak: timedelta = timedelta(hours=24)
    patience: timedelta = timedelta(hours=24)
    at_once: int = 20
    at_night: bool = False

    @property
    def waves(self) -> int:
        """How many waves there are."""
        return len(self.shares) + bool(self.first)

    def share(self, wave: int) -> int | None:
        """Return up to which share of all hubs a wave goes; None for the one of the named hubs."""
        if not self.first:
            return self.shares[wave]
        return self.shares[wave - 1] if wave else None


@dataclass(frozen=True)
class HaltRule:
    """When a rollout halts. Each number is the one at which it does, `failed_pct` and the margin are exceeded."""

    failures: int = 3
    failed_pct: int = 10
    silent: int = 1
    back_within: timedelta = timedelta(minutes=30)
    offline_margin_pct: int = 5


@dataclass(frozen=True)
class Tally:
    """What has become of hubs since the start, or since a human let it go on.

    `silent` are those of the failed that began to update and were not heard again in time. `rest` are the hubs of this
    model that the rollout has not updated.
    """

    done: int = 0
    failed: int = 0
    silent: int = 0
    updated: int = 0
    updated_offline: int = 0
    rest: int = 0
    rest_offline: int = 0


def halt_reason(tally: Tally, rule: HaltRule) -> str | None:
    """Say why a rollout must halt; None when it need not."""
    ended = tally.done + tally.failed
    if tally.silent >= rule.silent:
        minutes = _minutes(rule.back_within)
        return f"{_hubs(tally.silent)} began to update and {_was(tally.silent)} not heard again within {minutes}"
    if tally.failed >= rule.failures:
        return f"{_hubs(tally.failed)} failed: it halts at {rule.failures}"
    if tally.failed * 100 > rule.failed_pct * ended:
        return f"{tally.failed} of {_hubs(ended)} failed: it halts above {rule.failed_pct} %"
    if tally.updated_offline >= FEWEST_OFFLINE and _more_offline(tally, rule):
        of_rest = f"{tally.rest_offline} of the {tally.rest} others"
        return f"{tally.updated_offline} of {tally.updated} updated hubs are offline, against {of_rest} of this model"
    return None


def _more_offline(tally: Tally, rule: HaltRule) -> bool:
    """Say whether the share of updated hubs that are offline is above that of the others by more than the margin."""
    rest = 100 * tally.rest_offline / tally.rest if tally.rest else 0.0
    return 100 * tally.updated_offline / tally.updated > rest + rule.offline_margin_pct


@dataclass(frozen=True)
class Place:
    """A hub of the fleet that a rollout is for: whose it is, and in which home."""

    hub_id: str
    tier: str | None = None
    home: str | None = None


NOT_FIRST = "Tier A is never in the first wave, and there is no later one"


def assign(places: Iterable[Place], plan: Plan, seed: str) -> dict[str, int | None]:
    """Return the wave of each hub; None for those that are in none of them. By chance, and by the same each time.

    Whoever is most at risk is in no first wave. Of two hubs in one home the second comes as late as it can.
    """
    seen: set[str] = set()
    first_of_home: list[Place] = []
    second_of_home: list[Place] = []
    for place in sorted(places, key=lambda one: hashlib.sha256(f"{seed}/{one.hub_id}".encode()).digest()):
        (second_of_home if place.home in seen else first_of_home).append(place)
        if place.home is not None:
            seen.add(place.home)
    queue = first_of_home + second_of_home
    waves: dict[str, int | None] = dict.fromkeys(place.hub_id for place in queue)
    total, placed = len(queue), 0
    for wave in range(plan.waves):
        share = plan.share(wave)
        free = [place for place in queue if waves[place.hub_id] is None and (wave or place.tier != MOST_AT_RISK)]
        if share is None:
            taken = [place for place in free if place.hub_id in plan.first]
        else:
            taken = free[: max(0, -(-total * share // 100) - placed)]
        waves |= {place.hub_id: wave for place in taken}
        placed += len(taken)
    return waves


@dataclass(frozen=True)
class View:
    """A rollout as the next decision sees it. `wave` is the one that has begun last; None before the first.

    `pending` and `in_flight` are hubs of that wave and of the ones before; `settled_at` is when there were none left.
    """

    state: RolloutState
    image: ImageState
    wave: int | None
    settled_at: datetime | None
    pending: int
    in_flight: int
    tally: Tally


@dataclass(frozen=True)
class Halt:
    """Ask nobody any more, and tell a human."""

    why: str


@dataclass(frozen=True)
class Begin:
    """Begin a wave."""

    wave: int


@dataclass(frozen=True)
class Ask:
    """Ask hubs of the wave, so many at the most."""

    room: int


@dataclass(frozen=True)
class Settle:
    """Nobody of the wave is left: the time in which the next one waits begins."""


@dataclass(frozen=True)
class Finish:
    """All waves are through."""


@dataclass(frozen=True)
class Wait:
    """Nothing now; why, and until when if that is known."""

    why: str
    until: datetime | None = None


Move = Halt | Begin | Ask | Settle | Finish | Wait


def decide(view: View, plan: Plan, rule: HaltRule, now: datetime) -> Move:  # noqa: PLR0911 - one line for each move reads best
    """Return what a rollout does next. Whatever there is to do, the halt rule is asked first."""
    if view.state is not RolloutState.RUNNING:
        return Wait(f"It is {view.state}")
    if view.image is not ImageState.RELEASED:
        return Halt("The image is not released any more")
    if why := halt_reason(view.tally, rule):
        return Halt(why)
    if view.pending or view.in_flight:
        return _within(view, plan, now)
    if view.wave is not None and view.settled_at is None:
        return Settle()
    soaked = now if view.settled_at is None else view.settled_at + plan.soak
    if now < soaked:
        return Wait("The wave has settled; it is looked at for a while", soaked)
    following = 0 if view.wave is None else view.wave + 1
    if following == plan.waves:
        return Finish()
    if is_night(now, plan):
        return Wait("It is night", dawn(now))
    return Begin(following)


def _within(view: View, plan: Plan, now: datetime) -> Move:
    room = min(plan.at_once - view.in_flight, view.pending)
    if room <= 0:
        return Wait("As many as may are on their way" if view.pending else "The last of the wave are on their way")
    if is_night(now, plan):
        return Wait("It is night", dawn(now))
    return Ask(room)


def is_night(now: datetime, plan: Plan) -> bool:
    """Say whether people sleep now, and the plan lets them."""
    return not plan.at_night and not MORNING <= now.astimezone(LONDON).hour < EVENING


def dawn(now: datetime) -> datetime:
    """Return when this night ends."""
    local = now.astimezone(LONDON)
    morning = local.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    return morning if local < morning else morning + timedelta(days=1)


@dataclass(frozen=True)
class Standing:
    """All of a hub that tells whether it may be asked to update now.

    `life_safety`: an alarm of its home is open; `busy`: it or another hub of its home is on the way to another
    firmware; `work`: planned work is on here.
    """

    hub_id: str
    council_id: str = ""
    model_id: str = ""
    connection: str = "digital"
    status: str = "in_service"
    presence: Presence = Presence.ONLINE
    firmware: str | None = None
    mains: bool | None = True
    tier: str | None = None
    home: str | None = None
    away: bool = False
    life_safety: bool = False
    work: bool = False
    busy: bool = False


def not_for(hub: Standing, version: str, from_versions: Collection[str] = (), *, first: bool = False) -> str | None:
    """Say why an update is not for this hub at all; None when it is. `first`: it would be in the first wave."""
    if hub.firmware == version:
        return f"It has {version} already"
    if from_versions and hub.firmware not in from_versions:
        return f"It has {hub.firmware or 'never told its firmware'}: not one of those that are replaced"
    if hub.status == "retired":
        return "It is retired"
    if hub.connection != "digital":
        return "It speaks over an analogue line"
    if first and hub.tier == MOST_AT_RISK:
        return "Its person is in tier A now, and this is the first wave"
    return None


def in_the_way(hub: Standing) -> str | None:
    """Say why a hub cannot be asked to update now; None when it can. The gravest reason first."""
    reasons = {
        "A life-safety alarm of this home is open": hub.life_safety,
        "Its person is away by plan": hub.away,
        "Planned work is on here": hub.work,
        f"It is not online: {hub.presence.replace('_', ' ')}": hub.presence is not Presence.ONLINE,
        "It is on battery": hub.mains is False,
        "Another update is on its way in this home": hub.busy,
    }
    return next((why for why, holds in reasons.items() if holds), None)


@dataclass(frozen=True)
class Picked:
    """Whom to ask now; who must wait, and whom it is not for or nobody waits for any more, each with why."""

    ask: tuple[str, ...]
    wait: Mapping[str, str]
    skip: Mapping[str, str]


def pick(
    hubs: Sequence[Standing], version: str, from_versions: Collection[str], room: int, *, first: bool, patient: bool
) -> Picked:
    """Choose whom to ask of hubs that are pending in a wave: `room` at most, never two of one home.

    `first`: it is the first wave; `patient`: there is time left to wait for who cannot be asked now.
    """
    ask: list[str] = []
    wait: dict[str, str] = {}
    skip: dict[str, str] = {}
    homes: set[str] = set()
    for hub in hubs:
        if why := not_for(hub, version, from_versions, first=first):
            skip[hub.hub_id] = why
        elif why := in_the_way(hub):
            (wait if patient else skip)[hub.hub_id] = why
        elif hub.home in homes:
            wait[hub.hub_id] = "Another update is on its way in this home"
        elif len(ask) < room:
            ask.append(hub.hub_id)
            homes |= {hub.home} if hub.home is not None else set()
    return Picked(tuple(ask), wait, skip)


@dataclass(frozen=True)
class Flight:
    """A hub that was asked: its command (None: it is gone) and the firmware that its heartbeats have told since."""

    state: MemberState
    command: Progress | None
    firmware: str | None


@dataclass(frozen=True)
class Change:
    """What has become of a hub. `begun`: it has the firmware, or started anew for it; `silent`: and was not heard."""

    state: MemberState
    why: str | None = None
    begun: bool = False
    silent: bool = False


def follow(flight: Flight, version: str, back_within: timedelta, now: datetime) -> Change | None:  # noqa: PLR0911 - one for each end
    """Return what has become of a hub that was asked; None while nothing has."""
    if flight.firmware == version:
        return Change(MemberState.DONE, f"Its heartbeat tells {version}", begun=True)
    command = flight.command
    if command is None:
        return Change(MemberState.FAILED, "The command is gone")
    begun = command.step is UpdateStep.UPDATING or command.state is CommandState.DONE
    since = command.finished_at if command.state is CommandState.DONE else command.step_at
    if begun and since is not None and now >= since + back_within:
        why = f"It began to update and no heartbeat told {version} within {_minutes(back_within)}"
        return Change(MemberState.FAILED, why, begun=True, silent=True)
    if command.state is CommandState.FAILED:
        said = command.result or {}
        reason = f", {said['reason']}" if said.get("reason") else ""
        return Change(MemberState.FAILED, f"The hub said “{said.get('status')}”{reason}", begun=begun)
    if command.state is CommandState.EXPIRED and not begun:
        last = f"; its last word was {command.step}" if command.step else ""
        return Change(MemberState.FAILED, f"No answer in time{last}")
    if flight.state is MemberState.ASKED and (command.step is not None or begun):
        return Change(MemberState.UPDATING, begun=begun)
    return None


def _hubs(count: int) -> str:
    return f"{count} hub" if count == 1 else f"{count} hubs"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _minutes(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds // 60} min" if seconds % 60 == 0 and seconds else f"{seconds} s"
