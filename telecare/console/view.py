"""What a template shows, in words: badges, ages, times, names, numbers. Pure, so it is tested without a browser."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import phonenumbers

from alarms.escalation.outcomes import OUTCOMES
from alarms.handling.domain import SYSTEM_HUB
from alarms.handling.models import Alarm
from devices.registry.councils import COUNCILS
from telecare.access.domain import Permission

LONDON = ZoneInfo("Europe/London")
MINUTE, HOUR, DAY = 60, 3600, 86400
FIRE_RANK = 0
GAS_RANK = 2
"""Gas and carbon monoxide rank up to here; they sound as fire does."""

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
HANDLINGS = {"raised": "waiting", "acked": "being handled", "attending": "somebody on the way", "closed": "closed"}
PERMISSIONS = {
    Permission.SEE_ALARMS: "see alarms",
    Permission.HANDLE_ALARMS: "handle alarms",
    Permission.SUPERVISE: "do what supervisors do",
    Permission.PLAN_WORK: "plan work",
    Permission.HANDLE_JOBS: "handle jobs",
    Permission.SWITCH_OVER: "carry out the switchover",
    Permission.SEE_FLEET: "see the fleet",
    Permission.EDIT_FLEET: "change the fleet",
    Permission.SEE_PEOPLE: "see people",
    Permission.EDIT_PEOPLE: "change people",
    Permission.REVEAL_KEY_SAFE: "see key-safe codes",
    Permission.ADMINISTER: "administer the service",
    Permission.SEE_AUDIT: "see the audit",
}
COMMANDS = {
    "test": "Send a test call",
    "ping": "Ask whether it answers",
    "heartbeat": "Ask for a heartbeat",
    "set_interval": "Set the interval",
    "reboot": "Restart it",
    "update_firmware": "Update its firmware",
}


@dataclass(frozen=True)
class Badge:
    """A state as shape, word and colour: never colour alone. `tone` names the colour in the style sheet."""

    shape: str
    word: str
    tone: str


def rank_badge(class_: str, rank: int) -> Badge:
    """Return the badge of an alarm: fire stands out from all others (BS 8591)."""
    if class_ == "L" and rank <= GAS_RANK:
        return Badge("▲", "FIRE" if rank <= FIRE_RANK else "GAS", "fire")
    if class_ == "L":
        return Badge("◆", "Life-safety", "life")
    if class_ == "U":
        return Badge("●", "Urgent", "urgent")
    return Badge("■", "Technical", "technical")


def presence_badge(presence: str, connection: str = "digital") -> Badge:
    """Return the badge of a hub's presence. One whose alarms travel by telephone is not expected to say it lives."""
    if presence == "never_seen" and connection != "digital":
        return Badge("◌", "Not supervised", "quiet")
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


def local(moment: datetime | None) -> str:
    """Return a date and a time in Europe/London."""
    return "not known" if moment is None else moment.astimezone(LONDON).strftime("%d %b %Y %H:%M")


def clock(moment: datetime, now: datetime) -> str:
    """Return a time in Europe/London to the second, with its day only when that is not today."""
    there, today = moment.astimezone(LONDON), now.astimezone(LONDON)
    if there.date() == today.date():
        return there.strftime("%H:%M:%S")
    return there.strftime("%d %b %H:%M:%S" if there.year == today.year else "%d %b %Y %H:%M")


def time(moment: datetime) -> str:
    """Return a time of the day in Europe/London, to the second."""
    return moment.astimezone(LONDON).strftime("%H:%M:%S")


def day(moment: datetime, now: datetime) -> str:
    """Return the day of a moment in Europe/London, as a heading."""
    there, today = moment.astimezone(LONDON).date(), now.astimezone(LONDON).date()
    words = {0: "Today, ", 1: "Yesterday, "}.get((today - there).days, "")
    return words + there.strftime("%A %d %B" if there.year == today.year else "%A %d %B %Y")


def utc(moment: datetime | None) -> str:
    """Return a time in UTC, for the pointer to rest on."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(moment: datetime | None) -> str:
    """Return a time for scripts."""
    return "" if moment is None else moment.astimezone(UTC).isoformat()


def years(born: date | None, now: datetime) -> int | None:
    """Return an age in years."""
    if born is None:
        return None
    today = now.astimezone(LONDON).date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def initials(name: str) -> str:
    """Return the initials of a name, for narrow screens."""
    words = name.split()
    return (words[0][:1] + words[-1][:1] if len(words) > 1 else name[:2]).upper()


def council(code: str | None) -> str:
    """Return the name of a council."""
    return "No council" if code is None else COUNCILS.get(code, code)


def phone(number: str) -> str:
    """Return a telephone number as people read it out: 07700 900123."""
    try:
        parsed = phonenumbers.parse(number, "GB")
    except phonenumbers.NumberParseException:
        return number
    home = parsed.country_code == 44  # noqa: PLR2004 - the United Kingdom
    style = phonenumbers.PhoneNumberFormat.NATIONAL if home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, style)


def who(alarm: Alarm) -> str:
    """Return whose alarm it is; the service itself raises some."""
    if alarm.person_name is not None:
        return alarm.person_name
    return "This service" if alarm.hub_id == SYSTEM_HUB else "Nobody is known here"


def where(alarm: Alarm) -> str:
    """Return the place of an alarm."""
    if alarm.place is not None:
        return alarm.place
    return "A supervisor must mend it" if alarm.hub_id == SYSTEM_HUB else "Place unknown"


def holder(alarm: Alarm) -> str:
    """Return who has an alarm, in words."""
    if alarm.handling == "closed":
        return f"Closed: {outcome(alarm)}"
    if alarm.assigned_name is None:
        return "Nobody has it"
    return f"{alarm.assigned_name} has it"


def outcome(alarm: Alarm) -> str:
    """Return how an alarm ended, or how far it is, in words."""
    if alarm.outcome is None:
        return HANDLINGS[alarm.handling]
    found = OUTCOMES.get(alarm.outcome)
    return found.words if found else alarm.outcome


@dataclass(frozen=True)
class Following:
    """What comes next: the moment, what happens then, and whether that is the end of somebody's claim."""

    at: datetime
    words: str


def following(alarm: Alarm) -> Following | None:
    """Return what happens next to an alarm. Of a claim that is its end: the reminder before is for its holder only."""
    if alarm.ack_expires_at is not None and not alarm.state.get("hold_until"):
        return Following(alarm.ack_expires_at, "the claim ends")
    if alarm.next_due_at is None:
        return None
    told = alarm.next_step or ""
    if told.endswith(" told"):
        told = told.removesuffix(" told") + (" are told" if " and " in told or "contacts" in told else " is told")
    if alarm.handling == "attending":
        told = f"{told}; help is on the way"
    return Following(alarm.next_due_at, told)


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: its share of the longest in percent; `value` is what to filter by to see what it counts."""

    label: str
    count: int
    width: int
    value: str


def bars(counts: dict[str, int], words: dict[str, str]) -> list[Bar]:
    """Return the bars of a chart, longest share 100."""
    most = max(counts.values(), default=0)
    return [
        Bar(words[name], counts[name], round(100 * counts[name] / most) if most else 0, name)
        for name in words
        if counts.get(name)
    ]
