"""The stories of storms: what fails after what, who is silent when, and that nobody presses unheard."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.fleet.plan import LinkDown, LinkUp
from simulators.fleet.roster import Member
from simulators.fleet.storms.batteries import batteries
from simulators.fleet.storms.blackout import blackout
from simulators.fleet.storms.kinds import STORIES, StormKind
from simulators.fleet.storms.network import network_outage
from simulators.fleet.storms.paths import MOBILE
from simulators.fleet.storms.story import AWAY_FROM_A_CUT, Ask, Span, Story
from simulators.hub.behaviour import new_hub, next_due, step
from simulators.hub.happenings import BatteryAged, Connected, MainsLost, MainsRestored, Note, PathChanged, Press, Tick
from simulators.hub.model import HubConfig, HubState, Peripheral
from tests.property.examples import examples

NETWORKS = ("Tay Mobile", "Forth Mobile")
SECTORS = ("KY15 4", "KY15 5", "DD1 1", "PH2 7")
PATHS = (("ethernet", "lte"), ("lte", "wifi"), ("lte",), ("ethernet",))
PAIRED = (Peripheral("p1", "pendant"), Peripheral("p2", "smoke"))

homes = st.tuples(st.sampled_from((*SECTORS, None)), st.sampled_from((*NETWORKS, None)), st.sampled_from(PATHS))
rosters = st.lists(homes, max_size=40).map(
    lambda drawn: [
        # The first is one that each storm can hit.
        Member(f"hub-{n}", f"hub-{n}", None, 60.0, PAIRED, f"{sector}AA" if sector else None, network, paths)
        for n, (sector, network, paths) in enumerate([(SECTORS[0], NETWORKS[0], PATHS[0]), *drawn])
    ]
)
asks = st.builds(
    Ask,
    seed=st.integers(0, 2**32),
    pendants=st.integers(1, 30),
    calm_s=st.sampled_from((0.0, 10.0)),
    within_s=st.sampled_from((5.0, 60.0, 3600.0)),
)


def each(story: Story, kind: type | tuple[type, ...]) -> Iterator[tuple[float, int]]:
    return ((one.at, one.hub) for one in story.steps if isinstance(one.do, kind))


def whole_roster(size: int) -> list[Member]:
    return [
        Member(f"hub-{n}", f"hub-{n}", None, 60.0, PAIRED, f"KY{n % 20} 1AA", NETWORKS[n // 20 % 2], PATHS[n // 4 % 3])
        for n in range(size)
    ]


def silent_at(spans: Sequence[Span], moment: float) -> Span | None:
    return next((span for span in spans if span.covers(moment)), None)


@pytest.mark.parametrize("kind", StormKind)
@given(members=rosters, ask=asks)
@examples(60, 2_000)
def test_one_seed_tells_one_story_in_order_and_within_its_time(
    kind: StormKind, members: list[Member], ask: Ask
) -> None:
    story = STORIES[kind](members, ask)
    assert story == STORIES[kind](members, ask)
    times = [one.at for one in story.steps]
    assert times == sorted(times)
    assert all(0 <= at <= ask.calm_s + ask.within_s + 1e-6 for at in times)
    before = [one for one in story.steps if one.at < ask.calm_s]
    assert len([one for one in before if isinstance(one.do, Press)]) <= ask.pendants
    others = [one for one in before if not isinstance(one.do, Press)]
    assert others == []


@pytest.mark.parametrize("kind", [kind for kind in StormKind if kind is not StormKind.WHOLE])
@given(members=rosters, ask=asks)
@examples(60, 2_000)
def test_who_presses_is_heard_at_once_or_when_the_hub_is_back(kind: StormKind, members: list[Member], ask: Ask) -> None:
    story = STORIES[kind](members, ask)
    pressed = [one for one in story.steps if isinstance(one.do, Press) and one.do.type == "pendant"]
    assert len({one.hub for one in pressed}) == len(pressed)
    for press in pressed:
        silent = silent_at(story.dark.get(press.hub, ()), press.at)
        if silent is not None:
            assert silent.back is not None
            assert press.at >= silent.at + ask.within_s * AWAY_FROM_A_CUT - 1e-6
            if kind is StormKind.BATTERIES:
                pytest.fail("a hub without power hears nobody")


@given(members=rosters, ask=asks)
@examples(100, 2_000)
def test_a_mast_fails_after_its_sector_and_comes_back_after_it(members: list[Member], ask: Ask) -> None:
    story = blackout(members, ask)
    mains = {outage.name: outage for outage in story.outages if outage.what == "mains"}
    assert mains.keys() == {member.sector for member in members if member.sector is not None}
    for mast in (outage for outage in story.outages if outage.what == "mast"):
        network, sector = mast.name.split(", ")
        cut = mains[sector]
        assert cut.span.at < mast.span.at
        assert cut.span.back is not None
        assert mast.span.at < cut.span.back
        assert mast.span.back is None or mast.span.back > cut.span.back
        assert {(members[hub].network, members[hub].sector) for hub in mast.hubs} == {(network, sector)}


@given(members=rosters, ask=asks)
@examples(100, 2_000)
def test_each_home_that_loses_its_mains_has_them_back_unless_the_story_names_it(
    members: list[Member], ask: Ask
) -> None:
    story = blackout(members, ask)
    spans = {hub: span for outage in story.outages if outage.what == "mains" for hub, span in outage.hubs.items()}
    assert spans.keys() == {hub for hub, member in enumerate(members) if member.sector is not None}
    assert {hub for _, hub in each(story, MainsLost)} == spans.keys()
    assert {hub for _, hub in each(story, MainsRestored)} == {hub for hub, one in spans.items() if one.back is not None}
    assert story.figures()["stay_without_mains"] == sum(span.back is None for span in spans.values())


@pytest.mark.parametrize("tell", [blackout, network_outage])
@given(members=rosters, ask=asks)
@examples(100, 2_000)
def test_a_hub_is_silent_exactly_while_it_has_no_path(tell: Any, members: list[Member], ask: Ask) -> None:
    """Against an oracle that asks at each moment which paths are there, from the outages alone."""
    story = tell(members, ask)
    moments = sorted({one.at for one in story.steps})
    down: set[int] = set()
    for moment in moments:
        now = [one for one in story.steps if one.at == moment]
        down |= {one.hub for one in now if isinstance(one.do, LinkDown)}
        down -= {one.hub for one in now if isinstance(one.do, LinkUp)}
        assert down == {hub for hub, spans in story.dark.items() if silent_at(spans, moment)}
    assert down == story.left
    for hub, member in enumerate(members):
        hit = {outage.what: outage.hubs[hub] for outage in story.outages if hub in outage.hubs}
        mobile = MOBILE.intersection(member.paths) and not {"mast", "network"} & hit.keys()
        cable = not MOBILE.issuperset(member.paths) and "mains" not in hit
        if hit and (mobile or cable):
            assert hub not in story.dark  # one path was always there
        for span in story.dark.get(hub, ()):
            assert any(one.covers(span.at) for one in hit.values())


@given(members=rosters, ask=asks)
@examples(100, 2_000)
def test_a_network_that_fails_is_a_lost_path_where_there_are_two_and_silence_where_there_is_one(
    members: list[Member], ask: Ask
) -> None:
    story = network_outage(members, ask)
    (outage,) = story.outages
    for hub, member in enumerate(members):
        told = [one.do.type for one in story.steps if one.hub == hub and isinstance(one.do, Press)]
        told = [type_ for type_ in told if type_ != "pendant"]
        if member.network != outage.name or not MOBILE.intersection(member.paths):
            assert hub not in outage.hubs
            assert told == []
        elif len(member.paths) == 1:
            assert hub in story.dark
            assert told == []
        else:
            back = outage.hubs[hub].back is not None
            assert hub not in story.dark
            assert told == ["path_lost", "path_restored"][: 1 + back]
            moves = [one.do.path for one in story.steps if one.hub == hub and isinstance(one.do, PathChanged)]
            assert moves == ([member.paths[1], member.paths[0]][: 1 + back] if member.paths[0] in MOBILE else [])


@given(ask=asks)
@examples(12, 500)
def test_a_hub_goes_out_when_the_story_says_so_and_earlier_for_want_of_a_good_battery(ask: Ask) -> None:
    """The hub's own behaviour, stepped through the story, agrees with it."""
    members = whole_roster(10)
    story = batteries(members, ask)
    assert {outage.what for outage in story.outages} <= {"mains", "battery"}
    for hub, member in enumerate(members):
        config = HubConfig(member.hub_id, member.peripherals, time_scale=story.time_scale, pre_alarm_s=0.0)
        steps = [one for one in story.steps if one.hub == hub]
        holds = [one.do for one in steps if isinstance(one.do, BatteryAged) and one.do.device_id is None]
        assert [one.holds_pct for one in holds] == sorted((one.holds_pct for one in holds), reverse=True)
        out_at, types = lived(config, steps)
        if hub in story.dark:
            (span,) = story.dark[hub]
            assert out_at == pytest.approx(span.at, abs=ask.within_s * 1e-3)
            assert holds[-1].holds_pct < 50
        else:
            assert out_at is None
        if holds[-1].holds_pct != 70:  # which is low just as the mains come back
            assert ("hub_battery_low" in types) == (holds[-1].holds_pct < 70)


def lived(config: HubConfig, steps: Sequence[Any]) -> tuple[float | None, list[str]]:
    """When the hub's battery ran flat, and the types of what it told."""
    state: HubState = new_hub(config, 0.0)
    state, _ = step(config, state, Connected(), 0.0)
    out_at, types = None, []
    for one in steps:
        while next_due(config, state) < one.at:
            now = next_due(config, state)
            state, outputs = step(config, state, Tick(), now)
            types += [output.type for output in outputs if isinstance(output, Note)]
            if not state.powered:
                out_at = now
        state, outputs = step(config, state, one.do, one.at)
        types += [output.type for output in outputs if isinstance(output, Note)]
    return out_at, types


def test_in_a_large_blackout_masts_fail_hubs_fall_silent_and_some_stay_so() -> None:
    figures = blackout(whole_roster(1000), Ask(pendants=20)).figures()
    assert figures["failed"]["mains"] == 20
    assert 20 < figures["failed"]["mast"] < 40
    assert 100 < figures["silent"] < 1000
    assert 1 <= figures["stay_without_mains"] < 60


def test_a_storm_that_has_nothing_to_go_by_says_what_is_missing() -> None:
    bare = [replace(member, postcode=None, network=None) for member in whole_roster(3)]
    with pytest.raises(ValueError, match="postcode"):
        blackout(bare, Ask())
    with pytest.raises(ValueError, match="network"):
        network_outage(bare, Ask())
