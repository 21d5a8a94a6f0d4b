"""Whatever two engineers do in whatever order, nobody who had an accepted hub is left without one."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from devices.registry.leaving import Leaving, Stay, Withdrawal, objection
from tests.property.examples import examples

T0 = datetime(2026, 11, 25, 9, tzinfo=UTC)
people = st.sampled_from(["Morag", "Angus"])
hubs = st.sampled_from(["A", "B", "C", "D"])


class Engineers(RuleBasedStateMachine):
    """A register of two people and four hubs, changed by the rule alone."""

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.at: dict[str, tuple[str, Stay]] = {}
        self.relying: set[str] = set()

    def of(self, person: str) -> list[Stay]:
        return [stay for who, stay in self.at.values() if who == person]

    def leaves(self, hub: str, how: Leaving) -> bool:
        person, stay = self.at[hub]
        others = [other for other in self.of(person) if other.hub_id != hub]
        if objection(stay, others, how) is not None:
            return False
        del self.at[hub]
        if how.withdrawal is not None:
            self.relying.discard(person)
        return True

    @rule(hub=hubs, person=people)
    def install(self, hub: str, person: str) -> None:
        self.now += timedelta(minutes=1)
        if hub not in self.at:
            self.at[hub] = (person, Stay(hub, self.now, accepted=False))

    @rule(hub=hubs)
    def accept(self, hub: str) -> None:
        if hub in self.at:
            person, stay = self.at[hub]
            self.at[hub] = (person, Stay(hub, stay.since, accepted=True))
            self.relying.add(person)

    @rule(hub=hubs, alarm=st.booleans())
    def end(self, hub: str, alarm: bool) -> None:
        if hub in self.at:
            gone = self.leaves(hub, Leaving(("Pendant pressed",) if alarm else ()))
            assert not (gone and alarm)

    @rule(hub=hubs, person=people)
    def move(self, hub: str, person: str) -> None:
        if hub not in self.at:
            return
        before, stay = self.at[hub]
        along = before == person
        if self.leaves(hub, Leaving(with_person=along)):
            self.now += timedelta(minutes=1)
            self.at[hub] = (person, Stay(hub, self.now, accepted=stay.accepted and along))

    @rule(hub=hubs)
    def withdraw(self, hub: str) -> None:
        if hub in self.at:
            self.leaves(hub, Leaving(withdrawal=Withdrawal("moves away", "user:ewan", "Sheila")))

    @invariant()
    def nobody_is_left_without(self) -> None:
        for person in self.relying:
            assert any(stay.accepted for stay in self.of(person)), person

    @invariant()
    def nobody_is_stuck(self) -> None:
        """Of the hubs that nobody relies on, the last that came can always go."""
        for person in ("Morag", "Angus"):
            stays = sorted(self.of(person), key=lambda stay: stay.since)
            if stays and not any(stay.accepted for stay in stays):
                assert objection(stays[-1], stays[:-1], Leaving()) is None


Engineers.TestCase.settings = examples(60, by_night=2_000)
TestEngineers = Engineers.TestCase
