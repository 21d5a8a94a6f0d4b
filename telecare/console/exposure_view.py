"""The exposure list in words and badges. Pure."""

from datetime import timedelta

from devices.registry.domain import LineKind
from devices.switchover.exposure.domain import BY_PEOPLE, CAUSES
from devices.switchover.exposure.schemas import ExposureOut
from telecare.console.view import Badge

LINES = {
    LineKind.PSTN: "analogue (PSTN)",
    LineKind.VOIP_ROUTER: "digital, unit on the router",
    LineKind.VOIP_ATA: "digital, unit on an adapter",
    LineKind.NONE: "no line",
}
CORRECTIONS = ((LineKind.PSTN, "Analogue (PSTN)"), (LineKind.NONE, "There is no line any more"))
CLOSINGS = [(cause, CAUSES[cause]) for cause in sorted(BY_PEOPLE)]
CAUSE_WORDS = CAUSES
SHOWN = {"": "On the list", "overdue": "Overdue", "unowned": "Nobody has it", "closed": "Ended"}
DONE = {"planned": "The next action is written down.", "closed": "The entry has ended."}
"""What a page says after something was done."""
OLD = timedelta(days=28)


def badge(entry: ExposureOut) -> Badge:
    """Return how far an entry is: overdue before all else."""
    if entry.closed_at is not None:
        return Badge("●", "Ended", "good")
    if entry.gone is not None:
        return Badge("◒", "To confirm", "warn")
    if entry.overdue:
        return Badge("▲", "Overdue", "bad")
    if entry.owner is None:
        return Badge("○", "Nobody has it", "warn")
    return Badge("◐", "Planned", "quiet")


def days(count: int) -> str:
    """Return an age in days, in words."""
    return "since today" if count == 0 else "1 day" if count == 1 else f"{count:,} days"
