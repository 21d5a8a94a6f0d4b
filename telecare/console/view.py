"""What a template shows, in words: ages, ranks, deadlines, places. Pure, so it is tested without a browser."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from alarms.handling.models import Alarm

LONDON = ZoneInfo("Europe/London")
MINUTE, HOUR, DAY = 60, 3600, 86400
FIRE_RANK = 2
"""Fire, gas and carbon monoxide rank up to here."""

LANES = {"L": "life", "U": "life", "T": "technical", "I": "technical"}

CONNECTIONS = {
    "analogue": "Analogue",
    "digital_ready": "Digital-ready, analogue path",
    "digital": "Digital end to end",
}
PRESENCES = {
    "never_seen": "Never seen",
    "online": "Online",
    "late": "Late",
    "suspect": "Suspect",
    "offline": "Offline",
    "lost": "Lost",
    "dormant": "Dormant",
}
TREATMENTS = {
    "alarm": "Opened an alarm",
    "joined": "Joined an open alarm",
    "duplicate": "Repeat of a message",
    "clear": "Cause over",
    "cancel": "Cancelled at the unit",
    "test": "Test",
    "note": "Information",
    "hint": "Connection hint",
    "result": "Answer to a command",
    "heartbeat": "Heartbeat",
}
COMMANDS = {
    "test": "Send a test call",
    "ping": "Ask whether it answers",
    "heartbeat": "Ask for a heartbeat",
    "set_interval": "Set the interval",
    "reboot": "Restart it",
}


@dataclass(frozen=True)
class Badge:
    """A state as shape, word and colour: never colour alone. `tone` names the colour in the style sheet."""

    shape: str
    word: str
    tone: str


def rank_badge(class_: str, rank: int) -> Badge:
    """Return the badge of an alarm: fire stands out from all others (BS 8591)."""
    if class_ == "L" and rank <= FIRE_RANK:
        return Badge("▲", "FIRE", "fire")
    if class_ == "L":
        return Badge("◆", "Life-safety", "life")
    if class_ == "U":
        return Badge("●", "Urgent", "urgent")
    return Badge("■", "Technical", "technical")


def presence_badge(presence: str) -> Badge:
    """Return the badge of a hub's presence."""
    shapes = {"online": ("●", "good"), "late": ("◐", "warn"), "suspect": ("◑", "warn"), "offline": ("○", "bad")}
    shape, tone = shapes.get(presence, ("○", "bad" if presence == "lost" else "quiet"))
    return Badge(shape, PRESENCES[presence], tone)


def command_badge(state: str) -> Badge:
    """Return the badge of a command to a hub."""
    shapes = {
        "queued": ("◌", "Queued", "quiet"),
        "sent": ("◐", "Sent", "quiet"),
        "done": ("●", "Done", "good"),
        "failed": ("■", "Failed", "bad"),
        "expired": ("○", "No answer", "warn"),
    }
    return Badge(*shapes[state])


def age(since: datetime, now: datetime) -> str:
    """Return an age as people say it: 0:42, 12 min, 3 h, 5 days."""
    seconds = max(0, int((now - since).total_seconds()))
    if seconds < 10 * MINUTE:
        return f"{seconds // MINUTE}:{seconds % MINUTE:02d}"
    if seconds < 2 * HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < 2 * DAY:
        return f"{seconds // HOUR} h"
    return f"{seconds // DAY} days"


def local(moment: datetime | None, *, seconds: bool = False) -> str:
    """Return a time in Europe/London: the day only when it is another year's or month's concern."""
    if moment is None:
        return "not known"
    return moment.astimezone(LONDON).strftime("%d %b %H:%M:%S" if seconds else "%d %b %Y %H:%M")


def utc(moment: datetime | None) -> str:
    """Return a time in UTC, for the pointer to rest on."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(moment: datetime | None) -> str:
    """Return a time for scripts."""
    return "" if moment is None else moment.astimezone(UTC).isoformat()


def years(born: datetime | None, now: datetime) -> int | None:
    """Return an age in years."""
    if born is None:
        return None
    return now.year - born.year - ((now.month, now.day) < (born.month, born.day))


def holder(alarm: Alarm) -> str:
    """Return who has an alarm, in words."""
    if alarm.handling == "raised":
        return "Nobody has it"
    doing = "is with it" if alarm.handling == "acked" else "has somebody on the way"
    return f"{alarm.assigned_name} {doing}"


@dataclass(frozen=True)
class Strip:
    """The line above the board."""

    waiting: int
    oldest_since: datetime | None
    over_minute: int
    fires: int


def strip(alarms: Iterable[Alarm], now: datetime) -> Strip:
    """Count what waits for an operator: life-safety and urgent alarms that nobody has."""
    waiting = [alarm for alarm in alarms if LANES[alarm.class_] == "life" and alarm.handling == "raised"]
    return Strip(
        waiting=len(waiting),
        oldest_since=min((alarm.raised_at for alarm in waiting), default=None),
        over_minute=sum((now - alarm.raised_at).total_seconds() > MINUTE for alarm in waiting),
        fires=sum(alarm.rank <= FIRE_RANK for alarm in waiting),
    )


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: its share of the longest in percent."""

    label: str
    count: int
    width: int


def bars(counts: dict[str, int], words: dict[str, str]) -> list[Bar]:
    """Return the bars of a chart, longest share 100."""
    most = max(counts.values(), default=0)
    return [
        Bar(words[name], counts[name], round(100 * counts[name] / most) if most else 0)
        for name in words
        if counts.get(name)
    ]
