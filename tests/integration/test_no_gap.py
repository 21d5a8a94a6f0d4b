"""No action by anybody, in any interleaving, leaves a person without a proven hub: on the real database.

Two engineers, a supervisor, an operator, a telco that moves its date, late messages, hubs that fall silent and somebody
who writes SQL by hand act on one home, up to three of them in transactions that are open at the same time. After each
turn a query that knows none of our rules looks for a gap. `tests/property` has the same of the pure rules.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count, product
from typing import ClassVar
from uuid import uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from tests.conftest import in_database, run_sql
from tests.integration.no_gap import BY_HAND, HUBS, KEPT, Deed, Home, What
from tests.integration.swap import S
from tests.property.examples import NIGHTLY, examples

BEGINS = (S.SOAK, S.ACCEPTED, S.INSTALLED, S.OLD_UNIT_DECOMMISSIONED, S.STOCK_ALLOCATED, S.DATA_VALIDATED)
NUMBERS = count(1)
PEOPLE = ("ewan", "rory", "sheila", "fiona")


def opened(url: str) -> Database:
    return Database(Settings(database_url=url, database_pool_size=5))


@pytest.fixture(scope="module")
async def street(postgres_url: str, template: str) -> AsyncIterator[Home]:
    """A home in a database that all others come into too: to make one takes longer than to act in it."""
    name = f"crowded_{uuid4().hex}"
    await run_sql(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    await run_sql(postgres_url, f"ALTER DATABASE {name} SET synchronous_commit = off")
    home = Home(opened(in_database(postgres_url, name)), suffix="-0")
    await home.settle()
    yield home
    await home.database.dispose()
    await run_sql(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


deeds = st.builds(
    Deed,
    st.sampled_from([*What, What.ONWARD, What.TAKE_AWAY, What.BY_HAND, What.BY_HAND]),
    st.sampled_from(PEOPLE),
    st.sampled_from(HUBS),
    st.sampled_from(list(S)),
    st.sampled_from(sorted(BY_HAND)),
    st.integers(0, 9).map(lambda n: n == 0),
)
happenings = st.sampled_from([
    "shows_what_it_can", "shows_all_but_its_detector", "late_message", "was_silent", "falls_silent", "is_heard",
    "alarm_opens_and_closes",
])  # fmt: skip


class Everybody(RuleBasedStateMachine):
    """Each of its runs is about a home of its own, beside those of the others."""

    runner: ClassVar[asyncio.Runner]
    first: ClassVar[Home]

    def __init__(self) -> None:
        super().__init__()
        self.kept: tuple[int, ...] = ()
        self.home = replace(self.first, suffix=f"-{next(NUMBERS)}", carried_out=[], refused=[])

    @initialize(begins=st.sampled_from(BEGINS))
    def settle(self, begins: S) -> None:
        self.runner.run(self.home.settle())
        self.runner.run(self.home.go_to(begins))
        if begins is S.SOAK:
            self.runner.run(self.home.soak())

    @rule(who=st.sampled_from(PEOPLE[:2]), steps=st.integers(1, 6))
    def get_on(self, who: str, steps: int) -> None:
        """An engineer goes on along the way, as most do most of the time."""
        for _ in range(steps):
            before = len(self.home.refused)
            self.runner.run(self.home.at_once([Deed(What.ONWARD, who)], [True], [0]))
            if len(self.home.refused) > before:
                return

    @rule(
        chosen=st.lists(deeds, min_size=1, max_size=3),
        stays=st.tuples(st.booleans(), st.booleans(), st.booleans()),
        order=st.permutations(range(3)),
    )
    def at_once(self, chosen: list[Deed], stays: tuple[bool, ...], order: list[int]) -> None:
        """Up to three act, each in a transaction that is open before the first one ends."""
        wanted = [index for index in order if index < len(chosen)]
        self.runner.run(self.home.at_once(chosen, stays[: len(chosen)], wanted))

    @rule(what=happenings, hub=st.sampled_from(HUBS))
    def it_happens(self, what: str, hub: str) -> None:
        self.runner.run(getattr(self.home, what)(hub))

    @invariant()
    def nobody_is_without(self) -> None:
        assert self.runner.run(self.home.gaps()) == []

    @invariant()
    def no_record_is_gone(self) -> None:
        (row,) = self.runner.run(self.home.sql(KEPT))
        assert all(now >= before for now, before in zip(row, self.kept, strict=False))
        self.kept = tuple(row)


def test_nobody_is_left_without_a_proven_hub_whoever_does_what_at_once(street: Home) -> None:
    with asyncio.Runner() as runner:
        Everybody.runner, Everybody.first = runner, replace(street, database=opened(street.database.url))
        try:
            run_state_machine_as_test(Everybody, settings=examples(8, by_night=400, steps=14))
        finally:
            runner.run(Everybody.first.database.dispose())


DANGERS = (
    Deed(What.ONWARD, "ewan"),
    Deed(What.BACK, "rory"),
    Deed(What.TAKE_AWAY, "rory", "OLD"),
    Deed(What.TAKE_AWAY, "ewan", "NEW"),
    Deed(What.REUSE, "sheila", "OLD"),
    Deed(What.REUSE, "sheila", "NEW"),
    Deed(What.WITHDRAW, "sheila", "OLD"),
    Deed(What.TELCO, "sheila"),
    Deed(What.BY_HAND, hub="OLD", sql="ends the place"),
    Deed(What.BY_HAND, hub="NEW", sql="ends the place"),
    Deed(What.BY_HAND, hub="OLD", sql="relies on it no more"),
    Deed(What.BY_HAND, sql="accepts"),
)
EVERY_RACE = [
    (state, first, second, stays)
    for state in (S.SOAK, S.ACCEPTED)
    for first, second in product(DANGERS, DANGERS)
    for stays in (True, False)
]
ACCEPTS, ROLLS_BACK, TAKES_OLD, TAKES_NEW, REUSES_OLD = DANGERS[:5]
ENDS_OLD, ENDS_NEW = DANGERS[8:10]
RACES = [
    (S.SOAK, ACCEPTS, ROLLS_BACK, True),
    (S.SOAK, ACCEPTS, TAKES_OLD, False),
    (S.SOAK, ROLLS_BACK, REUSES_OLD, True),
    (S.SOAK, DANGERS[11], ENDS_OLD, True),
    (S.ACCEPTED, TAKES_OLD, TAKES_NEW, True),
    (S.ACCEPTED, ACCEPTS, ROLLS_BACK, True),
    (S.ACCEPTED, ROLLS_BACK, ENDS_OLD, True),
    (S.ACCEPTED, ENDS_OLD, ENDS_NEW, True),
]


async def test_of_two_at_once_the_second_sees_what_the_first_has_done(street: Home) -> None:
    """Every pair of acts in which one could take a hub away that the other counts on; by day the worst of them.

    The first one's transaction is open while the second acts, and then ends: with a commit, or with a roll-back.
    """
    came_of_it = 0
    for number, (state, first, second, stays) in enumerate(EVERY_RACE if NIGHTLY else RACES):
        home = replace(street, suffix=f"-race{number}", carried_out=[], refused=[])
        await home.settle()
        await home.go_to(state)
        if state is S.SOAK:
            await home.soak()
        await home.at_once([first, second], [stays, True], [0, 1])
        assert await home.gaps() == [], (state, first, second, stays)
        came_of_it += len(home.carried_out)
    assert came_of_it >= len(RACES) // 2


async def test_nobody_comes_to_rely_on_a_hub_that_is_silent_now_by_any_door(street: Home) -> None:
    """What it has shown was kept before, and an exception by two names leaves the soak out."""
    home = replace(street, suffix="-silent", carried_out=[], refused=[])
    await home.settle()
    await home.go_to(S.SOAK)
    await home.soak()
    asks = [Deed(What.ASK, "ewan"), Deed(What.CONFIRM, "sheila")]
    for state, by_hand in ((S.ACCEPTED, "accepts"), (S.OLD_UNIT_DECOMMISSIONED, "takes away")):
        for deed in asks:
            await home.at_once([deed], [True], [0])
        asks = []
        await home.falls_silent("NEW")
        doors = [Deed(What.STEP, to=state), Deed(What.BY_HAND, sql=by_hand)]
        beside = [
            Deed(What.TAKE_AWAY), Deed(What.REUSE), Deed(What.BY_HAND, sql="ends the place"),
            Deed(What.BY_HAND, sql="deletes the place"), Deed(What.BY_HAND, sql="relies on it no more"),
        ]  # fmt: skip
        before = len(home.carried_out)
        for deed in (*beside, *doors):
            await home.at_once([deed], [True], [0])
            assert len(home.carried_out) == before, deed
        assert "has not been online since" in home.refused[-2][1]
        assert "is not online now" in home.refused[-1][1]
        await home.is_heard("NEW")
        await home.at_once(doors[:1], [True], [0])
        assert (await home.visit()).state == state
    assert await home.gaps() == []
    # The query sees what the rules let nobody do.
    await home.sql("UPDATE presence_period SET state = 'offline' WHERE hub_id = :hub", hub=home.named("NEW"))
    await home.sql(
        """UPDATE hub_live SET peripherals = '{"d1": {}, "d2": {}}' WHERE hub_id = :hub""", hub=home.named("NEW")
    )
    assert set(await home.gaps()) == {
        "accepted without trigger:d2",
        "accepted while the new hub was silent", "old_unit_decommissioned while the new hub was silent",
        "taken away by another door while the new hub was silent",
    }  # fmt: skip
