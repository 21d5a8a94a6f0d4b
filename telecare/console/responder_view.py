"""Responders in words: the ways to them, by which rules they are told, and what is wrong with a way. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from alarms.notify.addresses import masked, shown
from alarms.notify.domain import Channel
from alarms.responders.domain import Urgency
from alarms.responders.models import ContactMethod
from telecare.console.policy_view import span
from telecare.console.view import Badge, phone

CHANNELS = {
    Channel.SMS: "Text",
    Channel.VOICE: "Call",
    Channel.EMAIL: "E-mail",
    Channel.PUSH: "Browser notice",
    Channel.WEBHOOK: "Webhook",
    Channel.APPRISE: "Message service",
}
BY = {
    Channel.SMS: "by text",
    Channel.VOICE: "by a call",
    Channel.EMAIL: "by e-mail",
    Channel.PUSH: "by a browser notice",
    Channel.WEBHOOK: "by a webhook",
    Channel.APPRISE: "by a message service",
}
URGENCIES = {Urgency.LIFE_SAFETY: "Life-safety alarms", Urgency.OTHER: "All other alarms"}


@dataclass(frozen=True)
class Told:
    """One moment of a round: when, by what, and whether a way of it is switched off."""

    when: str
    how: str
    off: bool


def address(channel: str, text: str, *, whole: bool) -> str:
    """Return an address as this reader may see it: whole for who looks after it, else as much as one recognises."""
    known = Channel(channel)
    if not whole:
        return masked(known, text)
    return phone(text) if known in {Channel.SMS, Channel.VOICE} else shown(known, text)


def state(method: Any) -> Badge:
    """Return the state of a way: off, verified or not. One that is not verified is used all the same."""
    if method.disabled_at is not None:
        return Badge("■", "Switched off", "bad")
    if method.verified_at is not None:
        return Badge("●", "Verified", "good")
    return Badge("◌", "Not verified", "warn")


def timeline(methods: Sequence[ContactMethod], rules: Iterable[Any], urgency: Urgency) -> list[Told]:
    """Return how somebody is told of an alarm of this urgency, moment by moment; without rules each way at once."""
    known: Mapping[UUID, ContactMethod] = {method.id: method for method in methods}
    ruled = [(rule.after_s, known[rule.method_id]) for rule in rules if rule.urgency == urgency]
    if not ruled:
        ruled = [(0, method) for method in methods]
    return [
        Told(
            "at once" if after_s == 0 else f"after {span(after_s)}",
            f"{BY[Channel(method.channel)]} ({method.label})",
            method.disabled_at is not None,
        )
        for after_s, method in sorted(ruled, key=lambda each: (each[0], each[1].position, each[1].id))
    ]
