"""The alarms that the service raises about itself: operators see them on the board like any other. Pure."""

from datetime import datetime
from uuid import UUID

from alarms.escalation.domain import target_words
from alarms.escalation.ranks import TECHNICAL, URGENT
from alarms.handling.domain import Opening

FIRST_PAUSE_S = 30
LONGEST_PAUSE_S = 300

UNCLAIMED = "unclaimed_limit"
"""Type and family of the alarm that too many alarms are nobody's."""

UNHEARD = "heartbeats_unheard"
"""Type and family of the alarm that the service itself hears no heartbeats."""


def hole(targets: tuple[str, ...]) -> Opening:
    """Return the alarm that a ladder fell through a step with nobody behind it."""
    names = " and ".join(target_words(target) for target in targets)
    words = f"Nobody stands behind {names}" if targets else "A step of a ladder names nobody"
    notes = ("An alarm came to this step and went on without anybody being told: add a contact point",)
    return Opening("uncovered_step", "T", TECHNICAL, f"uncovered_step:{'+'.join(targets)}", words, notes)


def unreadable_rota(key: str) -> Opening:
    """Return the alarm that a rota cannot be read: until it is mended nobody is on it (R26)."""
    notes = ("An alarm came to it and went on to the next step: mend the rota, or put somebody on by hand",)
    return Opening("rota_unreadable", "U", URGENT, f"rota_unreadable:{key}", f"The rota “{key}” cannot be read", notes)


def unreadable_policy(key: str) -> Opening:
    """Return the alarm that a policy cannot be read: until it is saved anew alarms go by other ladders."""
    notes = ("Alarms go by the next policy that fits, or by the built-in ladder: look at it and save it anew",)
    return Opening(
        "policy_unreadable", "U", URGENT, f"policy_unreadable:{key}", f"The policy “{key}” cannot be read", notes
    )


def unclaimed(count: int, limit: int) -> Opening:
    """Return the alarm that so many alarms wait for somebody that a human must hear of it beside all of them (S60)."""
    notes = ("Nothing is refused or dropped for it: have more people log in, and look what the alarms have in common",)
    words = f"{count} open alarms that nobody has: the limit is {limit}"
    return Opening(UNCLAIMED, "U", URGENT, UNCLAIMED, words, notes)


def unheard() -> Opening:
    """Return the alarm that no heartbeats are heard, and that it is our fault: no hub is judged meanwhile."""
    notes = (
        "Alarms come in by a way of their own; but a unit that falls silent now is not noticed",
        "The log of the service says why (heartbeats_behind, slot_lost, places_unread), operations.md what to do",
    )
    return Opening(UNHEARD, "U", URGENT, UNHEARD, "The service hears no heartbeats: silent units go unnoticed", notes)


def undriven(alarm_id: UUID, what: str, why: str) -> Opening:
    """Return the alarm that the service fails on another one, which a human must handle by hand."""
    notes = (f"Alarm {alarm_id}: {why}", "Open it and handle it by hand; it is tried again meanwhile")
    return Opening(
        "alarm_not_driven", "U", URGENT, f"alarm_not_driven:{alarm_id}", f"The service fails on: {what}", notes
    )


def clock_jump(seconds: float) -> Opening:
    """Return the alarm that the database's clock has jumped: forward is late for nobody, backward is."""
    words = f"The database's clock jumped by {seconds:+.0f} s"
    notes = (
        "Every deadline counts by that clock: look at each open alarm now",
        "Then let somebody look at the time service of the database's machine",
    )
    return Opening("clock_jumped", "U", URGENT, "clock_jumped", words, notes)


def firmware_halted(rollout_id: UUID, what: str, why: str, now: datetime) -> Opening:
    """Return the alarm that a rollout of firmware has halted by its rule; one for each halt."""
    notes = (
        f"{why}. Nothing more is asked of any hub",
        f"Look at its hubs, ring the people behind those that are silent, then decide: /firmware/{rollout_id}",
    )
    words = f"The rollout of {what} has halted"
    family = f"firmware_halted:{rollout_id}:{now.isoformat()}"
    return Opening("firmware_halted", "U", URGENT, family, words, notes)


def pause_s(earlier: int) -> int:
    """Return after how many seconds an alarm on which the service failed so often before is tried again."""
    return min(FIRST_PAUSE_S << min(earlier, 10), LONGEST_PAUSE_S)
