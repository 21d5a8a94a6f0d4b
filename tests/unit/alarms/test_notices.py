"""Notices before it hurts (S60): what each fact is said as, and what is none."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from alarms.handling.limit import Level, LimitWatch, level_of
from alarms.handling.notices import AHEAD, Circle, LivePolicy, NamedRota, Notice, notices
from alarms.policy.document import PolicyDocument
from alarms.rota.domain import Shift

NOW = datetime(2026, 11, 27, 16, tzinfo=UTC)  # a Friday; London has the same clock
ID = UUID(int=7)
ROTA = "rota:wardens"
NIGHTS = {"from": "18:00", "until": "08:00"}


def policy(steps: Sequence[Mapping[str, Any]], last: Sequence[str] = ("queue",), **more: Any) -> LivePolicy:
    document = {"key": "nights", "name": "Nights", "steps": steps, "catch_all": {"tell": last, "every": 60}, **more}
    return LivePolicy(ID, "nights", PolicyDocument.model_validate(document))


def step(*targets: str, **more: Any) -> dict[str, Any]:
    return {"tell": targets, "wait": 30, **more}


def gap(since_h: float, until_h: float) -> Shift:
    return Shift(NOW + timedelta(hours=since_h), NOW + timedelta(hours=until_h), ())


def said(
    *policies: LivePolicy, behind: Sequence[str] = (), gaps: Sequence[Shift] | None = (), council: str | None = "F"
) -> list[Notice]:
    """`behind` names the targets behind which somebody can be told now; the rota has these gaps."""
    rotas = {ROTA: NamedRota(ID, gaps)}
    return [*notices([Circle(council, policies, lambda target, _: target in behind, rotas)], {}, 200, NOW)]


def test_a_policy_with_no_steps_shows_one_notice() -> None:
    (notice,) = said(policy([]))
    assert notice == Notice(
        Level.ERROR,
        "F",
        "The policy “nights”: it has no steps: the last resort would be told at once",
        "Add a step, such as `- {tell: [queue], wait: 30s}`",
        f"/policies/{ID}",
    )


def test_a_policy_that_cannot_be_read_shows_one_notice() -> None:
    (notice,) = said(LivePolicy(ID, "nights", None))
    assert (notice.level, notice.what) == (Level.ERROR, "The policy “nights” cannot be read")
    assert "save it anew" in notice.mend


def test_who_is_always_there_and_a_persons_own_contacts_are_no_notice() -> None:
    assert said(policy([step("queue"), step("second_queue"), step("contacts")])) == []


@pytest.mark.parametrize(
    ("target", "words", "mend", "link"),
    [
        ("supervisor", "the supervisor", "Add a contact point", f"/policies/{ID}"),
        ("duty_manager", "the duty manager", "Add a contact point", f"/policies/{ID}"),
        ("team:mobile", "the team mobile", "into the team", "/teams"),
        ("responder:ann", "ann", "a way to be told", "/responders"),
        ("webhook:desk", "desk", "a webhook", "/responders"),
        (ROTA, "the rota wardens", "Put somebody on", f"/rotas/{ID}"),
    ],
)
def test_each_target_with_nobody_behind_it_says_how_to_mend_it(target: str, words: str, mend: str, link: str) -> None:
    (notice,) = said(policy([step("queue"), step(target)]))
    assert notice.level is Level.ERROR
    assert words in notice.what
    assert notice.what.endswith("now: an alarm falls through step 2 of “nights”")
    assert mend in notice.mend
    assert notice.link == link
    assert said(policy([step("queue"), step(target)]), behind=[target]) == []


def test_where_others_are_told_as_well_it_is_a_warning() -> None:
    (notice,) = said(policy([step("queue", "supervisor")], last=("queue", "supervisor")))
    assert notice.level is Level.WARNING
    assert notice.what == (
        "Nobody stands behind the supervisor now (named at step 1 of “nights” and the last resort of “nights”)"
    )


def test_one_target_of_several_policies_is_one_notice_and_a_last_resort_counts() -> None:
    (notice,) = said(policy([step("queue")], last=("duty_manager",)), policy([step("duty_manager")]))
    assert "the last resort of “nights” and step 1 of “nights”" in notice.what


def test_a_gap_says_from_when_to_when() -> None:
    (notice,) = said(policy([step(ROTA)]), behind=[ROTA], gaps=[gap(2, 16)])
    assert notice.level is Level.WARNING
    assert "the rota wardens from 18:00 on Fri 27 November 2026 until 08:00 on Sat 28 November 2026" in notice.what
    assert notice.link == f"/rotas/{ID}"


def test_a_gap_of_now_is_said_once_with_its_end() -> None:
    (notice,) = said(policy([step(ROTA)]), gaps=[gap(0, 2)])
    assert notice.level is Level.ERROR
    assert "the rota wardens now, until 18:00 on Fri 27 November 2026: an alarm falls through" in notice.what


def test_of_a_gap_that_lasts_for_longer_than_is_looked_no_end_is_said() -> None:
    (notice,) = said(policy([step(ROTA)]), gaps=[gap(0, 24)])
    assert notice.what == "Nobody stands behind the rota wardens now: an alarm falls through step 1 of “nights”"


def test_a_rota_that_cannot_be_read_is_not_an_empty_one() -> None:
    (notice,) = said(policy([step(ROTA)]), gaps=None)
    assert (notice.level, notice.what) == (Level.ERROR, "The rota “wardens” cannot be read")


def test_a_rota_that_nobody_asks_at_that_hour_has_no_gap() -> None:
    by_day = [gap(0, 2), gap(16, 24)]
    assert said(policy([step("queue", only=None), step(ROTA, only=NIGHTS)]), gaps=by_day) == []
    assert said(policy([step(ROTA)], **{"for": {"hours": NIGHTS}}), gaps=by_day) == []
    (early,) = said(policy([step(ROTA, only=NIGHTS)]), gaps=[gap(0, 2.5)])
    assert early.level is Level.WARNING
    (other,) = said(policy([step("queue", only=NIGHTS, otherwise=[ROTA])]), gaps=by_day[:1])
    assert other.level is Level.ERROR


def test_a_rota_that_no_policy_names_is_no_notice() -> None:
    assert said(policy([step("queue")]), gaps=[gap(0, 24)]) == []


def test_a_day_is_looked_ahead() -> None:
    assert timedelta(hours=24) == AHEAD


def test_unclaimed_alarms_are_said_by_council_and_errors_come_first() -> None:
    found = notices([], {"F": 159, "G": 160, "H": 200, None: 350}, 200, NOW)
    assert [(one.level, one.council_id) for one in found] == [
        (Level.ERROR, None),
        (Level.ERROR, "H"),
        (Level.WARNING, "G"),
    ]
    assert found[1].what == "200 open alarms are nobody's; the limit is 200"
    assert "nothing is refused" in found[1].mend
    assert found[1].link == "/"


@pytest.mark.parametrize(
    ("unclaimed", "level"),
    [(0, None), (159, None), (160, Level.WARNING), (199, Level.WARNING), (200, Level.ERROR), (201, Level.ERROR)],
)
def test_reached_is_an_error_near_is_a_warning_below_is_none(unclaimed: int, level: Level | None) -> None:
    assert level_of(unclaimed, 200) is level


def test_the_limit_is_told_once_until_they_were_few_again() -> None:
    watch = LimitWatch()
    assert watch.fresh({"F": 10}, 10) == ["F"]
    assert watch.fresh({"F": 10}, 10) == ["F"], "who could not be told of is fresh still"
    watch.told({"F"})
    for count in (11, 9, 8, 10):
        assert watch.fresh({"F": count, "G": 3}, 10) == [], "up and down at the limit is one time"
    assert watch.fresh({"G": 12}, 10) == ["G"]
    assert watch.fresh({"F": 10}, 10) == ["F"]
