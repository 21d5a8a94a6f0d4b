"""Why somebody stands where they stand, what a supervisor alone may write down, and what the alarms say."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from alarms.escalation.outcomes import OUTCOMES
from alarms.welfare.domain import (
    SPOKEN_WITH,
    Cause,
    Facts,
    Outcome,
    PersonState,
    Standing,
    again_at,
    campaign_alarm,
    gap_words,
    help_alarm,
    ranked,
    refusal,
)

GAP_TO = datetime(2027, 1, 3, 3, 12, tzinfo=UTC)
NOW = GAP_TO + timedelta(minutes=5)
JEAN = UUID(int=1)


def at(minutes: float) -> datetime:
    return GAP_TO + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("facts", "stands", "words"),
    [
        (
            Facts(JEAN, "h", tier="A", lives_alone=True, heard_at=at(-10), proven_at=at(-3 * 24 * 60)),
            Standing.SILENT,
            "Tier A, lives alone; unit silent since 03:02 on Sun 03 January 2027; last alarm or test 72 h before that",
        ),
        (Facts(JEAN, "h"), Standing.SILENT, "Tier C; unit never heard; no alarm or test from them yet"),
        (
            Facts(JEAN, "h", heard_at=at(1), proven_at=at(-90)),
            Standing.BACK,
            "Tier C; unit heard again, no alarm from the gap came; last alarm or test 90 min before that",
        ),
        (
            Facts(JEAN, "h", heard_at=at(1), delivered=True, proven_at=at(1)),
            Standing.DELIVERED,
            "Tier C; unit heard again, and sent what it had kept; an alarm or test from them has come since",
        ),
        (
            Facts(JEAN, "h", away_until=at(600)),
            Standing.AWAY,
            "Tier C; away by plan until 13:12 on Sun 03 January 2027; no alarm or test from them yet",
        ),
        # The absence is over, or the unit says that somebody is there.
        (
            Facts(JEAN, "h", away_until=at(2)),
            Standing.SILENT,
            "Tier C; unit never heard; no alarm or test from them yet",
        ),
    ],
)
def test_the_list_says_why(facts: Facts, stands: Standing, words: str) -> None:
    (found,) = ranked([facts], GAP_TO, NOW)
    assert (found.standing, found.why) == (stands, words)


def test_of_two_units_of_a_person_the_silent_one_counts() -> None:
    one, two = Facts(JEAN, "h1", heard_at=at(1)), Facts(JEAN, "h2", heard_at=at(-5))
    assert [each.facts.hub_id for each in ranked([one, two], GAP_TO, NOW)] == ["h2"]


def test_only_outcomes_that_exist_and_speak_of_the_person_prove_anybody() -> None:
    assert set(SPOKEN_WITH) < set(OUTCOMES)
    assert not {"technical_auto", "duplicate_of", "unable_to_reach", "technical_job"} & set(SPOKEN_WITH)


@pytest.mark.parametrize(
    ("state", "outcome", "note", "supervisor", "allowed"),
    [
        (PersonState.TRYING, Outcome.UNREACHABLE, "door locked, neighbours away", True, True),
        (PersonState.TRYING, Outcome.UNREACHABLE, "door locked", False, False),
        (PersonState.TRYING, Outcome.UNREACHABLE, " ", True, False),
        (PersonState.SAFE, Outcome.MISTAKE, "another Jean", False, True),
        (PersonState.SAFE, Outcome.MISTAKE, "", False, False),
        (PersonState.TO_CHECK, Outcome.MISTAKE, "nothing to take back", False, False),
        (PersonState.NEEDS_HELP, Outcome.MISTAKE, "the alarm decides", True, False),
        (PersonState.PROVEN, Outcome.NEEDS_HELP, "", False, True),
    ],
)
def test_what_may_be_written_down(
    state: PersonState, outcome: Outcome, note: str, supervisor: bool, allowed: bool
) -> None:
    assert (refusal(state, outcome, note, supervisor=supervisor) is None) is allowed


def test_the_graver_the_sooner_again() -> None:
    assert again_at("A", NOW) < again_at("B", NOW) < again_at("C", NOW)


def test_the_alarms_say_what_to_do() -> None:
    reason = gap_words(at(-4), at(0))
    assert reason == "we could hear no unit for 4 min from 03:08 on Sun 03 January 2027; it was our gap and not theirs"
    opening = campaign_alarm(JEAN, 3, Cause.DEAF_PERIOD, reason)
    assert (opening.class_, opening.words) == ("U", "Check on 3 people: they may have pressed and nobody heard")
    assert f"/welfare/{JEAN}" in opening.notes[1]
    help_ = help_alarm("Fiona", "on the floor")
    assert (help_.class_, help_.notes) == ("L", ("Found by Fiona in a welfare check: on the floor",))
