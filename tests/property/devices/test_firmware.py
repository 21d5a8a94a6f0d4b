"""A rollout whatever becomes of its hubs: never more than its wave, nobody after a halt, each hub at most once."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from devices.commands.domain import CommandState, Progress, UpdateStep
from devices.firmware.domain import (
    IN_FLIGHT,
    Ask,
    Begin,
    Finish,
    Flight,
    Halt,
    HaltRule,
    ImageState,
    MemberState,
    Place,
    Plan,
    RolloutState,
    Settle,
    Standing,
    Tally,
    View,
    assign,
    dawn,
    decide,
    follow,
    halt_reason,
    in_the_way,
    is_night,
    not_for,
    pick,
)
from devices.presence.domain import Presence
from tests.property.examples import examples

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD, NEW = "1.0", "2.0"
LOOK = timedelta(minutes=10)
Fate = Literal["good", "refuses", "deaf", "brick", "dies later"]

fates = st.sampled_from(["good", "good", "good", "good", "refuses", "deaf", "brick", "dies later"])
shares = st.lists(st.integers(1, 99), max_size=3, unique=True).map(lambda some: (*sorted(some), 100))
plans = st.builds(
    Plan,
    shares,
    st.sampled_from([(), ("hub-0", "hub-1")]),
    st.sampled_from([timedelta(0), timedelta(hours=2), timedelta(hours=24)]),
    st.sampled_from([timedelta(0), timedelta(hours=3)]),
    st.integers(1, 6),
    st.booleans(),
)
rules = st.builds(
    HaltRule, st.integers(1, 5), st.integers(0, 60), st.integers(1, 3), st.just(timedelta(minutes=30)), st.just(5)
)


@dataclass
class House:
    """One hub of the model of a fleet: who it is, what becomes of it, and how far it is."""

    standing: Standing
    fate: Fate
    wave: int | None
    state: MemberState = MemberState.PENDING
    asked_at: datetime | None = None
    command: Progress | None = None
    finished_at: datetime | None = None
    begun: bool = False
    silent: bool = False


@dataclass
class Fleet:
    """Does what the repository and the worker do, on lists; checks at each step what must never happen."""

    houses: list[House]
    plan: Plan
    rule: HaltRule
    state: RolloutState = RolloutState.RUNNING
    wave: int | None = None
    began_at: datetime = NOON
    settled_at: datetime | None = None
    asked: list[str] = field(default_factory=list)
    halts: int = 0

    def tally(self) -> Tally:
        ended = [house for house in self.houses if house.asked_at is not None and house.finished_at is not None]
        updated = [house for house in self.houses if house.begun]
        rest = [house for house in self.houses if not house.begun]
        gone = {Presence.OFFLINE, Presence.LOST}
        return Tally(
            sum(house.state is MemberState.DONE for house in ended),
            sum(house.state is MemberState.FAILED for house in ended),
            sum(house.silent for house in ended),
            len(updated),
            sum(h.standing.presence in gone and h.state is not MemberState.UPDATING for h in updated),
            len(rest),
            sum(house.standing.presence in gone for house in rest),
        )

    def view(self) -> View:
        here = [h for h in self.houses if self.wave is not None and h.wave is not None and h.wave <= self.wave]
        pending = sum(house.state is MemberState.PENDING for house in here)
        in_flight = sum(house.state in IN_FLIGHT for house in self.houses)
        return View(self.state, ImageState.RELEASED, self.wave, self.settled_at, pending, in_flight, self.tally())

    def look(self, now: datetime) -> None:
        for house in self.houses:
            self._live(house, now)
            self._follow(house, now)
        for _ in range(4):
            if not self._move(now):
                break

    def _live(self, house: House, now: datetime) -> None:
        """Let a hub that was asked do what its fate is."""
        if house.asked_at is None or house.command is None or house.command.state is not CommandState.SENT:
            if house.fate == "dies later" and house.state is MemberState.DONE:
                house.standing = replace(house.standing, presence=Presence.OFFLINE)
            return
        match house.fate:
            case "good" | "dies later":
                house.standing = replace(house.standing, firmware=NEW)
            case "refuses":
                house.command = replace(
                    house.command, state=CommandState.FAILED, finished_at=now, result={"status": "failed"}
                )
            case "brick" if house.command.step is None:
                house.command = replace(house.command, step=UpdateStep.UPDATING, step_at=now)
                house.standing = replace(house.standing, presence=Presence.OFFLINE)
            case "deaf" if now >= house.asked_at + timedelta(hours=2):
                house.command = replace(house.command, state=CommandState.EXPIRED, finished_at=now)

    def _follow(self, house: House, now: datetime) -> None:
        if house.state not in IN_FLIGHT:
            return
        change = follow(Flight(house.state, house.command, house.standing.firmware), NEW, self.rule.back_within, now)
        if change is not None:
            house.state, house.silent = change.state, change.silent
            house.begun = house.begun or change.begun
            house.finished_at = now if change.state not in IN_FLIGHT else None

    def _move(self, now: datetime) -> bool:
        move = decide(self.view(), self.plan, self.rule, now)
        halts = halt_reason(self.tally(), self.rule) is not None
        assert isinstance(move, Halt) == (halts and self.state is RolloutState.RUNNING)
        match move:
            case Halt():
                self.state = RolloutState.HALTED
                self.halts += 1
            case Begin(wave):
                assert wave == (0 if self.wave is None else self.wave + 1)
                before = [house for house in self.houses if house.wave is not None and house.wave < wave]
                assert not any(house.state is MemberState.PENDING or house.state in IN_FLIGHT for house in before)
                assert self.settled_at is None or now >= self.settled_at + self.plan.soak
                self.wave, self.began_at, self.settled_at = wave, now, None
            case Settle():
                self.settled_at = now
            case Finish():
                self.state = RolloutState.DONE
            case Ask(room):
                self._ask(room, now)
                return False
            case _:
                return False
        return True

    def _ask(self, room: int, now: datetime) -> None:
        assert self.state is RolloutState.RUNNING
        assert self.wave is not None
        assert not is_night(now, self.plan)
        homes = {house.standing.home for house in self.houses if house.state in IN_FLIGHT}
        known = [
            replace(house.standing, busy=house.standing.home in homes)
            for house in self.houses
            if house.state is MemberState.PENDING and house.wave is not None and house.wave <= self.wave
        ]
        patient = now < self.began_at + self.plan.patience
        picked = pick(known, NEW, (), room, first=self.wave == 0, patient=patient)
        assert len(picked.ask) <= room
        for house in self.houses:
            hub_id = house.standing.hub_id
            if hub_id in picked.ask:
                self._check_ask(house, homes)
                homes.add(house.standing.home)
                self.asked.append(hub_id)
                house.state, house.asked_at = MemberState.ASKED, now
                house.command = Progress(CommandState.SENT, sent_at=now)
            elif hub_id in picked.skip:
                house.state, house.finished_at = MemberState.SKIPPED, now

    def _check_ask(self, house: House, homes: set[str | None]) -> None:
        assert house.wave is not None
        assert self.wave is not None
        assert house.wave <= self.wave
        assert house.standing.home not in homes
        assert in_the_way(house.standing) is None
        assert not_for(house.standing, NEW) is None
        assert house.wave > 0 or house.standing.tier != "A"
        flying = [one for one in self.houses if one.state in IN_FLIGHT]
        assert len(flying) < self.plan.at_once
        assert len(flying) < sum(one.wave is not None and one.wave <= self.wave for one in self.houses)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    count = draw(st.integers(1, 25))
    plan, rule = draw(plans), draw(rules)
    hubs = [
        Standing(
            f"hub-{n}",
            presence=draw(st.sampled_from([Presence.ONLINE] * 5 + [Presence.OFFLINE, Presence.LATE])),
            firmware=draw(st.sampled_from([OLD] * 5 + [NEW])),
            mains=draw(st.sampled_from([True] * 5 + [None, False])),
            tier=draw(st.sampled_from(["A", "B", "C", "D"])),
            home=f"home-{draw(st.integers(0, count))}",
            life_safety=draw(st.integers(0, 9)) == 0,
        )
        for n in range(count)
    ]
    meant = [hub for hub in hubs if not_for(hub, NEW) is None]
    waves = assign([Place(hub.hub_id, hub.tier, hub.home) for hub in meant], plan, "seed")
    return Fleet([House(hub, draw(fates), waves[hub.hub_id]) for hub in meant], plan, rule)


@examples(150)
@given(fleet=fleets(), looks=st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_a_rollout_asks_each_hub_once_within_its_wave_and_nobody_after_a_halt(fleet: Fleet, looks: list[int]) -> None:
    now, after_halt = NOON, None
    for pause in looks:
        now += pause * LOOK
        fleet.look(now)
        assert len(fleet.asked) == len(set(fleet.asked))
        if fleet.state is RolloutState.HALTED:
            after_halt = after_halt if after_halt is not None else len(fleet.asked)
            assert len(fleet.asked) == after_halt
            assert fleet.halts == 1
        else:
            assert halt_reason(fleet.tally(), fleet.rule) is None


@examples(60)
@given(fleet=fleets())
def test_a_rollout_left_alone_comes_to_an_end(fleet: Fleet) -> None:
    for day_part in range(1, 24 * 2 * 20):
        fleet.look(NOON + day_part * timedelta(minutes=30))
        if fleet.state is not RolloutState.RUNNING:
            return
    raise AssertionError(fleet.view())


@given(hubs=st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(0, 30)), min_size=1, max_size=60), plan=plans)
def test_waves_hold_their_share_everybody_is_in_one_and_nobody_at_most_risk_goes_first(
    hubs: list[tuple[str, int]], plan: Plan
) -> None:
    places = [Place(f"hub-{n}", tier, f"home-{home}") for n, (tier, home) in enumerate(hubs)]
    waves = assign(places, plan, "seed")
    assert waves == assign(reversed(places), plan, "seed")
    tiers = {place.hub_id: place.tier for place in places}
    assert not any(wave == 0 and tiers[hub_id] == "A" for hub_id, wave in waves.items())
    assert set(waves) == set(tiers)
    if plan.waves > 1:
        assert None not in waves.values()
    for wave in range(plan.waves):
        share = plan.share(wave)
        through = sum(of is not None and of <= wave for of in waves.values())
        if share is not None:
            assert through <= max(-(-len(places) * share // 100), len(plan.first))


@given(
    done=st.integers(0, 50), failed=st.integers(0, 10), silent=st.integers(0, 3), offline=st.integers(0, 10),
    rest=st.integers(0, 100), rest_offline=st.integers(0, 100), rule=rules,
)  # fmt: skip
def test_it_halts_whenever_a_part_of_the_rule_is_met_and_never_else(
    done: int, failed: int, silent: int, offline: int, rest: int, rest_offline: int, rule: HaltRule
) -> None:
    silent, rest_offline = min(silent, failed), min(rest_offline, rest)
    tally = Tally(done, failed, silent, done + silent, min(offline, done + silent), rest, rest_offline)
    of_rest = rest_offline / rest if rest else 0
    worse = tally.updated_offline >= 2 and (
        tally.updated_offline / tally.updated > of_rest + rule.offline_margin_pct / 100 + 1e-9
    )
    met = silent >= rule.silent or failed >= rule.failures or failed * 100 > rule.failed_pct * (done + failed)
    if met or worse:
        assert halt_reason(tally, rule)
    elif not tally.updated_offline:
        assert halt_reason(tally, rule) is None


def test_night_is_by_the_clock_on_the_wall_on_both_sides_of_its_changes() -> None:
    plan = Plan((100,))
    for day, hour, night in ((date, h, not 8 <= h < 21) for date in ("2026-10-24", "2026-10-26") for h in range(24)):
        offset = "+01:00" if day == "2026-10-24" else "+00:00"
        moment = datetime.fromisoformat(f"{day}T{hour:02}:30{offset}")
        assert is_night(moment, plan) == night
        if night:
            assert not is_night(dawn(moment), plan)
            assert is_night(dawn(moment) - timedelta(seconds=1), plan)
    assert not is_night(datetime(2026, 11, 24, 3, tzinfo=UTC), replace(plan, at_night=True))


def test_one_that_is_silent_after_its_restart_has_failed_and_one_that_says_done_must_prove_it() -> None:
    back = timedelta(minutes=30)
    starting = Progress(CommandState.SENT, NOON, None, None, UpdateStep.UPDATING, NOON)
    flight = Flight(MemberState.UPDATING, starting, OLD)
    assert follow(flight, NEW, back, NOON + back - timedelta(seconds=1)) is None
    silent = follow(flight, NEW, back, NOON + back)
    assert silent is not None
    assert (silent.state, silent.silent) == (MemberState.FAILED, True)
    says = Flight(MemberState.UPDATING, Progress(CommandState.DONE, NOON, NOON, {"status": "done"}), OLD)
    assert follow(says, NEW, back, NOON + timedelta(minutes=1)) is None
    proven = follow(replace(says, firmware=NEW), NEW, back, NOON + timedelta(hours=2))
    assert proven is not None
    assert proven.state is MemberState.DONE
