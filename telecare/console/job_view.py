"""Jobs in words and badges: how far one is, what it is about, and where its evidence stands. Pure."""

from datetime import datetime, timedelta
from urllib.parse import quote

from devices.jobs.domain import KINDS, JobKind, JobState, in_the_way
from devices.jobs.schemas import EvidenceItem, JobOut
from telecare.api.paging import encode_cursor
from telecare.console.view import Badge

STATES = {JobState.OPEN: "Nobody has it", JobState.ASSIGNED: "Somebody has it", JobState.DONE: "Done"}
KIND_WORDS = {kind: row.words for kind, row in KINDS.items()}
DONE = {
    "assigned": "It has an owner.",
    "noted": "It is written down.",
    "closed": "The job is done.",
    "reconciled": "Register and units have been compared.",
}
"""What a page says after something was done."""


def badge(job: JobOut) -> Badge:
    """Return how far a job is: overdue before all else."""
    if job.state is JobState.DONE:
        return Badge("●", "Done", "good")
    if job.overdue:
        return Badge("▲", "Overdue", "bad")
    if job.gone_at is not None:
        return Badge("◒", "To confirm", "warn")
    if job.state is JobState.ASSIGNED:
        return Badge("◐", "Assigned", "quiet")
    return Badge("○", "Nobody has it", "warn")


def grave() -> Badge:
    """Return the badge of a job about a detector."""
    return Badge("◆", "Life-safety", "life")


def although(job: JobOut) -> str | None:
    """Return what somebody says who closes a job that a look would still see; None when none would."""
    if in_the_way(job.kind, life_safety=job.life_safety, gone=job.gone_at is not None) is None:
        return None
    return "the last look still saw it" if job.life_safety else "no message has shown it"


def until(moment: datetime, now: datetime) -> str:
    """Return how long it is until a moment, or since: in 5 h, 2 days ago."""
    seconds = int(abs((moment - now).total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600, seconds // 60
    span = f"{days} days" if days > 1 else f"{hours} h" if hours > 1 else f"{minutes} min"
    return f"in {span}" if moment > now else f"{span} ago"


def link(item: EvidenceItem, hub_id: str) -> str:
    """Return where a piece of evidence stands in the timeline of its hub; empty for what is no message."""
    if item.event_id is None or item.at is None:
        return ""
    cursor = encode_cursor(item.at + timedelta(microseconds=1), item.event_id)
    return f"/fleet/{quote(hub_id, safe='')}?kind=signals&cursor={quote(cursor)}#event-{item.event_id}"


def kind_words(kind: str) -> str:
    """Return a kind in words."""
    return KIND_WORDS[JobKind(kind)]
