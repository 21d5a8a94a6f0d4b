"""How a responder is told: rules, disabled methods, quiet hours, and the reason for each silence."""

from datetime import time
from uuid import UUID

import pytest

from alarms.escalation.domain import Address, ContactRule
from alarms.responders.domain import (
    CODE_TRIES,
    DISABLED,
    NO_METHOD,
    NOT_AT_ONCE,
    CodeCheck,
    Method,
    QuietHours,
    Responder,
    Rule,
    Urgency,
    code_check,
    reached,
)

SMS, VOICE, MAIL = (UUID(int=number) for number in (1, 2, 3))
NOON, NIGHT = time(12), time(3)
LIFE, OTHER = Urgency.LIFE_SAFETY, Urgency.OTHER


def method(which: UUID, *, disabled: bool = False) -> Method:
    channel = {SMS: "sms", VOICE: "voice", MAIL: "email"}[which]
    return Method(which, channel, f"{channel}-address", f"Isla, {channel}", which.int, disabled)


def responder(*methods: Method, rules: tuple[Rule, ...] = (), quiet: QuietHours | None = None) -> Responder:
    return Responder(UUID(int=9), "Isla Reid", methods, rules, quiet)


def told(found: tuple[ContactRule, ...]) -> list[tuple[int, str]]:
    return [(rule.after_s, rule.to.channel) for rule in found]


def test_a_party_carries_the_rules_in_their_order() -> None:
    rules = (Rule(SMS, 30, LIFE), Rule(VOICE, 0, LIFE), Rule(SMS, 0, LIFE), Rule(MAIL, 0, OTHER))
    found = reached(responder(method(VOICE), method(MAIL), method(SMS), rules=rules), "L", NOON)
    assert found.silence is None
    assert (found.party.id, found.party.name) == (str(UUID(int=9)), "Isla Reid")
    assert told(found.party.rules) == [(0, "sms"), (0, "voice"), (30, "sms")]
    assert found.party.rules[0].to == Address("sms", "sms-address", "Isla, sms")


@pytest.mark.parametrize("class_", ["U", "T", "I"])
def test_other_alarms_have_rules_of_their_own(class_: str) -> None:
    rules = (Rule(SMS, 0, LIFE), Rule(MAIL, 0, OTHER))
    assert told(reached(responder(method(SMS), method(MAIL), rules=rules), class_, NOON).party.rules) == [(0, "email")]


def test_without_rules_every_method_is_told_at_once() -> None:
    found = reached(responder(method(SMS), method(VOICE, disabled=True), method(MAIL)), "L", NOON)
    assert (told(found.party.rules), found.silence) == ([(0, "sms"), (0, "email")], None)


@pytest.mark.parametrize(
    ("who", "class_", "reason"),
    [
        (responder(), "L", NO_METHOD),
        (responder(method(SMS, disabled=True)), "L", DISABLED),
        (responder(method(SMS, disabled=True), method(MAIL), rules=(Rule(SMS, 0, OTHER),)), "T", DISABLED),
        (responder(method(SMS), rules=(Rule(SMS, 30, LIFE),)), "L", NOT_AT_ONCE),
        (responder(method(SMS), method(VOICE, disabled=True), rules=(Rule(VOICE, 0, LIFE), Rule(SMS, 30, LIFE))), "L",
         NOT_AT_ONCE),
    ],
)  # fmt: skip
def test_each_silence_has_its_reason(who: Responder, class_: str, reason: str) -> None:
    assert reached(who, class_, NOON).silence == reason


def test_a_life_safety_alarm_goes_to_what_is_left_when_the_methods_of_the_rules_are_disabled() -> None:
    found = reached(responder(method(SMS, disabled=True), method(MAIL), rules=(Rule(SMS, 0, LIFE),)), "L", NOON)
    assert (told(found.party.rules), found.silence) == ([(0, "email")], None)


@pytest.mark.parametrize(("local", "quiet"), [(NIGHT, True), (time(22), True), (time(7), False), (NOON, False)])
def test_quiet_hours_hold_back_all_but_life_safety(local: time, quiet: bool) -> None:
    who = responder(method(SMS), quiet=QuietHours(time(22), time(7)))
    other, life = reached(who, "T", local), reached(who, "L", local)
    assert (bool(other.party.rules), other.silence) == (not quiet, "quiet hours until 07:00" if quiet else None)
    assert (told(life.party.rules), life.silence) == ([(0, "sms")], None)


def test_quiet_hours_within_a_day() -> None:
    hours = QuietHours(time(9), time(17))
    assert [hours.covers(local) for local in (time(8, 59), time(9), time(16, 59), time(17))] == [
        False, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("matches", "expired", "tries", "found"),
    [
        (True, False, 0, CodeCheck.RIGHT),
        (True, False, CODE_TRIES - 1, CodeCheck.RIGHT),
        (True, False, CODE_TRIES, CodeCheck.NO_TRIES_LEFT),
        (True, True, 0, CodeCheck.EXPIRED),
        (False, False, 0, CodeCheck.WRONG),
        (True, False, None, CodeCheck.NONE_SENT),
    ],
)
def test_a_code_counts_once_it_is_right_in_time_and_within_its_tries(
    matches: bool, expired: bool, tries: int | None, found: CodeCheck
) -> None:
    assert code_check(matches=matches, expired=expired, tries=tries) is found
