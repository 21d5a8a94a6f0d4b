import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from simulators.broker import Broker, topic
from simulators.fleet.delays import Delays
from simulators.fleet.habits import with_habits
from simulators.fleet.ledger import LedgerFile, fold, read_ledger, unacked
from simulators.fleet.plan import CRASH, DEMO, HEARTBEAT, LinkDown, LinkUp, Profile, plan
from simulators.fleet.roster import Member, load, save
from simulators.fleet.run import FleetOptions, base_config
from simulators.fleet.storms.story import Ask
from simulators.fleet.storms.whole import whole
from simulators.hub.behaviour import new_hub
from simulators.hub.client import Fact
from simulators.hub.happenings import Babble, MainsLost, Press, Reboot
from simulators.hub.model import HubConfig, Peripheral
from simulators.hub.payloads import heartbeat_body

MEMBERS = [Member(f"hub-{n}", f"hub-{n}", "secret", 60.0, (Peripheral("p1", "pendant", "hall"),)) for n in range(50)]


def some(profile: Profile, seed: int, n: int = 400):
    return list(itertools.islice(plan(profile, MEMBERS, seed), n))


def test_one_seed_gives_one_plan_and_another_seed_another():
    assert some(DEMO, 1) == some(DEMO, 1)
    assert some(DEMO, 1) != some(DEMO, 2)


def test_steps_come_in_order_of_time():
    times = [step.at for step in some(DEMO, 3)]
    assert times == sorted(times)


def test_a_demo_is_mostly_pendants_with_all_kinds_of_trouble():
    steps = some(DEMO, 5, 4000)
    presses = [step.do.type for step in steps if isinstance(step.do, Press)]
    assert max(set(presses), key=presses.count) == "pendant"
    assert {"fall", "smoke", "test", "tamper", "trigger_battery_low"} <= set(presses)
    kinds = {type(step.do) for step in steps}
    assert {LinkDown, LinkUp, Reboot, Babble, MainsLost} <= kinds


def test_a_pendant_press_names_the_paired_pendant():
    presses = [step.do for step in some(DEMO, 5) if isinstance(step.do, Press)]
    assert {press.device_id for press in presses if press.type == "pendant"} == {"p1"}
    assert {press.device_id for press in presses if press.type == "smoke"} <= {None}


def test_a_crash_run_raises_exactly_its_rate():
    steps = list(plan(CRASH, MEMBERS, 1, 10.0))
    assert 99 <= len(steps) <= 100
    assert all(isinstance(step.do, Press) for step in steps)


def test_what_has_begun_before_the_end_still_ends():
    steps = list(plan(DEMO, MEMBERS, 9, 600.0))
    downs = [step.hub for step in steps if isinstance(step.do, LinkDown)]
    ups = [step.hub for step in steps if isinstance(step.do, LinkUp)]
    assert sorted(downs) == sorted(ups)
    assert downs


def test_a_run_with_an_end_is_over_soon_after_it():
    lively = replace(DEMO, faults_per_minute=60.0, max_outage_s=40.0)
    steps = list(plan(lively, MEMBERS, 1, 600.0))
    assert 600 < max(step.at for step in steps) <= 640
    endless = itertools.takewhile(lambda step: step.at <= 200, plan(lively, MEMBERS, 1))
    assert [step for step in steps if step.at <= 200] == list(endless)


def test_a_heartbeat_run_has_no_happenings():
    assert list(plan(HEARTBEAT, MEMBERS, 1)) == []


def test_in_a_storm_every_home_is_dark_and_the_few_who_press_keep_their_link():
    steps = whole(MEMBERS, Ask(pendants=5)).steps
    assert {step.hub for step in steps if isinstance(step.do, MainsLost)} == set(range(50))
    pressing = {step.hub for step in steps if isinstance(step.do, Press)}
    cut = {step.hub for step in steps if isinstance(step.do, LinkDown)}
    assert len(pressing) == 5
    assert pressing | cut == set(range(50))
    assert not pressing & cut
    assert max(step.at for step in steps) <= 60


def test_a_storm_has_a_calm_before_it_to_compare_with():
    steps = whole(MEMBERS, Ask(pendants=5, calm_s=10.0)).steps
    calm, rest = [step for step in steps if step.at < 10], [step for step in steps if step.at >= 10]
    assert len(calm) == 5
    assert all(isinstance(step.do, Press) for step in calm)
    assert not {step.hub for step in calm} & {step.hub for step in rest if isinstance(step.do, Press)}
    assert max(step.at for step in rest) <= 70


def test_a_home_that_is_cut_off_has_two_things_to_tell_when_it_is_back():
    steps = list(plan(replace(DEMO, alarms_per_minute=0.2, late=1.0, faults_per_minute=0.0), MEMBERS, 2, 7200.0))
    for down in (step for step in steps if isinstance(step.do, LinkDown)):
        up = next(s for s in steps if isinstance(s.do, LinkUp) and s.hub == down.hub and s.at > down.at)
        told = [s for s in steps if isinstance(s.do, Press) and s.hub == down.hub and down.at <= s.at <= up.at]
        assert len(told) >= 2


def test_a_fleet_has_makes_with_each_habit_of_the_field_and_the_seed_says_which():
    def fleet(seed: int) -> list[HubConfig]:
        return [with_habits(HubConfig(member.hub_id, seed=seed)) for member in MEMBERS]

    assert fleet(1) == fleet(1) != fleet(2)
    for differs in (lambda c: c.newest_first, lambda c: c.backlog > 0, lambda c: c.mains_report_spread_s > 0):
        assert 5 < sum(map(differs, fleet(1))) < 45


def test_a_few_hubs_list_what_is_not_theirs_or_leave_a_device_out():
    paired = (Peripheral("p1", "pendant"), Peripheral("p2", "smoke"))
    fleet = [with_habits(HubConfig(f"hub-{n}", paired, seed=1)) for n in range(500)]
    odd = [hub for hub in fleet if hub.listed is not None]
    assert 10 < len(odd) < 100
    assert any(paired[1] not in hub.listed for hub in odd)
    assert any({*hub.listed} - {*paired} for hub in odd)
    state = new_hub(odd[0], 0.0)
    listed = heartbeat_body(odd[0], state, 60.0, 0.0)["peripherals"]
    assert [each["id"] for each in listed] == [each.id for each in odd[0].listed]


def test_a_demo_has_what_an_engineer_must_look_at():
    steps = some(DEMO, 1, 4000)
    for kind, times in (("mains_lost", 3), ("reboot", 5)):
        happening = MainsLost if kind == "mains_lost" else Reboot
        close = [step for step in steps if isinstance(step.do, happening)]
        assert any(
            sum(one.hub == first.hub and first.at <= one.at <= first.at + 400 for one in close) >= times
            for first in close
        ), kind
    assert any(step.do == Press("factory_reset") for step in steps)


def test_a_storm_s_hubs_repeat_as_real_ones_do_or_the_repeats_are_the_storm():
    storm_hub = base_config(FleetOptions(profile="storm"))
    assert (storm_hub.retry_s, storm_hub.fast_retries, storm_hub.slow_retry_s) == (30.0, 16, 600.0)
    assert base_config(FleetOptions(profile="crash")).retry_s < 5


def test_waits_are_told_apart_before_and_in_the_storm():
    delays = Delays("pendant", split_at=10.0)
    raised = [("a", 1.0, 1.5), ("b", 11.0, 12.0), ("c", 12.0, 15.0), ("d", 13.0, 13.25), ("e", 14.0, None)]
    for hub, at, acked_at in raised:
        delays.note(Fact(at, hub, "e1", "pendant", "raised"))
        delays.note(Fact(at, hub, "e1", "pendant", "sent", attempt=1))
        if acked_at is not None:
            delays.note(Fact(acked_at, hub, "e1", "pendant", "acked"))
            delays.note(Fact(acked_at + 9, hub, "e1", "pendant", "acked"))
    delays.note(Fact(11.0, "a", "e2", "mains_fail", "raised"))
    assert delays.calm() == {"raised": 1, "acked": 1, "p50_s": 0.5, "max_s": 0.5}
    assert delays.summary() == {"raised": 4, "acked": 3, "p50_s": 1.0, "max_s": 3.0}
    assert delays.late() is None
    assert Delays("pendant").summary() == {"raised": 0, "acked": 0, "p50_s": None, "max_s": None}
    assert Delays("pendant").calm() is None


def test_who_had_no_path_waits_from_its_return_on():
    delays = Delays("pendant")
    for hub, sent_at, acked_at in (("a", 40.0, 40.5), ("b", 10.0, 10.25), ("c", None, None)):
        delays.note(Fact(10.0, hub, "e1", "pendant", "raised"))
        if sent_at is not None:
            delays.note(Fact(sent_at, hub, "e1", "pendant", "sent", attempt=1))
            delays.note(Fact(sent_at + 30, hub, "e1", "pendant", "sent", attempt=2))
            delays.note(Fact(acked_at, hub, "e1", "pendant", "acked"))
    assert delays.summary() == {"raised": 1, "acked": 1, "p50_s": 0.25, "max_s": 0.25}
    assert delays.late() == {"raised": 2, "acked": 1, "p50_s": 0.5, "max_s": 0.5, "longest_s": 30.5}


def test_a_hub_with_one_path_has_no_other_to_fall_back_to():
    members = [replace(MEMBERS[0], paths=("lte",))]
    steps = list(plan(replace(DEMO, weights={"path": 1.0}, faults_per_minute=0.0), members, 1, 600.0))
    assert {type(step.do) for step in steps if not isinstance(step.do, Press)} == {LinkDown, LinkUp}
    assert not any(isinstance(step.do, Press) and step.do.type == "path_lost" for step in steps)


def test_a_ledger_drops_the_line_that_a_kill_tore(tmp_path: Path):
    path = tmp_path / "ledger.jsonl"
    with LedgerFile(path) as ledger:
        ledger.write(Fact(1.0, "h", "e1", "pendant", "raised"))
    with path.open("a") as file:
        file.write('{"t": 5.0, "hub_id": "h", "eve')
    with LedgerFile(path) as ledger:
        ledger.write(Fact(6.0, "h", "e2", "fall", "raised"))
    assert set(read_ledger(path)) == {("h", "e1"), ("h", "e2")}


def test_a_fleet_file_is_private_and_comes_back_as_it_was(tmp_path: Path):
    path = tmp_path / "fleet.json"
    placed = replace(MEMBERS[0], postcode="KY15 4AA", network="Tay Mobile", paths=("lte",))
    save(path, [*MEMBERS, placed])
    assert load(path) == [*MEMBERS, placed]
    assert placed.sector == "KY15 4"
    assert path.stat().st_mode & 0o077 == 0


def test_a_fleet_file_needs_only_ids(tmp_path: Path):
    path = tmp_path / "fleet.json"
    path.write_text('{"hubs": [{"hub_id": "a"}]}')
    assert load(path) == [Member("a", "a", None)]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"hubs": 3}', '{"hubs": []}', '{"hubs": [{}]}', '{"hubs": ["a"]}'])
def test_what_is_no_fleet_file_is_said_to_be_none(tmp_path: Path, text: str):
    path = tmp_path / "fleet.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"fleet\.json"):
        load(path)


def test_a_ledger_tells_each_event_s_story_also_after_a_kill(tmp_path: Path):
    path = tmp_path / "ledger.jsonl"
    with LedgerFile(path) as ledger:
        ledger.write(Fact(1.0, "h", "e1", "pendant", "raised"))
        ledger.write(Fact(1.1, "h", "e1", "pendant", "sent", attempt=1))
        ledger.write(Fact(2.1, "h", "e1", "pendant", "sent", attempt=2))
        ledger.write(Fact(2.2, "h", "e1", "pendant", "acked", status="accepted", alarm_id="a"))
        ledger.write(Fact(2.3, "h", "e1", "pendant", "acked", status="duplicate", alarm_id="b"))
        ledger.write(Fact(3.0, "h", None, "fall", "cancelled"))
        ledger.write(Fact(4.0, "h", "e2", "smoke", "raised"))
        whole = path.read_text()
    path.write_text(whole + '{"t": 5.0, "hub_id": "h", "eve')
    told = read_ledger(path)
    assert set(told) == {("h", "e1"), ("h", "e2")}
    entry = told["h", "e1"]
    assert (entry.raised_at, entry.first_sent_at, entry.acked_at, entry.attempts) == (1.0, 1.1, 2.2, 2)
    assert (entry.status, entry.alarm_id, entry.type) == ("accepted", "a", "pendant")
    assert unacked(told) == [("h", "e2")]


def test_a_ledger_goes_on_where_the_last_run_stopped(tmp_path: Path):
    path = tmp_path / "ledger.jsonl"
    assert read_ledger(path) == {}
    for event in ("e1", "e2"):
        with LedgerFile(path) as ledger:
            ledger.write(Fact(1.0, "h", event, "pendant", "raised"))
    assert len(read_ledger(path)) == 2
    assert fold([]) == {}


def test_a_broker_is_read_from_its_url():
    assert Broker.parse("mqtt://127.0.0.1:1884") == Broker("127.0.0.1", 1884)
    assert Broker.parse("mqtts://broker.example", "ca.pem") == Broker(
        "broker.example", 8883, tls=True, ca_file="ca.pem"
    )
    assert topic("h", "alarm") == "telecare/v1/h/alarm"


@pytest.mark.parametrize("url", ["", "127.0.0.1:1883", "http://a:1", "mqtt://", "mqtt://a:port"])
def test_what_is_no_broker_s_url_is_refused(url: str):
    with pytest.raises(ValueError, match=r"mqtt|[Pp]ort"):
        Broker.parse(url)
