import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.hub.behaviour import new_hub, next_due, step
from simulators.hub.happenings import (
    AckReceived,
    Babble,
    BatteryAged,
    Cancel,
    ClockLost,
    ClockSynced,
    CommandReceived,
    Connected,
    Disconnected,
    HubInput,
    HubOutput,
    MainsLost,
    MainsRestored,
    Note,
    PathChanged,
    Press,
    Publish,
    PublishRaw,
    Reboot,
    Restart,
    Tick,
)
from simulators.hub.model import FINAL_ACKS, HubConfig, HubState, Peripheral

START = 1_800_000_000.0
PENDANT = Peripheral("p1", "pendant", "bedroom")
CONFIG = HubConfig("hub-1", (PENDANT,), seed=7, heartbeat_s=300.0)
BATTERY_S = CONFIG.battery_s


@dataclass
class Life:
    """A hub with simulated time: `happen` lets time pass to the next thing due, as the client's timer does."""

    config: HubConfig = CONFIG
    now: float = START
    state: HubState = field(init=False)
    outputs: list[tuple[float, HubOutput]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = new_hub(self.config, self.now)

    def happen(self, happening: HubInput, *, after: float = 0.0) -> list[HubOutput]:
        self.wait(after)
        return self._step(happening)

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := next_due(self.config, self.state)) <= until:
            self.now = max(self.now, due)
            self._step(Tick())
        self.now = until

    def _step(self, happening: HubInput) -> list[HubOutput]:
        self.state, outputs = step(self.config, self.state, happening, self.now)
        self.outputs += [(self.now, output) for output in outputs]
        return list(outputs)

    def sends(self, lane: str | None = None) -> list[tuple[float, Publish]]:
        published = [(at, output) for at, output in self.outputs if isinstance(output, Publish)]
        return [(at, out) for at, out in published if (out.lane == lane if lane else out.event_id is not None)]

    def types(self) -> list[str]:
        return [output.body["type"] for _, output in self.sends()]

    def raised(self, type_: str) -> list[Any]:
        """What was told of one type, each happening once however often it was sent."""
        return list({out.event_id: out.body for _, out in self.sends() if out.body["type"] == type_}.values())


def online(config: HubConfig = CONFIG) -> Life:
    life = Life(config)
    life.happen(Connected())
    return life


def ack(life: Life, status: str = "accepted", *, after: float = 0.0) -> list[HubOutput]:
    return life.happen(AckReceived(life.sends()[-1][1].event_id or "", status, "alarm-1"), after=after)


def test_a_press_is_sent_after_the_pre_alarm_in_the_shape_of_the_contract():
    life = online()
    life.happen(Press("pendant"))
    life.wait(9.9)
    assert life.sends() == []
    life.wait(0.2)
    [(at, message)] = life.sends("alarm")
    assert at == pytest.approx(START + 10)
    assert json.loads(json.dumps(message.body)) == {
        "event_id": "0-1",
        "type": "pendant",
        "at": datetime.fromtimestamp(START + 10, UTC).isoformat(timespec="milliseconds"),
        "seq": 1,
        "boot_id": "0-b1",
        "path": "ethernet",
        "device": {"id": "p1", "kind": "pendant", "room": "bedroom"},
        "attempt": 1,
    }


def test_a_cancel_within_the_pre_alarm_sends_nothing():
    life = online()
    life.happen(Press("pendant"))
    assert life.happen(Cancel(), after=9) == [Note("cancelled", "pendant")]
    life.wait(3600)
    assert life.sends() == []


def test_a_cancel_that_comes_too_late_is_told_and_stops_nothing():
    life = online()
    life.happen(Press("pendant"))
    life.happen(Cancel(), after=12)
    life.wait(30)
    assert life.types() == ["pendant", "cancel", "pendant", "cancel"]
    assert {out.lane for _, out in life.sends() if out.body["type"] == "cancel"} == {"event"}


def test_it_repeats_sixteen_times_at_thirty_seconds_and_then_every_ten_minutes_with_one_event_id():
    life = online(replace(CONFIG, pre_alarm_s=0))
    life.happen(Press("fall"))
    life.wait(16 * 30 + 3 * 600 + 1)
    times = [at - START for at, _ in life.sends()]
    assert times == [*(30.0 * n for n in range(17)), *(480.0 + 600 * n for n in (1, 2, 3))]
    assert [out.attempt for _, out in life.sends()] == list(range(1, 21))
    assert len({out.event_id for _, out in life.sends()}) == 1


@pytest.mark.parametrize("status", sorted(FINAL_ACKS))
def test_a_final_ack_ends_the_repeating_and_is_noted(status: str):
    life = online(replace(CONFIG, pre_alarm_s=0))
    life.happen(Press("fall"))
    assert ack(life, status, after=1) == [Note("acked", "fall", "0-1", status, "alarm-1")]
    life.wait(7200)
    assert len(life.sends()) == 1


@pytest.mark.parametrize(("status", "again_after"), [("retry", 3), ("some word of tomorrow", 30)])
def test_an_ack_that_settles_nothing_is_not_believed(status: str, again_after: int):
    life = online(replace(CONFIG, pre_alarm_s=0))
    life.happen(Press("fall"))
    ack(life, status, after=1)
    life.wait(60)
    assert life.sends()[1][0] - START == again_after


def test_an_ack_for_another_event_settles_nothing():
    life = online(replace(CONFIG, pre_alarm_s=0))
    life.happen(Press("fall"))
    assert life.happen(AckReceived("someone-elses", "accepted")) == []
    life.wait(31)
    assert len(life.sends()) == 2


def test_what_is_pressed_while_cut_off_is_sent_on_return_with_the_time_of_the_press():
    life = Life(replace(CONFIG, pre_alarm_s=0))
    life.happen(Press("pendant"))
    life.happen(Press("smoke"), after=60)
    life.wait(7200)
    assert life.sends() == []
    life.happen(Connected())
    assert life.types() == ["pendant", "smoke"]
    (at, message), _ = life.sends()
    assert at - datetime.fromisoformat(message.body["at"]).timestamp() == 7260
    assert message.attempt == 1


def test_some_makes_send_what_waited_in_the_wrong_order():
    life = Life(replace(CONFIG, pre_alarm_s=0, newest_first=True))
    life.happen(Press("pendant"))
    life.happen(Press("smoke"), after=60)
    life.happen(Connected(), after=60)
    assert life.types() == ["smoke", "pendant"]


def test_a_restored_link_ends_the_long_waits_but_does_not_overtake_an_ack_on_its_way():
    life = online(replace(CONFIG, pre_alarm_s=0))
    life.happen(Press("pendant"))
    life.wait(16 * 30 + 5)  # from here on every ten minutes
    life.happen(Disconnected())
    before = len(life.sends())
    life.happen(Connected(), after=10)
    assert len(life.sends()) == before
    life.wait(30)
    assert len(life.sends()) == before + 1


def test_a_doubled_send_is_doubled_once():
    life = online(replace(CONFIG, pre_alarm_s=0))
    first = [out for out in life.happen(Press("pendant", twice=True)) if isinstance(out, Publish)]
    assert first[0] == first[1]
    life.wait(31)
    assert len(life.sends()) == 3


def test_technical_happenings_wait_for_no_pre_alarm_and_go_out_as_events():
    life = online()
    life.happen(Press("tamper"))
    assert [(at, out.lane) for at, out in life.sends()] == [(START, "event")]


def test_a_reboot_changes_the_boot_id_starts_the_sequence_and_keeps_what_waits():
    life = online(replace(CONFIG, pre_alarm_s=0))
    life.happen(Press("pendant"))
    life.wait(600)
    assert Restart(back=True) in life.happen(Reboot())
    life.happen(Connected(), after=20)
    life.wait(400)
    alarms = life.sends("alarm")
    assert {out.body["boot_id"] for _, out in alarms} == {"0-b1"}
    assert alarms[-1][1].event_id == alarms[0][1].event_id
    beats = [out.body for at, out in life.sends("heartbeat") if at > START + 620]
    assert [(beat["boot_id"], beat["seq"]) for beat in beats][:1] == [("0-b2", 1)]


def test_the_clock_falls_to_1970_and_recovers():
    life = online(replace(CONFIG, pre_alarm_s=0))
    life.happen(ClockLost())
    life.happen(Press("pendant"), after=60)
    life.happen(ClockSynced())
    life.happen(Press("smoke"))
    years = {out.body["type"]: out.body["at"][:16] for _, out in life.sends("alarm")}
    assert years["pendant"] == "1970-01-01T00:01"
    assert years["smoke"] == datetime.fromtimestamp(START + 60, UTC).isoformat()[:16]


def test_without_mains_the_battery_runs_down_warns_and_dies_and_the_return_is_told():
    life = online()
    life.happen(MainsLost())
    life.wait(BATTERY_S * 0.79)
    assert set(life.types()) == {"mains_fail"}
    life.wait(BATTERY_S * 0.02)
    assert set(life.types()) == {"mains_fail", "hub_battery_low"}
    life.wait(BATTERY_S * 0.2)
    assert life.outputs[-1][1] == Restart(back=False)
    assert life.outputs[-1][0] - START == pytest.approx(BATTERY_S, abs=2)
    dead_at = len(life.outputs)
    life.happen(Press("pendant"))
    life.wait(BATTERY_S)
    assert len(life.outputs) == dead_at
    assert Restart(back=True) in life.happen(MainsRestored())
    life.happen(Connected(), after=5)
    assert life.types()[-1] == "mains_restored"
    assert life.state.boot_id == "0-b2"


def test_time_can_be_made_to_run_faster_for_the_battery():
    life = online(replace(CONFIG, time_scale=1440.0))
    life.happen(MainsLost())
    life.wait(59)
    assert life.state.powered
    life.wait(2)
    assert not life.state.powered


def test_a_short_cut_within_the_report_spread_is_never_reported():
    life = online(replace(CONFIG, mains_report_spread_s=3600.0, seed=3))
    life.happen(MainsLost())
    life.happen(MainsRestored(), after=1)
    life.wait(7200)
    assert life.types() == []


def test_the_battery_charges_when_the_mains_are_back():
    life = online()
    life.happen(MainsLost())
    life.happen(MainsRestored(), after=BATTERY_S / 2)
    assert life.state.battery_pct == pytest.approx(50)
    life.wait(BATTERY_S / 8 + 600)
    assert life.state.battery_pct == 100


def test_a_battery_that_holds_less_is_told_and_lasts_so_much_less():
    life = online()
    life.happen(BatteryAged(50), after=10)
    assert life.sends("heartbeat")[-1][1].body["battery_pct"] == 50
    life.wait(BATTERY_S)
    assert life.state.battery_pct == 50  # it charges, and holds no more
    life.happen(MainsLost())
    life.wait(BATTERY_S * 0.49)
    assert life.state.powered
    life.wait(BATTERY_S * 0.02)
    assert not life.state.powered


def test_a_battery_that_is_low_however_long_it_charges_is_told_once():
    life = online()
    for holds in (30, 20, 15):
        life.happen(BatteryAged(holds), after=3600)
    assert set(life.types()) == {"hub_battery_low"}
    life.happen(MainsLost(), after=60)
    life.happen(MainsRestored(), after=60)
    life.wait(3600)
    assert set(life.types()) == {"hub_battery_low", "mains_fail", "mains_restored"}
    assert len(life.raised("hub_battery_low")) == 1


def test_a_pendant_s_battery_is_listed_and_told_once_when_it_is_low():
    life = online()
    for level in (60, 21, 20, 12):
        life.happen(BatteryAged(level, "p1"), after=3600)
    assert life.sends("heartbeat")[-1][1].body["peripherals"] == [{"id": "p1", "kind": "pendant", "battery_pct": 12}]
    (told,) = life.raised("trigger_battery_low")
    assert told["device"] == {"id": "p1", "kind": "pendant", "room": "bedroom"}


def test_a_hub_speaks_by_the_path_that_it_prefers():
    life = online(replace(CONFIG, path="lte"))
    life.happen(Press("tamper"))
    assert life.sends("event")[-1][1].body["path"] == "lte"


def test_heartbeats_come_at_their_interval_within_the_jitter_and_tell_how_the_hub_is():
    life = online()
    life.happen(PathChanged("lte", -90))
    life.wait(3600)
    beats = life.sends("heartbeat")
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(beats)]
    assert gaps
    assert all(270 <= gap <= 330 for gap in gaps)
    assert len(set(gaps)) > 1
    body = beats[-1][1].body
    assert body["peripherals"] == [{"id": "p1", "kind": "pendant"}]
    assert (body["mains"], body["battery_pct"], body["path"], body["signal_dbm"]) == (True, 100, "lte", -90)
    assert body["interval_s"] == 300


@pytest.mark.parametrize(("backlog", "late"), [(0, 0), (3, 3)])
def test_heartbeats_while_cut_off_are_dropped_or_kept_as_configured(backlog: int, late: int):
    life = Life(replace(CONFIG, backlog=backlog))
    life.wait(3600)
    assert life.sends("heartbeat") == []
    assert len([out for out in life.happen(Connected()) if isinstance(out, Publish)]) == late


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ({"command_id": "c1", "command": "ping"}, "done"),
        ({"command_id": "c1", "command": "test"}, "done"),
        ({"command_id": "c1", "command": "set_interval", "args": {"interval_s": 60}}, "done"),
        ({"command_id": "c1", "command": "set_interval", "args": "soon"}, "unsupported"),
        ({"command_id": "c1", "command": "call"}, "unsupported"),
        ({"command_id": "c1", "command": "explode"}, "unsupported"),
        ({}, "unsupported"),
    ],
)
def test_each_command_is_answered(command: dict[str, Any], status: str):
    life = online()
    [result] = [
        out for out in life.happen(CommandReceived(command)) if isinstance(out, Publish) and out.lane == "result"
    ]
    assert (result.body["command_id"], result.body["status"]) == (command.get("command_id"), status)


def test_a_call_is_answered_for_ten_minutes_after_an_alarm():
    life = online(replace(CONFIG, pre_alarm_s=0))
    life.happen(Press("pendant"))
    life.happen(CommandReceived({"command_id": "c1", "command": "call"}), after=599)
    life.happen(CommandReceived({"command_id": "c2", "command": "call"}), after=2)
    assert [out.body["status"] for _, out in life.sends("result")] == ["done", "unsupported"]


def test_a_commanded_reboot_is_answered_before_it_happens():
    life = online()
    kinds = [type(out) for out in life.happen(CommandReceived({"command_id": "c", "command": "reboot"}))]
    assert kinds == [Publish, Restart]


def test_a_command_that_comes_twice_is_done_once_and_answered_twice():
    """The control room sends at least once: a second copy, also after the reboot it asked for, changes nothing."""
    life = online()
    for command in ("reboot", "test"):
        asked = CommandReceived({"command_id": command, "command": command})
        life.happen(asked)
        life.happen(Connected())
        assert [type(out) for out in life.happen(asked)] == [Publish]
    assert life.state.boot == 2
    assert len(life.sends("event")) == 1
    assert [out.body["status"] for _, out in life.sends("result")] == ["done"] * 4


def test_a_command_that_waited_at_the_broker_is_answered_once_the_hub_is_connected():
    """It comes with the session, before the hub has its subscriptions and may publish."""
    life = Life()
    life.happen(CommandReceived({"command_id": "c", "command": "reboot"}))
    assert life.sends("result") == []
    life.happen(Connected())
    life.happen(Connected())
    [(_, result)] = life.sends("result")
    assert (result.body["command_id"], result.body["status"]) == ("c", "done")


def test_a_commanded_interval_is_kept():
    life = online()
    life.happen(CommandReceived({"command_id": "c", "command": "set_interval", "args": {"interval_s": 10}}))
    life.wait(100)
    assert 8 <= len(life.sends("heartbeat")) <= 12


def test_broken_firmware_babbles_only_while_connected():
    assert Life().happen(Babble("alarm", b"{")) == []
    assert online().happen(Babble("alarm", b"{")) == [PublishRaw("alarm", b"{")]


happenings = st.one_of(
    st.builds(Press, st.sampled_from(["pendant", "fall", "smoke", "tamper", "test"]), twice=st.booleans()),
    st.just(Cancel()),
    st.just(Connected()),
    st.just(Disconnected()),
    st.just(Reboot()),
    st.just(ClockLost()),
    st.just(ClockSynced()),
    st.just(MainsLost()),
    st.just(MainsRestored()),
    st.just(Tick()),
    st.tuples(st.integers(1, 12), st.sampled_from([*sorted(FINAL_ACKS), "retry", "nonsense"])).map(
        lambda pair: AckReceived(f"0-{pair[0]}", pair[1])
    ),
)
Story = list[tuple[float, HubInput]]
stories = st.lists(st.tuples(st.floats(0, 2000), happenings), max_size=40)


def live(config: HubConfig, story: Iterable[tuple[float, HubInput]]) -> Life:
    life = Life(config)
    for after, happening in story:
        life.happen(happening, after=after)
    return life


@given(stories)
def test_the_same_seed_and_story_give_the_same_life(story: Story):
    assert live(CONFIG, story).outputs == live(CONFIG, story).outputs


@given(stories)
def test_nothing_is_sent_after_its_ack_and_everything_raised_is_sent_until_its_ack(story: Story):
    life = live(CONFIG, [*story, (1, MainsRestored()), (1, Connected()), (601, Tick())])
    raised, acked, last_sent = {}, {}, {}
    for index, (at, output) in enumerate(life.outputs):
        if isinstance(output, Note) and output.what == "raised":
            assert output.event_id not in raised
            raised[output.event_id] = at
        elif isinstance(output, Note) and output.what == "acked":
            acked[output.event_id] = index
        elif isinstance(output, Publish) and output.event_id is not None:
            assert output.event_id in raised
            assert output.event_id not in acked
            last_sent[output.event_id] = at
    waiting = raised.keys() - acked.keys()
    assert {pending.event_id for pending in life.state.pending} == waiting
    # While connected for ten minutes, each event that waits has been tried within them.
    assert all(last_sent[event_id] >= life.now - 601 for event_id in waiting)


@given(stories)
def test_every_press_is_raised_or_cancelled_unless_there_was_no_power(story: Story):
    story = [pair for pair in story if not isinstance(pair[1], MainsLost)]
    life = live(CONFIG, [*story, (11, Tick())])
    notes = [output for _, output in life.outputs if isinstance(output, Note) and output.type != "cancel"]
    settled = [note for note in notes if note.what in {"raised", "cancelled"}]
    assert len(settled) == sum(isinstance(happening, Press) for _, happening in story)


@given(stories)
def test_within_a_boot_the_sequence_grows_and_boot_ids_are_never_used_again(story: Story):
    life = live(CONFIG, [*story, (1, MainsRestored()), (1, Connected()), (400, Tick())])
    made: dict[str, list[int]] = {}
    seen: set[tuple[str, int]] = set()
    for _, output in life.outputs:
        if isinstance(output, Publish) and output.lane == "heartbeat":
            key = (output.body["boot_id"], output.body["seq"])
            assert key not in seen
            seen.add(key)
            made.setdefault(key[0], []).append(key[1])
    assert all(numbers == sorted(numbers) for numbers in made.values())


@given(stories)
def test_attempts_count_up_from_one(story: Story):
    life = live(CONFIG, story)
    attempts: dict[str, int] = {}
    for _, output in life.sends():
        before = attempts.get(output.event_id or "", 0)
        assert output.attempt in ({before, before + 1} if before == 1 else {before + 1})  # the first may be doubled
        attempts[output.event_id or ""] = output.attempt or 0


@given(stories)
def test_a_hub_never_waits_for_a_moment_that_has_passed(story: Story):
    life = live(CONFIG, story)
    assert next_due(CONFIG, life.state) > life.now - 1e-3
