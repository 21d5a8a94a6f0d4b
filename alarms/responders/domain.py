"""How a responder is told: which of their addresses, after how long, and why not. Pure; the clock is the caller's."""

from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from uuid import UUID

from alarms.escalation.domain import Address, ContactRule, Party

LIFE_SAFETY_CLASS = "L"
LATEST_S = 7200
"""The longest wait of a contact rule: two hours."""

CODE_DIGITS = 6
CODE_MINUTES = 15
CODE_TRIES = 5

NO_METHOD = "no contact method"
DISABLED = "contact disabled"
NOT_AT_ONCE = "no immediate rule"


class Urgency(StrEnum):
    """For which alarms a contact rule is: life-safety ones, or all others."""

    LIFE_SAFETY = "life_safety"
    OTHER = "other"


class CodeCheck(StrEnum):
    """What became of a code that somebody typed in."""

    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"
    NO_TRIES_LEFT = "no_tries_left"
    NONE_SENT = "none_sent"


@dataclass(frozen=True)
class Method:
    """One way to reach a responder, at a place in their list. Who replied STOP or switched it off is `disabled`.

    One that nobody has verified is used all the same: a number with a typing error costs a message, one that is passed
    over may cost a life. The console shows it as unverified.
    """

    id: UUID
    channel: str
    address: str
    label: str
    position: int
    disabled: bool = False


@dataclass(frozen=True)
class Rule:
    """Tell this method so many seconds after the start of the round, for alarms of this urgency."""

    method_id: UUID
    after_s: int
    urgency: Urgency


@dataclass(frozen=True)
class QuietHours:
    """Local times between which only life-safety alarms are told; an end before the start is on the next day."""

    start: time
    end: time

    def covers(self, local: time) -> bool:
        """Say whether a local time lies within; the end does not."""
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


@dataclass(frozen=True)
class Responder:
    """Somebody who can be sent, with their methods and rules."""

    id: UUID
    name: str
    methods: tuple[Method, ...] = ()
    rules: tuple[Rule, ...] = ()
    quiet: QuietHours | None = None


@dataclass(frozen=True)
class Reached:
    """A responder as the ladder tells them; `silence` says in words why nothing goes out at once, if so (S12)."""

    party: Party
    silence: str | None = None


def urgency_of(class_: str) -> Urgency:
    """Return the urgency of an alarm's class: L, U, T or I."""
    return Urgency.LIFE_SAFETY if class_ == LIFE_SAFETY_CLASS else Urgency.OTHER


def reached(responder: Responder, class_: str, local: time) -> Reached:
    """Return how a responder is told of an alarm of a class, when the clock on the wall shows `local`.

    Without rules for this urgency each method is told at once. A life-safety alarm also goes to every method that is
    left when those of the rules are all disabled: silence is no answer to it. Quiet hours never apply to it; other
    alarms leave the rules out until they end.
    """
    urgency = urgency_of(class_)
    usable = {method.id: method for method in _in_order(responder) if not method.disabled}
    ruled = [rule for rule in responder.rules if rule.urgency is urgency]
    rules = [(rule.after_s, usable[rule.method_id]) for rule in ruled if rule.method_id in usable]
    if not ruled or (not rules and urgency is Urgency.LIFE_SAFETY):
        rules = [(0, method) for method in usable.values()]
    if responder.quiet is not None and urgency is Urgency.OTHER and responder.quiet.covers(local):
        return Reached(_party(responder, []), f"quiet hours until {responder.quiet.end:%H:%M}")
    party = _party(responder, rules)
    if not responder.methods:
        return Reached(party, NO_METHOD)
    if not rules:
        return Reached(party, DISABLED)
    return Reached(party, None if party.rules[0].after_s == 0 else NOT_AT_ONCE)


def code_check(*, matches: bool, expired: bool, tries: int | None) -> CodeCheck:
    """Judge a code that somebody typed in; `tries` are those already used, None when no code is out."""
    if tries is None:
        return CodeCheck.NONE_SENT
    if expired:
        return CodeCheck.EXPIRED
    if tries >= CODE_TRIES:
        return CodeCheck.NO_TRIES_LEFT
    return CodeCheck.RIGHT if matches else CodeCheck.WRONG


def _in_order(responder: Responder) -> list[Method]:
    return sorted(responder.methods, key=lambda method: (method.position, method.id))


def _party(responder: Responder, rules: list[tuple[int, Method]]) -> Party:
    ordered = sorted(rules, key=lambda rule: (rule[0], rule[1].position, rule[1].id))
    told = dict.fromkeys(
        ContactRule(after_s, Address(method.channel, method.address, method.label)) for after_s, method in ordered
    )
    return Party(str(responder.id), responder.name, tuple(told))
