"""Agreements, batches, notices and their checks in words and badges. Pure."""

from datetime import datetime

from devices.switchover.telco.domain import PURPOSES, CheckState, MatchResult, NoticeKind, NoticeStatus
from devices.switchover.telco.schemas import AgreementOut, CheckOut, NoticeOut, TakenOut
from telecare.console.view import Badge

PURPOSE_WORDS = PURPOSES
KINDS = {NoticeKind.NON_VOLUNTARY: "Non-voluntary", NoticeKind.VOLUNTARY: "Voluntary"}
STATUSES = {
    NoticeStatus.PLANNED: "Planned",
    NoticeStatus.MIGRATED: "Migrated",
    NoticeStatus.CANCELLED: "Cancelled",
}
RESULTS = {
    MatchResult.MATCHED: "matched",
    MatchResult.UNMATCHED: "unmatched",
    MatchResult.AMBIGUOUS: "ambiguous",
}
SHOWN = {"": "All", "ahead": "Still to come", "unsettled": "Against a hold, or of no home"}
_CHECKS = {
    CheckState.DUE: Badge("◌", "To be checked", "quiet"),
    CheckState.ASKED: Badge("◐", "Asked", "quiet"),
    CheckState.TO_RING: Badge("▲", "Ring it", "warn"),
    CheckState.ANSWERED: Badge("●", "It answered", "good"),
    CheckState.NO_ANSWER: Badge("■", "No answer", "bad"),
}
DONE = {
    "agreed": "The agreement is written down.",
    "ended": "The agreement has ended.",
    "made": "The batch is made. Its file leaves once.",
    "held": "The line is held.",
    "lifted": "The hold is lifted.",
    "rung": "It is written down.",
    "taken": "It is taken.",
}
"""What a page says after something was done."""
NAMED = 5


def in_force(agreement: AgreementOut) -> Badge:
    """Return whether something may be shared under an agreement."""
    if agreement.ended_at is not None:
        return Badge("○", "Ended", "quiet")
    return Badge("▲", "Not usable", "warn") if agreement.objection else Badge("●", "In force", "good")


def notice(one: NoticeOut, now: datetime) -> Badge:
    """Return how a notice stands: what a human must settle before all else."""
    ahead = one.status is NoticeStatus.PLANNED and one.planned_at > now
    if one.hold_id is not None and ahead:
        return Badge("■", "Against a hold", "bad")
    if not one.known and ahead:
        return Badge("▲", "No home known", "warn")
    return Badge("○", STATUSES[one.status], "good" if one.status is NoticeStatus.MIGRATED else "quiet")


def check(one: CheckOut) -> Badge:
    """Return how far a check is."""
    return _CHECKS[one.state]


def taken(said: TakenOut) -> list[str]:
    """Return in words what became of a file."""
    words = [f"{said.new} new, {said.changed} changed, {said.again} as before"]
    for count, what, named in (
        (len(said.held), "against a hold: call the provider", said.held),
        (len(said.unknown), "not known here", said.unknown),
    ):
        if count:
            more = ", …" if count > NAMED else ""
            words.append(f"{count} {what} ({', '.join(named[:NAMED])}{more})")
    return [*words, *(f"Line {row.line}: {row.why}" for row in said.refused)]
