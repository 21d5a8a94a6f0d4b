"""A simulated hub takes another firmware: in steps, once, never while somebody may need it, and not all come back."""

from dataclasses import replace
from typing import Any

import pytest

from simulators.fleet.habits import with_habits
from simulators.hub.happenings import CommandReceived, Connected, MainsLost, MainsRestored, Press, Restart
from simulators.hub.model import HubConfig
from tests.unit.simulators.test_behaviour import CONFIG, Life, online

LOADS = replace(CONFIG, update_s=10.0, pre_alarm_s=0)
ARGS = {"version": "2.0", "url": "https://firmware.example/2.0", "sha256": "0" * 64}
ASKED = CommandReceived({"command_id": "u", "command": "update_firmware", "args": ARGS})


def said(life: Life) -> list[str]:
    return [out.body["status"] for _, out in life.sends("result")]


def firmwares(life: Life) -> set[Any]:
    return {out.body["firmware"] for _, out in life.sends("heartbeat")}


def test_it_loads_verifies_starts_anew_and_tells_it_by_heartbeat_and_event() -> None:
    life = online(LOADS)
    life.happen(ASKED)
    life.wait(60)
    assert said(life) == ["downloading", "downloaded", "verified", "updating"]
    assert not life.state.connected
    life.happen(Connected(), after=2)
    life.wait(1)
    assert said(life)[-1] == "done"
    assert life.sends("heartbeat")[-1][1].body["firmware"] == "2.0"
    assert life.types()[-1] == "firmware_changed"
    life.happen(ASKED)
    assert said(life)[-1] == "done"
    assert life.state.boot == 2


def test_what_is_not_genuine_is_not_installed() -> None:
    life = online(replace(LOADS, update_fault="verify"))
    life.happen(ASKED)
    life.wait(600)
    assert said(life) == ["downloading", "downloaded", "failed"]
    assert life.sends("result")[-1][1].body["reason"] == "the checksum does not fit"
    assert firmwares(life) == {CONFIG.firmware}
    assert life.state.boot == 1


def test_one_that_is_bricked_says_nothing_more_whatever_happens() -> None:
    life = online(replace(LOADS, update_fault="brick"))
    life.happen(ASKED)
    life.wait(60)
    told = len(life.outputs)
    assert life.outputs[-1][1] == Restart(back=False)
    for happening in (MainsLost(), MainsRestored(), Connected(), Press("pendant")):
        life.happen(happening, after=60)
    assert len(life.outputs) == told


@pytest.mark.parametrize("before", [Press("pendant"), MainsLost()])
def test_it_refuses_while_somebody_may_need_it_or_on_battery(before: Press | MainsLost) -> None:
    life = online(LOADS)
    life.happen(before)
    life.happen(ASKED)
    assert said(life) == ["busy"]
    assert life.state.update is None


def test_a_fleet_has_hubs_that_fail_and_some_that_never_come_back_by_its_seed() -> None:
    faults = [with_habits(HubConfig(f"hub-{n}", seed=1)).update_fault for n in range(2000)]
    assert faults == [with_habits(HubConfig(f"hub-{n}", seed=1)).update_fault for n in range(2000)]
    assert 20 <= faults.count("verify") <= 60
    assert 3 <= faults.count("brick") <= 20
