"""The alarms that jobs raise: a detector on which register and unit do not agree, and jobs that are overdue. Pure."""

from collections.abc import Sequence

from alarms.escalation.ranks import TECHNICAL, URGENT
from alarms.handling.domain import Opening

MISMATCH = "detector_mismatch"
JOBS_OVERDUE = "jobs_overdue"
NAMED = 10


def detector(what: str, link: str) -> Opening:
    """Return the alarm that a home may have a detector which calls nobody (Inverness, 2013)."""
    notes = (
        what,
        f"Ring the person: is the detector there, does it sound? Then see that the job has an owner today: {link}",
    )
    return Opening(
        MISMATCH, "U", URGENT, MISMATCH, "A smoke, heat or gas detector does not agree with the register", notes
    )


def detectors(homes: int, named: Sequence[str]) -> Opening:
    """Return the alarm that this is so in many homes of a council: one cause, or a register that is wrong."""
    notes = (_listed(named), "All of them: the page Jobs. Each has a job of its own, due within a day")
    words = f"Detectors in {homes} homes do not agree with the register"
    return Opening(MISMATCH, "U", URGENT, MISMATCH, words, notes)


def overdue(count: int, named: Sequence[str], *, grave: bool) -> Opening:
    """Return the alarm that jobs of a council are overdue; urgent when one of them is about a detector."""
    class_, rank = ("U", URGENT) if grave else ("T", TECHNICAL)
    words = "A job is overdue" if count == 1 else f"{count} jobs are overdue"
    notes = (_listed(named), "See that each has an owner, and that the person is protected meanwhile: Jobs, overdue")
    return Opening(JOBS_OVERDUE, class_, rank, JOBS_OVERDUE, words, notes)


def _listed(named: Sequence[str]) -> str:
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return f"{'; '.join(named[:NAMED])}{more}"
