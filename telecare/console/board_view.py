"""The board as shown: the figures above it, and the technical lane in a flood. Pure.

`static/js/flood.js` keeps the same rules while changes come in; a test holds the two together.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alarms.handling.domain import BoardTally
from alarms.handling.models import Alarm
from telecare.console import view

FLOOD_NEW = 10
FLOOD_WITHIN = timedelta(minutes=10)
"""So many new technical alarms in this time are a flood (EEMUA 191): causes are collapsed."""

FLOOD_GROUP = 3
"""In a flood, a cause with so many free alarms becomes one row."""

CALM_GROUP = 10
"""At any other time it takes so many."""

AREAS = 3


@dataclass(frozen=True)
class Group:
    """Technical alarms of one cause as one row; `worst` is the first of them in the board's order."""

    cause: str
    members: Sequence[Alarm]

    @property
    def worst(self) -> Alarm:
        """Return the member that stands highest."""
        return self.members[0]

    @property
    def areas(self) -> str:
        """Return where they are, the most frequent councils first: `Highland 30, Fife 12`."""
        counts = Counter(view.council(alarm.council_id) for alarm in self.members)
        listed = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        more = f" and {len(listed) - AREAS} more" if len(listed) > AREAS else ""
        return ", ".join(f"{name} {count}" for name, count in listed[:AREAS]) + more


Entry = Alarm | Group


@dataclass(frozen=True)
class Lanes:
    """The two lanes, never mixed. Life-safety is never collapsed."""

    life: Sequence[Alarm]
    technical: Sequence[Entry]
    flood: bool
    quiet: Sequence[Alarm] = ()  # those of life that planned work keeps quiet now

    @property
    def first(self) -> Alarm | None:
        """Return the alarm that a human must take first."""
        return next((alarm for alarm in self.life if alarm.handling == "raised" and alarm not in self.quiet), None)


def lanes(alarms: Sequence[Alarm], now: datetime) -> Lanes:
    """Put alarms in the board's order into their lanes; those of one cause that nobody has collapse in a flood."""
    life = [alarm for alarm in alarms if view.LANES[alarm.class_] == "life"]
    rest = [alarm for alarm in alarms if view.LANES[alarm.class_] == "technical"]
    flood = sum(now - alarm.raised_at <= FLOOD_WITHIN for alarm in rest) >= FLOOD_NEW
    free = Counter(alarm.type for alarm in rest if alarm.handling == "raised")
    least = FLOOD_GROUP if flood else CALM_GROUP
    entries: list[Entry] = []
    done: set[str] = set()
    for alarm in rest:
        if alarm.handling != "raised" or free[alarm.type] < least:
            entries.append(alarm)
        elif alarm.type not in done:
            done.add(alarm.type)
            members = [other for other in rest if other.type == alarm.type and other.handling == "raised"]
            entries.append(Group(alarm.type, members))
    quiet = [alarm for alarm in life if alarm.quiet_until is not None and alarm.quiet_until > now]
    return Lanes(life, entries, flood, quiet)


def gravest(tally: BoardTally) -> str:
    """Return the tone to ring for: of the gravest alarm that nobody has, empty when somebody has each."""
    if tally.fires:
        return "fire"
    if tally.grave:
        return "life"
    if tally.waiting:
        return "urgent"
    return "technical" if tally.technical_free else ""


def figures(tally: BoardTally, logged_in: int, work: str, incidents: str) -> dict[str, object]:
    """Return the figures as scripts take them; `work` and `incidents` are what is on of them, in words."""
    return {
        "life": tally.life,
        "technical": tally.technical,
        "waiting": tally.waiting,
        "oldest": view.iso(tally.oldest_at),
        "over": tally.over_minute,
        "fires": tally.fires,
        "mine": tally.mine,
        "tone": gravest(tally),
        "loggedIn": logged_in,
        "work": work,
        "incidents": incidents,
    }
