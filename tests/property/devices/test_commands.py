"""A command's states, whatever comes in whatever order: an end is an end, and every word of it is true."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.commands.domain import (
    OPEN,
    STEPS,
    CommandState,
    Progress,
    answered,
    explained,
    out_of_reach,
    proven,
    published,
    ran_out,
    stepped,
)
from devices.presence.domain import Presence
from devices.registry.domain import Connection, HubStatus

BEGIN = datetime(2026, 11, 24, 12, tzinfo=UTC)
EXPIRES = BEGIN + timedelta(minutes=10)

Happening = tuple[Literal["published", "answered", "looked", "stepped"], str]
happenings = st.lists(
    st.tuples(
        st.sampled_from(["published", "answered", "looked", "stepped"]),
        st.sampled_from(["done", "unsupported", "failed", ""]),
    ),
    max_size=12,
)
pauses = st.lists(st.integers(0, 400), min_size=12, max_size=12)


def happen(progress: Progress, happening: Happening, now: datetime) -> Progress:
    kind, status = happening
    if kind == "published":
        return published(progress, now)
    if kind == "answered":
        return answered(progress, {"status": status, "reason": None}, now)
    if kind == "stepped":
        return stepped(progress, STEPS[len(status) % len(STEPS)], now)
    return ran_out(progress, EXPIRES, now)


def lives(list_of: list[Happening], waits: list[int]) -> list[tuple[Progress, datetime]]:
    """Each step of a command's life, the beginning first."""
    steps, now = [(Progress(), BEGIN)], BEGIN
    for happening, wait in zip(list_of, waits, strict=False):
        now += timedelta(seconds=wait)
        steps.append((happen(steps[-1][0], happening, now), now))
    return steps


@given(list_of=happenings, waits=pauses)
def test_an_update_only_goes_on_and_a_heartbeat_ends_it_while_it_is_open(
    list_of: list[Happening], waits: list[int]
) -> None:
    life = lives(list_of, waits)
    for (before, _), (after, now) in pairwise(life):
        if before.step is not None:
            assert after.step is not None
            assert STEPS.index(after.step) >= STEPS.index(before.step)
        if before.state not in OPEN:
            assert (after.step, after.state) == (before.step, before.state)
        assert (after.step is None) == (after.step_at is None)
        told = proven(after, "2.0", now)
        assert (told.state is CommandState.DONE) == (after.state in OPEN or after.state is CommandState.DONE)


@given(list_of=happenings, waits=pauses)
def test_each_step_is_one_that_the_database_takes(list_of: list[Happening], waits: list[int]) -> None:
    """The CHECKs of the table, said once more."""
    for progress, _ in lives(list_of, waits):
        assert (progress.state in OPEN) == (progress.finished_at is None)
        assert progress.state in {CommandState.QUEUED, CommandState.EXPIRED} or progress.sent_at is not None
        assert progress.state not in {CommandState.DONE, CommandState.FAILED} or progress.result is not None


@given(list_of=happenings, waits=pauses)
def test_an_end_stays_and_so_does_the_first_answer(list_of: list[Happening], waits: list[int]) -> None:
    steps = [progress for progress, _ in lives(list_of, waits)]
    for before, after in pairwise(steps):
        if before.state not in OPEN:
            assert (after.state, after.finished_at) == (before.state, before.finished_at)
        if before.result is not None:
            assert after.result == before.result
        if before.sent_at is not None:
            assert after.sent_at == before.sent_at
        assert after.state is not CommandState.QUEUED or before.state is CommandState.QUEUED


@given(list_of=happenings, waits=pauses, repeats=st.integers(1, 3))
def test_what_comes_again_at_once_changes_nothing(list_of: list[Happening], waits: list[int], repeats: int) -> None:
    for (before, _), (after, now), happening in zip(
        lives(list_of, waits), lives(list_of, waits)[1:], list_of, strict=False
    ):
        again = happen(before, happening, now)
        for _ in range(repeats):
            again = happen(again, happening, now)
        assert again == after


@given(list_of=happenings, waits=pauses)
def test_the_end_is_the_answer_that_came_in_time(list_of: list[Happening], waits: list[int]) -> None:
    """Done only by `done`, failed only by another word, expired only when a look after its time found no answer."""
    last: Progress = Progress()
    for progress, now in lives(list_of, waits):
        if last.state in OPEN and progress.state not in OPEN:
            if progress.state is CommandState.EXPIRED:
                assert now >= EXPIRES
                assert progress.result is None
            else:
                said = (progress.result or {})["status"]
                assert (progress.state is CommandState.DONE) == (said == "done")
        last = progress


@pytest.mark.parametrize(
    ("progress", "presence", "words"),
    [
        (Progress(), Presence.ONLINE, "On its way to the broker"),
        (Progress(), Presence.OFFLINE, "The hub is offline"),
        (Progress(CommandState.SENT, BEGIN), Presence.ONLINE, "has not answered yet"),
        (Progress(CommandState.SENT, BEGIN), Presence.SUSPECT, "has not answered yet"),
        (Progress(CommandState.SENT, BEGIN), Presence.LOST, "waits in its session at the broker"),
        (Progress(CommandState.SENT, BEGIN), Presence.NEVER_SEEN, "never been heard"),
        (Progress(CommandState.EXPIRED, None, EXPIRES), Presence.ONLINE, "did not reach the broker"),
        (Progress(CommandState.EXPIRED, BEGIN, EXPIRES), Presence.LOST, "may still do it"),
        (Progress(CommandState.EXPIRED, BEGIN, EXPIRES, {"status": "done"}), Presence.ONLINE, "too late: “done”"),
        (Progress(CommandState.DONE, BEGIN, BEGIN, {"status": "done"}), Presence.OFFLINE, "has done it"),
        (
            Progress(CommandState.FAILED, BEGIN, BEGIN, {"status": "unsupported", "reason": "too old"}),
            Presence.ONLINE,
            "“unsupported”, too old",
        ),
    ],
)
def test_the_words_say_what_to_make_of_it(progress: Progress, presence: Presence, words: str) -> None:
    assert words in explained(progress, presence)


@given(status=st.sampled_from(HubStatus), connection=st.sampled_from(Connection), presence=st.sampled_from(Presence))
def test_only_a_hub_that_can_hear_is_asked(status: HubStatus, connection: Connection, presence: Presence) -> None:
    silent = connection is Connection.DIGITAL_READY and presence is Presence.NEVER_SEEN
    hears = status is not HubStatus.RETIRED and connection is not Connection.ANALOGUE and not silent
    assert (out_of_reach(status, connection, presence) is None) == hears
