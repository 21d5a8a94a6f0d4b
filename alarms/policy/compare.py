"""Holds what a scenario's run came to against what its file expects, and says each difference in words. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from alarms.policy.cast import person_id
from alarms.policy.scenario import Scenario
from alarms.policy.scenario_words import ToldPart
from alarms.policy.simulate import FIRST, Said, Timeline
from alarms.rota.domain import Rota, handovers

_ANSWERS = ("acked", "taken_over", "accepted")
"""The lines of a log by which somebody has an alarm."""


def differences(scenario: Scenario, timeline: Timeline) -> list[str]:
    """Return where a timeline is not what the scenario expects: what is missing, and what else was sent."""
    found = list(timeline.surprises)
    if scenario.one_of:
        found += _of_outcomes(scenario, timeline)
    elif scenario.expect is not None:
        found += _of_told(scenario, scenario.expect, timeline)
    for line in scenario.log:
        if not any(_matches(line, said, timeline.start) for said in timeline.said):
            found.append(f"the log has no line of kind {line.kind} with “{line.words}”")
    return [*found, *_of_answers(scenario, timeline), *_of_rotas(scenario, timeline.rotas)]


def _of_answers(scenario: Scenario, timeline: Timeline) -> list[str]:
    """Return where the time to an answer is not what it must be: as an alarm's state has it, and as its log has it."""
    found: list[str] = []
    for name, wanted in scenario.answered.items():
        raised_at, first_at = timeline.answers.get(name, (timeline.start, None))
        said = next((one.at for one in timeline.said if one.alarm == name and one.kind in _ANSWERS), None)
        times = {
            "state": None if first_at is None else _seconds(first_at - raised_at),
            "log": None if said is None else _seconds(said - raised_at),
        }
        found += [
            f"alarm {name} by its {where} was answered {'never' if after is None else f'after {_time(after)}'}, "
            f"not after {_time(wanted)}"
            for where, after in times.items()
            if after != wanted
        ]
    return found


def _of_told(scenario: Scenario, expect: Iterable[ToldPart], timeline: Timeline) -> list[str]:
    wanted = [(one.at, one.who, one.way, one.alarm or FIRST) for one in expect]
    sent = [(_seconds(told.at - timeline.start), told.who, told.way, told.alarm) for told in timeline.told]
    found = [f"not sent: {_words(*one)}" for one in _minus(wanted, sent)]
    found += [f"sent and not expected: {_words(*one)}" for one in _minus(sent, wanted)]
    return found or (_out_of_order(wanted, sent) if scenario.in_order else [])


def _of_outcomes(scenario: Scenario, timeline: Timeline) -> list[str]:
    """Return for each way in which a race may end why it is not that one; nothing when it is one of them."""
    kinds = {kind for outcome in scenario.one_of for kind in outcome.log}
    logged = tuple(said.kind for said in timeline.said if said.alarm == FIRST and said.kind in kinds)
    found = []
    for number, outcome in enumerate(scenario.one_of, start=1):
        faults = _of_told(scenario, (*(scenario.expect or ()), *outcome.expect), timeline)
        if logged != outcome.log:
            faults.append(f"the log has {', '.join(logged) or 'no such line'}")
        if not faults:
            return []
        found.append(f"not as in number {number} of one_of: {'; '.join(faults)}")
    return found


def _of_rotas(scenario: Scenario, rotas: Mapping[str, Rota]) -> list[str]:
    """Return where those who come on are not those of the scenario's `comes_on`."""
    names = {person_id(name): name for name in scenario.people}
    until = scenario.start + timedelta(seconds=scenario.until)
    found: list[str] = []
    for key, listed in scenario.comes_on.items():
        wanted = [(one.at, one.who) for one in listed]
        comes = [
            (_seconds(change.at - scenario.start), names.get(member, str(member)))
            for change in handovers(rotas[key], scenario.start, until)
            for member in change.on
        ]
        found += [f"does not come on in {key}: {_time(at)} {who}" for at, who in _minus(wanted, comes)]
        found += [f"comes on in {key} and is not expected: {_time(at)} {who}" for at, who in _minus(comes, wanted)]
    return found


def _out_of_order(wanted: list[Any], sent: list[Any]) -> list[str]:
    """Compare moment by moment; whatever the file's order, one moment comes after another."""
    planned = [list(group) for _, group in groupby(sorted(wanted, key=_at), key=_at)]
    done = [list(group) for _, group in groupby(sorted(sent, key=_at), key=_at)]
    return [
        f"sent in another order: {', '.join(_words(*one) for one in actual)}"
        for plan, actual in zip(planned, done, strict=True)
        if plan != actual
    ]


def _at(one: tuple[int, str, str, str]) -> int:
    return one[0]


def _seconds(duration: timedelta) -> int:
    return round(duration.total_seconds())


def _matches(line: Any, said: Said, start: datetime) -> bool:
    return (
        line.kind == said.kind
        and line.words in said.text
        and (line.alarm or FIRST) == said.alarm
        and line.at in {None, _seconds(said.at - start)}
    )


def _minus(some: list[Any], others: list[Any]) -> list[Any]:
    left = list(others)
    missing = []
    for one in some:
        if one in left:
            left.remove(one)
        else:
            missing.append(one)
    return missing


def _words(at: int, who: str, way: str, alarm: str) -> str:
    return f"{_time(at)} {who}.{way} of alarm {alarm}"


def _time(at: int) -> str:
    minutes, seconds = divmod(at, 60)
    return f"{minutes}m{seconds:02d}s"
