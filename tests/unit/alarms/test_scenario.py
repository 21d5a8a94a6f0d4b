"""Scenario files: what their document says can be written, and in which words a mistake is told."""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from alarms.intake.types import TYPES
from alarms.policy.compare import differences
from alarms.policy.scenario import (
    EventPart,
    LoggedPart,
    OverridePart,
    RotaPart,
    Scenario,
    ScenarioError,
    TemporaryPart,
    TurnPart,
    WorkPart,
    read_scenario,
)
from alarms.policy.scenario_checks import CheckPart
from alarms.policy.scenario_crash import CountsPart, StormPart
from alarms.policy.scenario_faults import OutcomePart
from alarms.policy.scenario_homes import HomePart, IncidentPart, MovePart, WindowPart
from alarms.policy.scenario_messages import KillPart, ProviderPart, ReportPart, TextPart
from alarms.policy.simulate import AlarmType, ScenarioRun

DOCUMENT = (Path(__file__).parents[3] / "docs/scenarios.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)[0]
ALARM_TYPES = {name: AlarmType(row.class_, row.rank, row.words) for name, row in TYPES.items()}


def run(text: str) -> list[str]:
    scenario = read_scenario(text)
    return differences(scenario, ScenarioRun(scenario, ALARM_TYPES).run())


def test_the_example_of_the_document_comes_out_as_it_says() -> None:
    assert run(EXAMPLE) == []


@pytest.mark.parametrize(
    "part",
    [
        Scenario,
        EventPart,
        RotaPart,
        OutcomePart,
        StormPart,
        CountsPart,
        OverridePart,
        TemporaryPart,
        TurnPart,
        LoggedPart,
        WorkPart,
        HomePart,
        WindowPart,
        MovePart,
        IncidentPart,
        CheckPart,
        KillPart,
        ProviderPart,
        ReportPart,
        TextPart,
    ],
)
def test_every_key_is_in_the_document(part: type[BaseModel]) -> None:
    for name, field in part.model_fields.items():
        assert f"`{field.alias or name}" in DOCUMENT, field.alias or name


def test_every_act_is_in_the_document() -> None:
    acts = get_args(get_args(EventPart.model_fields["act"].annotation)[0])
    assert len(acts) > 10
    for act in acts:
        assert re.search(rf"`(act: )?{act}`", DOCUMENT), act


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("until: 30m", "until: 30m\nworkers: 2", 0, "`workers` happens on real parts only. Add levels: [database]"),
        ("until: 30m", "until: 30m\nlevels: [crash]", 0, "a storm of kills is a test of its own. Write `storm` and"),
        ("act: accept,", "act: accept, together: true,", 0, "`together` happens on real parts only"),
        ("sms@0 voice@2m", "fax@0", 13, "“fax@0” is no list of ways. Write them as sms@0 voice@5m"),
        ("at: 5s, fails", "at: in a while, fails", 22, "“in a while” is no duration. Write seconds"),
        ("at: 5s, fails", "at: 401d, fails", 22, "from 0 to 400 days"),
        ("  - 0 fiona.sms", "  - fiona", 25, "“fiona” is not whom to tell when. Write it as 30m u2.sms"),
        ("act: accept,", "act: accept, close: reassured,", 23, "an event is one act"),
        ("{at: 0, raise: pendant}", "{at: 0, close: well}", 21, "“well” is no outcome. There are: reassured"),
        ("fails: fiona.sms", "fails: fiona", 22, "“fiona” is nobody's way. Write it as u1.sms"),
        ("wardens: []}", "wardens: [rory]}", 29, "“rory” is not who comes on when. Write it as 8h u2"),
        ("raise: pendant", "clock: 1h", 21, "“1h” is no jump of a clock. Write it as +1h or -1h"),
        ("fails: fiona.sms,", "fails: fiona.sms, answer: 204,", 22, "nobody is answered here. Take `answer` out"),
        ("arrive_in: 40m", "waited: 40m", 23, "`waited` says more of `raise`. Take it out, or raise an alarm"),
        ("raise: pendant", 'feed: "on"', 0, "only a browser shows `feed` and `page`. Write levels: [page]"),
        ("raise: pendant", "raise: pendant, seen: 4m", 21, "`seen` says more of an operator's `act` or `close`. Take"),
        ("act: accept,", "act: accept, seen: 4s,", 0, "“fiona” of `seen` is nobody. Add them to `rooms`"),
        ("events:", "evnts:", 20, "`evnts` is no word of a scenario here. Take it out"),
        ("until: 30m\n", "", 0, "`until` is missing"),
        ("2027-01-03 03:12", "last night", 3, "“last night” is no local time"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, line: int, words: str) -> None:
    assert old in EXAMPLE
    with pytest.raises(ScenarioError) as error:
        read_scenario(EXAMPLE.replace(old, new, 1))
    assert [fault.line for fault in error.value.faults if words in str(fault)] == [line], str(error.value)


HOMES = """
name: homes
until: 10m
levels: [database]
homes: {jean: {hubs: [h1]}}
events:
  - {at: 1m, sends: pendant, hub: h1, device_time: -2h}
  - {at: 2m, silent: [jean]}
  - {at: 3m, check: {hub: h1, was: [0 online]}}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("[database]", "[database, wire]", 0, "homes are in the register of a real database. Write levels: [database]"),
        ("homes: {jean: {hubs: [h1]}}\n", "", 0, "`sends` happens at homes, and there are none. Add some"),
        ("hubs: [h1]", "hubs: [h1], count: 3", 5, "the hubs of many homes are called after them. Leave `hubs` out"),
        ("hub: h1, device_time: -2h", "device_time: -2h", 7, "nobody sends this. Write which hub does: hub: h1"),
        ("device_time: -2h", "device_time: lately", 7, "“lately” is no time of a hub's clock. Write -2h"),
        ("silent: [jean]", "silent: [jane]", 0, "“jane” is no home here and no hub. Write one of: jean"),
        ("silent: [jean]", "silent: [jean], boot: b", 8, "`boot` says more of `sends`. Take it out"),
        ("hub: h1, was: [0 online]", "hub: h2, was: [0 online]", 0, "“h2” is no home here and no hub"),
        ("hub: h1, was: [0 online]", "was: [0 online]", 9, "a hub and what must be so of it stand together"),
        ("0 online", "online", 9, "“online” is not since when a hub was what. Write it as 6m15s late"),
        ("0 online", "0 on-line", 9, "“0 on-line” is not since when a hub was what"),
        ("0 online", "0 asleep", 9, "this value is not one of those that may stand here"),
    ],
)
def test_a_mistake_about_homes_is_told(old: str, new: str, line: int, words: str) -> None:
    assert read_scenario(HOMES)
    with pytest.raises(ScenarioError) as error:
        read_scenario(HOMES.replace(old, new, 1))
    assert [fault.line for fault in error.value.faults if words in str(fault)] == [line], str(error.value)


SERVICE = """
name: service
levels: [wire]
until: 10m
canary: true
watchdog: [olga]
rooms: {ours: [fiona], partner: [gordon]}
people: {olga: email@0}
events:
  - {at: 0, cover: declared}
  - {at: 1m, check: {dead_man: quiet, canaries: 2, sees: {fiona: []}, reported: {}}}
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("watchdog: [olga]", "watchdog: [jim]", "“jim” of `watchdog` is nobody. Add them to `people`"),
        ("sees: {fiona", "sees: {jim", "“jim” of `sees` is nobody. Add them to `rooms`"),
        ("watchdog: [olga]\n", "", "`dead_man` is of something that is not there. Add whom a watchdog tells"),
        ("canary: true\n", "", "`canaries` is of something that is not there. Add canary: true"),
        (", partner: [gordon]", "", "`cover` is of something that is not there. Add operators of `partner` to `rooms`"),
        ("[wire]", "[database]", "`canary` goes through the broker. Write levels: [wire]"),
    ],
)
def test_a_mistake_about_the_service_is_told(old: str, new: str, words: str) -> None:
    assert read_scenario(SERVICE)
    assert old in SERVICE
    with pytest.raises(ScenarioError, match=re.escape(words)):
        read_scenario(SERVICE.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("5s fiona.voice", "2m fiona.voice", "not sent: 2m00s fiona.voice of alarm 1"),
        ("  - 5s fiona.voice\n", "", "sent and not expected: 0m05s fiona.voice of alarm 1"),
        ("words: no such number}\ncomes", "words: line busy}\ncomes", "the log has no line of kind send_failed"),
        ("wardens: []", "wardens: [1m rory]", "does not come on in wardens: 1m00s rory"),
        ('"1": 1m', '"1": 2m', "alarm 1 by its state was answered after 1m00s, not after 2m00s"),
        ("arrive_in: 40m}", "arrive_in: 40m, refused: true}", "accept of alarm 1 was allowed"),
    ],
)
def test_what_comes_out_otherwise_is_told(old: str, new: str, difference: str) -> None:
    assert old in EXAMPLE
    assert any(line.startswith(difference) for line in run(EXAMPLE.replace(old, new, 1)))


def test_another_order_is_told_only_where_it_matters() -> None:
    text = """
name: order
until: 10s
policies:
  - {key: p, steps: [{tell: ["responder:a", "responder:b"], wait: 1m}], catch_all: {tell: [queue], every: 60s}}
people: {a: sms@0, b: sms@0}
events: [{at: 0, raise: pendant}]
expect: [0 b.sms, 0 a.sms]
"""
    assert run(text) == []
    assert run(text + "in_order: true\n") == ["sent in another order: 0m00s a.sms of alarm 1, 0m00s b.sms of alarm 1"]


def test_a_race_ends_in_one_of_the_ways_that_are_listed() -> None:
    listed = EXAMPLE + "one_of: [{expect: [1m rory.sms]}, {log: [send_failed]}]\n"
    assert run(listed) == []
    assert run(listed.replace("{log: [send_failed]}", "{log: [send_failed, step]}")) == [
        "not as in number 1 of one_of: not sent: 1m00s rory.sms of alarm 1; the log has step, send_failed",
        "not as in number 2 of one_of: the log has step, send_failed",
    ]
