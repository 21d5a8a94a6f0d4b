"""What happens to a fleet and when: a pure, endless (or bounded) list of steps, drawn from one seed.

The same profile, roster and seed give the same steps. Times are seconds from the start of the run.
"""

import heapq
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from operator import itemgetter

from simulators.fleet.roster import Member
from simulators.hub.happenings import (
    Babble,
    Cancel,
    ClockLost,
    ClockSynced,
    HubInput,
    MainsLost,
    MainsRestored,
    PathChanged,
    Press,
    Reboot,
)


@dataclass(frozen=True)
class LinkDown:
    """The hub's connection breaks and stays away."""


@dataclass(frozen=True)
class LinkUp:
    """The hub may connect again."""


@dataclass(frozen=True)
class PlannedStep:
    """At `at` seconds from the start, `do` happens to hub number `hub` of the roster."""

    at: float
    hub: int
    do: HubInput | LinkDown | LinkUp


DEMO_WEIGHTS: Mapping[str, float] = {
    "pendant": 40, "fall": 12, "unit_button": 6, "pull_cord": 4, "smoke": 1, "carbon_monoxide": 0.3, "heat": 0.3,
    "door_exit": 3, "bed_exit": 4, "inactivity": 3, "flood": 1, "test": 8, "mains": 5, "trigger_battery_low": 4,
    "tamper": 1.5, "malfunction": 1, "path": 2, "jammed": 0.5,
}  # fmt: skip
"""Relative frequencies of what happens; `mains` and `path` are a loss with its return."""


MORE = ("unit_button", "trigger_battery_low", "inactivity")
"""What else happens in a home that is cut off."""


@dataclass(frozen=True)
class Profile:
    """How lively a fleet is.

    `alarms_per_minute` is for the whole fleet; `weights` share it among types. `steady` spaces alarms evenly instead of
    at random. Shares are of presses: `repeat` presses again soon after, `double` sends twice, `late` is pressed while
    cut off (and something else happens there), `cancel` is cancelled (in the pre-alarm or too late).
    `faults_per_minute` (link flaps, reboots, lost clocks, unreadable payloads) come besides. `max_outage_s` bounds how
    long a hub stays cut off.
    """

    name: str
    alarms_per_minute: float
    weights: Mapping[str, float] = field(default_factory=lambda: DEMO_WEIGHTS)
    steady: bool = False
    repeat: float = 0.0
    double: float = 0.0
    late: float = 0.0
    cancel: float = 0.0
    faults_per_minute: float = 0.0
    max_outage_s: float = 120.0


DEMO = Profile("demo", 6.0, repeat=0.08, double=0.03, late=0.05, cancel=0.06, faults_per_minute=2.0)
CRASH = Profile("crash", 600.0, {"pendant": 6, "fall": 2, "smoke": 1, "unit_button": 1}, steady=True)
HEARTBEAT = Profile("heartbeat", 0.0)
PROFILES = {profile.name: profile for profile in (DEMO, CRASH, HEARTBEAT)}


REPEAT_WITHIN_S = 30.0


def tail_s(profile: Profile) -> float:
    """Return how long after the end of a run what had begun before may still go on."""
    return max(profile.max_outage_s, REPEAT_WITHIN_S)


Draw = Callable[[Profile, Member, int, float, random.Random], list[PlannedStep]]


def plan(
    profile: Profile, members: Sequence[Member], seed: int, duration_s: float | None = None
) -> Iterator[PlannedStep]:
    """Return the steps in order of time. With `duration_s` nothing *begins* later; what has begun still ends.

    What ends later than `tail_s` after it is not begun: a unit that starts again and again does so for minutes.
    """
    begins = heapq.merge(
        _stream(_alarm, random.Random(f"{seed}/alarms"), profile.alarms_per_minute / 60.0, steady=profile.steady),
        _stream(_fault, random.Random(f"{seed}/faults"), profile.faults_per_minute / 60.0, steady=False),
        key=itemgetter(0),
    )
    dice = random.Random(f"{seed}/what")
    order = count()  # keeps steps of the same instant in the order in which they were drawn
    waiting: list[tuple[float, int, PlannedStep]] = []
    for at, draw in begins:
        while waiting and waiting[0][0] <= at:
            yield heapq.heappop(waiting)[2]
        if duration_s is not None and at >= duration_s:
            break
        hub = dice.randrange(len(members))
        steps = draw(profile, members[hub], hub, at, dice)
        if duration_s is not None and any(step.at > duration_s + tail_s(profile) for step in steps):
            continue
        for step in steps:
            heapq.heappush(waiting, (step.at, next(order), step))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _stream(draw: Draw, dice: random.Random, per_s: float, *, steady: bool) -> Iterator[tuple[float, Draw]]:
    """Return when something begins, `per_s` times a second, and by which function it is drawn."""
    at = 0.0
    while per_s > 0:
        at += 1.0 / per_s if steady else dice.expovariate(per_s)
        yield at, draw


def _alarm(profile: Profile, member: Member, hub: int, at: float, dice: random.Random) -> list[PlannedStep]:
    """Draw one alarm and what people and makes do with it."""
    what = dice.choices(list(profile.weights), list(profile.weights.values()))[0]
    if what == "mains":
        back = at + dice.uniform(20.0, profile.max_outage_s)
        return [PlannedStep(at, hub, MainsLost()), PlannedStep(back, hub, MainsRestored())]
    if what == "path":
        back = at + dice.uniform(20.0, profile.max_outage_s)
        if len(member.paths) == 1:
            return [PlannedStep(at, hub, LinkDown()), PlannedStep(back, hub, LinkUp())]
        first, second = member.paths[:2]
        return [
            PlannedStep(at, hub, PathChanged(second, dice.randrange(-110, -70))),
            PlannedStep(at, hub, Press("path_lost")),
            PlannedStep(back, hub, PathChanged(first)),
            PlannedStep(back, hub, Press("path_restored")),
        ]
    paired = [peripheral.id for peripheral in member.peripherals if peripheral.kind == what]
    press = Press(what, dice.choice(paired) if paired else None, twice=dice.random() < profile.double)
    steps = [PlannedStep(at, hub, replace(press, test=what == "test"))]
    if dice.random() < profile.late:
        back = at + dice.uniform(10.0, profile.max_outage_s)
        more = PlannedStep(dice.uniform(at, back), hub, Press(dice.choice(MORE)))  # two wait: their order may turn
        steps = [PlannedStep(at, hub, LinkDown()), *steps, more, PlannedStep(back, hub, LinkUp())]
    if dice.random() < profile.repeat:
        steps.append(PlannedStep(at + dice.uniform(3.0, REPEAT_WITHIN_S), hub, press))
    if dice.random() < profile.cancel:
        steps.append(PlannedStep(at + dice.uniform(2.0, 20.0), hub, Cancel()))
    return steps


UNREADABLE = (
    ("alarm", b""),
    ("alarm", b"{not json"),
    ("alarm", b"\xff\xfe\x00\x80"),
    ("alarm", b'["an", "array"]'),
    ("alarm", b'{"type": "pendant"}'),
    ("heartbeat", b"{broken"),
    ("event", b'{"event_id": 7, "type": ["tamper"]}'),
)
"""Payloads as broken firmware sends them, with their lanes."""


PATTERNS: Mapping[str, Sequence[tuple[float, HubInput]]] = {
    "chatter": [(25.0 * n, MainsRestored() if n % 2 else MainsLost()) for n in range(6)],
    "loop": [(90.0 * n, Reboot()) for n in range(5)],
    "reset": [(0.0, Press("factory_reset"))],
}
"""What an engineer must look at: a loose plug, a unit that starts again and again, one that forgot all."""


def _fault(profile: Profile, _member: Member, hub: int, at: float, dice: random.Random) -> list[PlannedStep]:
    """Draw one fault of a hub or its connection."""
    what = dice.choices(("flap", "reboot", "clock", "babble", *PATTERNS), (10, 3, 1, 1, 1, 1, 0.3))[0]
    later = at + dice.uniform(2.0, profile.max_outage_s)
    if what in PATTERNS:
        return [PlannedStep(at + after, hub, do) for after, do in PATTERNS[what]]
    match what:
        case "flap":
            return [PlannedStep(at, hub, LinkDown()), PlannedStep(later, hub, LinkUp())]
        case "reboot":
            return [PlannedStep(at, hub, Reboot())]
        case "clock":
            return [PlannedStep(at, hub, ClockLost()), PlannedStep(later, hub, ClockSynced())]
        case _:
            return [PlannedStep(at, hub, Babble(*dice.choice(UNREADABLE)))]
