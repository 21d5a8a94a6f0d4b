"""Whoever does what in whatever order, nobody who had an accepted hub is left without one; nobody is dropped either.

The rules are the real ones (`objection`, `effects`, `find`, `soak`, and `objection` of leaving); what a database does
is a few dictionaries here. Two engineers, an operator, a telco that moves dates, late messages and hubs that fail are
interleaved; one step may be taken by what somebody saw a while ago.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from devices.registry.leaving import Leaving, Stay, Withdrawal
from devices.registry.leaving import objection as stays
from devices.switchover.visits.domain import (
    ASIDE,
    ENDS,
    ESCALATED,
    PROVEN,
    WAITS,
    WAY,
    ContactChannel,
    Effect,
    EvidenceKind,
    Facts,
    VisitState,
    Wish,
    effects,
    follows,
    objection,
)
from devices.switchover.visits.evidence import Heard, Shown, Silence, checklist, find, soak
from tests.property.examples import examples

T0 = datetime(2026, 11, 25, 9, tzinfo=UTC)
S = VisitState
HUBS = ("OLD", "NEW", "SPARE")
PAIRED = [("p1", "pendant"), ("s1", "smoke, hall")]
states = st.sampled_from(list(VisitState))
names = st.sampled_from(["Ewan", "Rory", "Sheila"])


class Home(RuleBasedStateMachine):
    """One person, an old hub that they rely on, two new ones, and one visit at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.count = T0, 0
        self.here: dict[str, Stay] = {"OLD": Stay("OLD", T0 - timedelta(days=400), accepted=True)}
        self.relying = True
        self.fresh_visit()
        self.heard: list[Heard] = []
        self.silences: list[Silence] = []

    @property
    def silent(self) -> bool:
        return any(one.until is None for one in self.silences)

    @property
    def silent_since(self) -> datetime | None:
        return max((one.since for one in self.silences if one.until is None), default=None)

    def fresh_visit(self) -> None:
        self.facts = Facts(S.IDENTIFIED, self.now, self.now.date())
        self.kept: dict[str, Shown] = {}
        self.soak_since: datetime | None = None
        self.first: str | None = None
        self.accepted = self.over = False
        self.old, self.next_on, self.owner = next(iter(self.relied() or ["OLD"])), None, None
        self.new: str | None = None

    next_on: date | None
    owner: str | None

    def relied(self) -> list[str]:
        return [hub for hub, stay in self.here.items() if stay.accepted]

    def leaves(self, hub: str, how: Leaving = Leaving()) -> bool:  # noqa: B008 - frozen
        if hub == self.old and not self.over and not self.accepted:
            return False  # what the database's trigger says of a hub that a visit is to replace
        if stays(self.here[hub], [other for name, other in self.here.items() if name != hub], how) is not None:
            return False
        del self.here[hub]
        return True

    def collect(self) -> tuple[str, ...]:
        if self.new is None or self.new not in self.here:
            return tuple(item.key for item in checklist(PAIRED, {}))
        since = self.here[self.new].since
        for shown in find(PAIRED, [one for one in self.heard if one.at >= since], self.kept):
            self.kept[shown.key] = shown
        if self.soak_since is not None:
            passed = soak(self.soak_since, self.silences, self.now)
            if passed is not None:
                self.kept.setdefault(passed.key, passed)
        return tuple(item.key for item in checklist(PAIRED, self.kept) if item.shown is None)

    @rule(minutes=st.integers(1, 60 * 40))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(to=states, who=names, late=st.booleans(), new=st.sampled_from(["NEW", "SPARE"]))
    def step(self, to: VisitState, who: str, late: bool, new: str) -> None:
        """One of two engineers takes the visit on; who comes late saw another version and is told so by its number."""
        if not late:
            self.go(to, who, new)

    @rule(who=names, new=st.sampled_from(["NEW", "SPARE"]), steps=st.integers(1, 8))
    def get_on(self, who: str, new: str, steps: int) -> None:
        """Somebody goes on along the way, as most do most of the time."""
        for _ in range(steps):
            following = follows(self.facts.state, self.facts.resumes, over=self.over)
            ahead = [each for each in following if each not in WAITS | {S.DECEASED, S.MOVED}]
            if not ahead or not self.go(ahead[-1], who, new):
                return

    @initialize(soaked=st.booleans())
    def begins(self, soaked: bool) -> None:
        """Half of them are where most can go wrong, which chance alone seldom reaches."""
        if soaked:
            self.soaks()

    def soaks(self) -> None:
        """All goes well as far as the end of the soak, and what the hub shows is kept as it comes."""
        for channel in (ContactChannel.LETTER, ContactChannel.PHONE):
            self.contact(channel, reached=True)
        self.get_on("Ewan", "NEW", 12)
        assert self.facts.state is S.PERIPHERALS_PAIRED
        self.all_shown()
        self.get_on("Ewan", "NEW", 8)
        self.time_passes(60 * 25)
        self.collect()

    def go(self, to: VisitState, who: str, new: str) -> bool:
        before = self.facts.state
        if to is S.STOCK_ALLOCATED and self.new is None and new not in self.here:
            self.new = new
        if to is S.BOOKED:
            self.facts = replace(self.facts, engineer=True, starts_at=self.now + timedelta(hours=2))
        missing = self.collect()
        facts = replace(
            self.facts, now=self.now, today=self.now.date(), over=self.over, new_hub_id=self.new,
            old_here=self.old in self.here, new_here=self.new in self.here, missing=missing,
            silent_since=self.silent_since,
        )  # fmt: skip
        wish = Wish(to, "because", (self.now + timedelta(days=2)).date(), who)
        if objection(facts, wish) is not None:
            return False
        done = effects(before, to)
        assert not (self.silent and {Effect.ACCEPT_NEW, Effect.REMOVE_OLD} & set(done))
        if Effect.INSTALL_NEW in done and self.new is not None and self.new not in self.here:
            self.here[self.new] = Stay(self.new, self.now, accepted=False)
        if Effect.REMOVE_NEW in done and self.new in self.here and self.new is not None and not self.leaves(self.new):
            return False
        if Effect.REMOVE_OLD in done and self.old in self.here and not self.leaves(self.old):
            return False
        if Effect.ACCEPT_NEW in done and self.new is not None:
            assert set(missing) <= facts.excepted
            self.here[self.new] = replace(self.here[self.new], accepted=True)
            self.accepted = True
        if Effect.FREE_NEW in done:
            self.new, self.accepted, self.kept, self.soak_since, self.first = None, False, {}, None, None
            facts = replace(facts, asked=frozenset(), excepted=frozenset())
        if to is S.SOAK and self.soak_since is None:
            self.soak_since = self.now
        resumes = (facts.resumes if before in ASIDE else before) if to in ASIDE else None
        self.facts = replace(facts, state=to, resumes=resumes)
        self.next_on, self.owner = (wish.next_contact_on, who) if to in WAITS else (None, None)
        self.over = Effect.END in done
        return True

    @rule(channel=st.sampled_from(list(ContactChannel)), reached=st.booleans())
    def contact(self, channel: ContactChannel, reached: bool) -> None:
        ways = self.facts.ways | {channel}
        self.facts = replace(self.facts, ways=ways, reached=self.facts.reached or reached)

    @rule(
        type_=st.sampled_from(["test", "pendant", "path_lost", "path_restored", "mains_fail", "mains_restored"]),
        device=st.sampled_from(["p1", "s1", ""]), path=st.sampled_from(["ethernet", "lte", None]),
        late=st.integers(0, 3 * 24 * 60),
    )  # fmt: skip
    def message(self, type_: str, device: str, path: str | None, late: int) -> None:
        """A message of whichever new hub is meant; one that was received long ago proves nothing of today."""
        self.count += 1
        at = self.now - timedelta(minutes=late)
        proves = type_ in {"test", "pendant"}
        self.heard.append(Heard(UUID(int=self.count), at, type_, device if proves else "", path, proves=proves))

    @rule()
    def all_shown(self) -> None:
        """The engineer goes through the house with the operator on the line."""
        for type_, device, path in (
            ("test", "p1", "ethernet"), ("test", "s1", "ethernet"), ("path_lost", "", "lte"), ("test", "p1", "lte"),
            ("path_restored", "", "ethernet"), ("mains_fail", "", "ethernet"), ("mains_restored", "", "ethernet"),
        ):  # fmt: skip
            self.count += 1
            self.now += timedelta(minutes=1)
            proves = type_ == "test"
            self.heard.append(Heard(UUID(int=self.count), self.now, type_, device, path, proves=proves))
        self.voice()

    @rule()
    def voice(self) -> None:
        proving = [one for one in self.heard if one.proves]
        if self.new in self.here and self.new is not None and proving and proving[-1].at >= self.here[self.new].since:
            shown = Shown(EvidenceKind.VOICE, proving[-1].at, "heard", proving[-1].id, by="Fiona")
            self.kept.setdefault(shown.key, shown)

    @rule(who=names)
    def exception(self, who: str) -> None:
        """The first name asks for all that is missing, a second one confirms; the same one never does."""
        missing = self.collect()
        if self.accepted or self.over:
            return
        if self.first is None or not self.facts.asked:
            self.first = who
            self.facts = replace(self.facts, asked=frozenset(missing), excepted=frozenset())
        elif who != self.first and any(key.startswith("trigger:") for key in self.kept):
            self.facts = replace(self.facts, excepted=self.facts.asked)

    @rule(hours=st.integers(1, 30))
    def hub_fails(self, hours: int) -> None:
        """The new hub is silent for a while."""
        self.silences.append(Silence(self.now, self.now + timedelta(hours=hours)))
        self.now += timedelta(hours=hours)

    @rule()
    def falls_silent(self) -> None:
        """The new hub is silent from now on: what it showed before stays shown, and it is no hub to rely on."""
        if not self.silent:
            self.silences.append(Silence(self.now, None))

    @rule(minutes=st.integers(1, 600))
    def is_heard_again(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.silences = [replace(one, until=one.until or self.now) for one in self.silences]

    @rule(minutes=st.integers(1, 600))
    def telco_moves_its_date(self, minutes: int) -> None:
        """The line goes over sooner: somebody holds the visit at once, wherever it is."""
        self.now += timedelta(minutes=minutes)
        self.go(S.HOLD, "Sheila", "NEW")

    @rule(hub=st.sampled_from(HUBS), withdrawn=st.booleans(), alarm=st.booleans())
    def another_door(self, hub: str, withdrawn: bool, alarm: bool) -> None:
        """Somebody takes a hub away on its own page, perhaps because the service ends."""
        if hub not in self.here:
            return
        gone = Withdrawal("moves away", "user:rory", "Sheila") if withdrawn else None
        if self.leaves(hub, Leaving(("Pendant pressed",) if alarm else (), gone)):
            assert not alarm
            if withdrawn and not self.here:
                self.relying = False

    @rule()
    def begin_again(self) -> None:
        if self.over and self.relied() and self.facts.state in ENDS:
            self.fresh_visit()

    @invariant()
    def nobody_is_left_without(self) -> None:
        if self.relying:
            assert self.relied(), self.facts.state

    @invariant()
    def nothing_goes_before_the_new_one_is_accepted(self) -> None:
        if not self.over and not self.accepted and self.relying:
            assert self.old in self.here
        if self.facts.state in PROVEN and self.facts.state is not S.RECORD_CLOSED:
            assert self.accepted

    @invariant()
    def nobody_is_dropped(self) -> None:
        if not self.over and self.facts.state in WAITS:
            assert self.next_on is not None
        if not self.over and self.facts.state in ESCALATED:
            assert self.owner is not None
        if not self.over:
            assert follows(self.facts.state, self.facts.resumes)


Home.TestCase.settings = examples(200, by_night=3_000, steps=50)
TestHome = Home.TestCase


def test_the_way_can_be_gone_to_its_end() -> None:
    """The machine is worth something only if it gets through: a plain day, as a check of the check."""
    home = Home()
    home.soaks()
    assert home.facts.state is S.SOAK
    home.get_on("Rory", "NEW", 8)
    assert home.facts.state is S.RECORD_CLOSED
    assert list(home.here) == ["NEW"]


def test_a_hub_that_is_silent_now_is_refused_whatever_it_has_shown_and_whoever_signs() -> None:
    since = datetime(2026, 12, 1, 14, 5, tzinfo=UTC)
    for before, to in ((S.SOAK, S.ACCEPTED), (S.ACCEPTED, S.OLD_UNIT_DECOMMISSIONED)):
        facts = Facts(before, T0, T0.date(), new_here=True, excepted=frozenset({"soak", "voice"}), missing=("soak",))
        assert objection(facts, Wish(to)) is None
        refused = objection(replace(facts, silent_since=since), Wish(to))
        assert refused is not None
        assert "not been online since 14:05 on 1 December 2026" in refused.words
        assert "roll the visit back" in refused.words
        assert objection(replace(facts, silent_since=since), Wish(S.ROLLED_BACK, "silent", date(2026, 12, 3))) is None


@given(st.sampled_from(VisitState), st.sampled_from([None, *VisitState]))
def test_what_goes_on_with_the_swap_is_offered_before_what_gets_in_between(state: VisitState, resumes: VisitState):
    found = follows(state, resumes)
    between = [index for index, each in enumerate(found) if each not in WAY]
    assert not between or all(each not in WAY for each in found[min(between) :])
