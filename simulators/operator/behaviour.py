"""What a simulated operator does: which alarm they take, and how they handle it. Pure."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Alarm = Mapping[str, Any]
"""An alarm as the API shows it."""


@dataclass(frozen=True)
class Act:
    """After `wait_s` seconds, give this command with this body."""

    wait_s: float
    command: str
    body: Mapping[str, Any]


SPOKEN = (
    ("reassured", "Answered at once: pressed it to hear a voice."),
    ("reassured", "Had slid off the bed, is up again and well."),
    ("accidental", "Caught the pendant on the door handle."),
    ("contact_attended", "Neighbour is with them, all well."),
    ("responder_attended", "Responder helped them up, no injury."),
    ("gp_111", "Feels unwell since the morning, NHS 24 rings back."),
)
BURNT = ("accidental", "Burnt toast; window open, person well, detector reset.")
JOB = ("technical_job", "Job for an engineer made.")


def pick(alarms: Sequence[Alarm], now: datetime, patience: timedelta) -> Alarm | None:
    """Return the first alarm of the board's order that nobody has and that has waited for longer than `patience`."""
    for alarm in alarms:
        if alarm["handling"] == "raised" and now - datetime.fromisoformat(alarm["raised_at"]) > patience:
            return alarm
    return None


def story(alarm: Alarm, chance: random.Random) -> list[Act]:
    """Return how an alarm is handled from the claim on: words into the log, a call, a closing that is allowed."""
    spoken = alarm["class"] in {"L", "U"} and alarm["person_name"] is not None
    if not spoken:
        outcome, words = JOB
        return [_close(chance.uniform(4, 10), outcome, words, spoken=False)]
    outcome, words = BURNT if alarm["rank"] <= 1 else chance.choice(SPOKEN)
    acts = [Act(chance.uniform(3, 8), "note", {"text": "Speaking with them over the unit."})]
    if outcome in {"contact_attended", "responder_attended"}:
        acts.append(Act(chance.uniform(4, 9), "contact-attempt", {"contact": "First contact", "reached": True}))
    return [*acts, _close(chance.uniform(6, 20), outcome, words, spoken=True)]


def _close(wait_s: float, outcome: str, words: str, *, spoken: bool) -> Act:
    return Act(wait_s, "close", {"outcome": outcome, "reason": words, "voice_confirmed": spoken})
