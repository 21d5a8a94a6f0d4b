"""Policies and ladders in words: whom each step tells, when, how, and for which alarms. Pure."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from alarms.escalation.domain import FOREVER, Ladder, Step, target_words
from alarms.escalation.hours import Holidays, Hours
from alarms.intake.types import TYPES, Treatment
from alarms.policy.document import MatchPart, PolicyDocument
from telecare.console.forms import Fault
from telecare.console.view import DAY, HOUR, MINUTE

CLASSES = {"L": "Life-safety", "U": "Urgent", "T": "Technical", "I": "Information"}
CHANNELS = {
    "email": "e-mail",
    "webhook": "a webhook",
    "sms": "a text",
    "voice": "a call",
    "push": "a browser notice",
    "apprise": "a message service",
}
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOLIDAYS = {Holidays.AS_USUAL: "", Holidays.NEVER: ", not on bank holidays", Holidays.ONLY: ", on bank holidays only"}
MOST_HOLES = 100

EXAMPLE = """\
key: wardens
name: Wardens first
# council: S12000035
for: {classes: [L]}
steps:
  - {tell: [queue], wait: 30s}
  - {tell: [second_queue], wait: 30s}
  - {tell: [supervisor], wait: 60s}
catch_all: {tell: [queue, supervisor, duty_manager], every: 60s}
"""


@dataclass(frozen=True)
class Line:
    """One step in words: when it comes, whom it tells, and how."""

    when: str
    who: str
    how: tuple[str, ...] = ()


def span(seconds: float) -> str:
    """Return a duration as people say it: 30 s, 2 min, 1 min 30 s, 4 h."""
    left, parts = round(seconds), []
    for unit, words in ((DAY, "days"), (HOUR, "h"), (MINUTE, "min"), (1, "s")):
        count, left = divmod(left, unit)
        if count:
            parts.append(f"{count} {'day' if words == 'days' and count == 1 else words}")
    return " ".join(parts[:2]) or "0 s"


def steps(ladder: Ladder) -> list[Line]:
    """Return the steps of a ladder and what comes after the last; each step's time counts from the alarm."""
    lines, after = [], 0
    for step in ladder.steps:
        lines.append(Line("at once" if after == 0 else f"after {span(after)}", names(step.targets), _how(step)))
        after += step.wait_s * (1 + step.retries)
    if ladder.loops == FOREVER:
        lines.append(Line(f"after {span(after)}", "all steps again, without end"))
        return lines
    if ladder.loops:
        times = "once more" if ladder.loops == 1 else f"{ladder.loops} times more"
        lines.append(Line(f"after {span(after)}", f"all steps {times}"))
        after *= 1 + ladder.loops
    again = f"then again each {span(ladder.repeat_s)} until a human has it"
    lines.append(Line(f"after {span(after)}", names(ladder.catch_all), (again,)))
    return lines


def _how(step: Step) -> tuple[str, ...]:
    how = []
    if step.each_s is not None:
        how.append(f"one by one, {span(step.each_s)} apart")
    if step.retries:
        times = "once more" if step.retries == 1 else f"{step.retries} times more"
        how.append(f"told {times}, {span(step.wait_s)} apart")
    if step.accepts > 1:
        how.append(f"{step.accepts} must accept")
    if step.hours is not None:
        instead = f"otherwise {names(step.otherwise)}" if step.otherwise else "otherwise passed by at once"
        how += [f"only {hours(step.hours)}", instead]
    return tuple(how)


def names(targets: Iterable[str]) -> str:
    """Return targets as people list them: the queue, the supervisor and the rota wardens."""
    listed = [target_words(target) for target in targets]
    return " and ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


def hours(wanted: Hours) -> str:
    """Return hours of the week: Mon-Fri 09:00-17:00, not on bank holidays."""
    at = "all day" if wanted.since == wanted.until else f"{_clock(wanted.since)}-{_clock(wanted.until)}"
    if wanted.holidays is Holidays.ONLY:
        return f"{at}{HOLIDAYS[wanted.holidays]}"
    days = "" if len(wanted.days) == len(DAYS) else f"{_days(wanted.days)} "
    return f"{days}{at}{HOLIDAYS[wanted.holidays]}"


def _days(days: Sequence[int]) -> str:
    """Return days with neighbours joined: Mon-Fri, Sun."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}" for run in runs)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def matches(wanted: MatchPart) -> str:
    """Return for which alarms a policy is."""
    parts = []
    if wanted.classes:
        parts.append(f"{' and '.join(CLASSES[one].lower() for one in wanted.classes)} alarms")
    if wanted.types:
        parts.append(", ".join(f"“{TYPES[one].words}”" if one in TYPES else one for one in wanted.types))
    if wanted.tiers:
        parts.append(f"people of risk tier {' or '.join(wanted.tiers)}")
    if wanted.person:
        parts.append("one person alone")
    if wanted.hours:
        parts.append(f"raised {hours(wanted.hours.hours())}")
    return "; ".join(parts) or "all alarms"


def document_of(stored: Mapping[str, Any]) -> PolicyDocument | None:
    """Return a stored document as it is read; None when this release cannot."""
    try:
        return PolicyDocument.model_validate(stored)
    except ValidationError:
        return None


def gaps(outlook: Mapping[str, Any]) -> str:
    """Return how many gaps were found when a policy was saved."""
    count = len(outlook.get("holes", ()))
    if not count:
        return "none"
    return f"{MOST_HOLES} or more" if count >= MOST_HOLES else str(count)


def worst(outlook: Mapping[str, Any], which: str) -> str:
    """Return the longest time until a `human` or the `last_resort` is told."""
    seconds = outlook.get(f"worst_{which}", {}).get(f"{which}_s")
    return "never" if seconds is None else "at once" if seconds == 0 else span(seconds)


def types() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the types that raise alarms as a list to choose from: by class, then by name."""
    return [
        (
            words,
            sorted(
                ((row.words, name) for name, row in TYPES.items() if row.class_ == class_ and _raises(row.treatment)),
            ),
        )
        for class_, words in CLASSES.items()
    ]


def _raises(treatment: Treatment) -> bool:
    return treatment is Treatment.ALARM


def after(seconds: float) -> str:
    """Return a time since the beginning as 1:05, or 1:02:05 from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hour, minutes = divmod(minutes, 60)
    return f"{hour}:{minutes:02d}:{rest:02d}" if hour else f"{minutes}:{rest:02d}"


@dataclass(frozen=True)
class Said:
    """Lines of a log in a row that say the same, as one: seconds of the first and the last, and how many."""

    text: str
    first_s: float
    last_s: float
    times: int


def said(log: Iterable[Any]) -> list[Said]:
    """Return a log with the same line after itself told once: a catch-all repeats without end."""
    runs: list[Said] = []
    for line in log:
        if runs and runs[-1].text == line.text:
            runs[-1] = Said(line.text, runs[-1].first_s, line.after_s, runs[-1].times + 1)
        else:
            runs.append(Said(line.text, line.after_s, line.after_s, 1))
    return runs


def fault_lines(faults: Iterable[Any], text: str) -> list[Fault]:
    """Return faults of a text, each with its line as it stands there."""
    lines = text.split("\n")
    return [
        Fault(
            "text",
            f"{f'{fault.where}: ' if fault.where else ''}{fault.what}. {fault.mend}.",
            fault.line,
            lines[fault.line - 1].strip() if 0 < fault.line <= len(lines) else "",
        )
        for fault in faults
    ]


def changes(before: str, now: str) -> list[str]:
    """Return what was changed between two texts, each line with - or + in front."""
    lines = difflib.unified_diff(before.splitlines(), now.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def moment_of(text: str) -> datetime:
    """Return a stored moment."""
    return datetime.fromisoformat(text)
