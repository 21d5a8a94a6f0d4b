"""What a board says of a cover, to whom."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from alarms.cover.domain import CoverWhy
from alarms.cover.models import Cover
from telecare.access.domain import Actor, UserRole
from telecare.console.cover_view import banners

FIFE, GLASGOW, FALKIRK = "S12000047", "S12000049", "S12000014"
NOW = datetime(2027, 1, 3, 3, 30, tzinfo=UTC)


def cover(why: CoverWhy = CoverWhy.LAG, reason: str | None = None) -> Cover:
    return Cover(
        id=uuid4(), agreement_id=uuid4(), council_id=FIFE, partner_id=GLASGOW, why=why, reason=reason,
        lag_s=160 if why is CoverWhy.LAG else None, started_by="user:sheila", started_at=NOW.replace(minute=12),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("role", "councils", "words"),
    [
        (UserRole.OPERATOR, {GLASGOW}, ["Covering for Fife since 03:12"]),
        (UserRole.ADMINISTRATOR, {GLASGOW}, ["Glasgow City covers for Fife since 03:12"]),
        (UserRole.OPERATOR, {FIFE}, ["Glasgow City covers for you since 03:12: they see your alarms"]),
        (UserRole.OPERATOR, {FIFE, GLASGOW}, ["Glasgow City covers for Fife since 03:12"]),
        (UserRole.OPERATOR, set(), ["Glasgow City covers for Fife since 03:12"]),
        (UserRole.OPERATOR, {FALKIRK}, []),
    ],
)
def test_each_is_told_in_their_own_words(role: UserRole, councils: set[str], words: list[str]) -> None:
    actor = Actor("user", uuid4(), "A", role, frozenset(councils))
    covered = {FIFE} - councils if GLASGOW in councils else ()
    assert [one.words for one in banners([cover()], actor.covering(covered), NOW)] == words


@pytest.mark.parametrize(
    ("why", "reason", "words"),
    [
        (CoverWhy.LAG, None, "nobody there had taken an alarm for 2:40"),
        (CoverWhy.EXERCISE, "monthly", "an exercise: monthly"),
        (CoverWhy.DECLARED, "no power", "asked for by sheila: no power"),
    ],
)
def test_it_says_why(why: CoverWhy, reason: str | None, words: str) -> None:
    actor = Actor("user", uuid4(), "A", UserRole.OPERATOR)
    assert [one.why for one in banners([cover(why, reason)], actor, NOW)] == [words]
