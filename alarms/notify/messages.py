"""What a message says: plain English for somebody woken at 3 a.m., with no more about the person than they need.

The person's own contacts learn who and what, but no address, hazards or unit: e-mail and webhooks are read by others.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from alarms.escalation.domain import Notify, Target

LONDON = ZoneInfo("Europe/London")

CLASS_WORDS = {"L": "Life-safety alarm", "U": "Urgent alarm", "T": "Technical alarm", "I": "Information", "C": "Canary"}


@dataclass(frozen=True)
class AlarmFacts:
    """What a message may say of an alarm. `class_` is L, U, T or I; `notes` are sentences for staff."""

    alarm_id: str
    type: str
    class_: str
    rank: int
    words: str
    person_name: str | None
    place: str | None
    room: str | None
    raised_at: datetime
    council_id: str | None
    hub_id: str
    notes: tuple[str, ...] = ()


class HowToAnswer(Protocol):
    """How somebody can say that they go: the token of their link, and the code to text back."""

    @property
    def token(self) -> str:
        """What the link ends with."""
        ...

    @property
    def code(self) -> int | None:
        """What to write in a text."""
        ...


def compose(
    alarm: AlarmFacts, notify: Notify, public_url: str | None, asked: HowToAnswer | None = None
) -> dict[str, Any]:
    """Return `{"subject", "text", "brief", "data"}`: the first two for people, `data` a stable document for programs.

    `brief` is `{"what", "who", "where"}`, from which texts and calls are made (`alarms.notify.brief`).

    `public_url` is the service's address as people reach it; with it, staff get a link to the case.
    """
    for_contact = notify.target == Target.CONTACTS
    link = f"{public_url.rstrip('/')}/a/{asked.token}" if public_url and asked else None
    text = _for_contact(alarm, link) if for_contact else _for_staff(alarm, notify.reason, public_url, link)
    who = f", {alarm.person_name}" if alarm.person_name else ""
    return {
        "subject": _one_line(f"{CLASS_WORDS[alarm.class_]}: {alarm.words}{who}"),
        "text": text,
        "brief": {
            "what": _one_line(f"{CLASS_WORDS[alarm.class_]}: {alarm.words}"),
            "who": _one_line(alarm.person_name or ""),
            "where": "" if for_contact else _where(alarm),
        },
        "data": {
            **_data(alarm, notify, place=None if for_contact else alarm.place),
            "accept_url": link,
            "reply_code": str(asked.code) if asked and asked.code else None,
        },
    }


def _for_staff(alarm: AlarmFacts, reason: str, public_url: str | None, link: str | None) -> str:
    lines = [
        f"{CLASS_WORDS[alarm.class_].upper()}: {_one_line(alarm.words)}",
        "",
        f"Who:    {_one_line(alarm.person_name or 'nobody is known at this unit')}",
        f"Where:  {_where(alarm)}",
        f"Since:  {_moment(alarm.raised_at)}",
        f"Why:    {_one_line(reason)}",
        f"Unit:   {_one_line(alarm.hub_id)}",
        *(f"Note:   {_one_line(note)}" for note in alarm.notes),
        "",
    ]
    if link is not None:
        lines += ["Say that you go, or that you cannot:", link, ""]
    if public_url is not None:
        lines += ["Open it and take it:", f"{public_url.rstrip('/')}/alarms/{alarm.alarm_id}", ""]
    lines.append("Taking it in the console stops these calls. A reply to this message reaches nobody.")
    return "\n".join(lines)


def _for_contact(alarm: AlarmFacts, link: str | None) -> str:
    who = alarm.person_name or "the person you are a contact for"
    lines = [
        f"{_one_line(f'{alarm.words}: {who}')}, {_moment(alarm.raised_at)}.",
        "",
        "Nobody has dealt with this alarm yet. If you are near, please call or visit now, and tell the alarm service",
        "what you find. If you believe that a life is in danger, ring 999.",
        "",
        *(("Tell us here whether you can go, and what you find:", link, "") if link else ()),
        "A reply to this message reaches nobody.",
    ]
    return "\n".join(lines)


def _data(alarm: AlarmFacts, notify: Notify, place: str | None) -> dict[str, Any]:
    return {
        "alarm_id": alarm.alarm_id,
        "type": alarm.type,
        "class": alarm.class_,
        "rank": notify.rank,
        "council_id": alarm.council_id,
        "hub_id": alarm.hub_id,
        "words": alarm.words,
        "place": place,
        "raised_at": alarm.raised_at.astimezone(UTC).isoformat(),
        "reason": notify.reason,
        "target": str(notify.target),
        "effect_key": notify.effect_key,
    }


def _where(alarm: AlarmFacts) -> str:
    room = f" ({alarm.room})" if alarm.room else ""
    return _one_line(f"{alarm.place or 'no premises are known for this unit'}{room}")


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(LONDON):%H:%M:%S on %A %d %B %Y}"


def _one_line(text: str) -> str:
    """Return a stranger's words on one line: a line break of theirs must not start a header or a line of ours."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())
