"""What a page says of the rule by which a hub is missed. Pure."""

from typing import NamedTuple

from alarms.handling.deadline_schemas import SilenceDeadlinesOut
from devices.presence.rule_schemas import HubRuleOut, SetHereOut
from devices.presence.rules import USUAL_GRACE, USUAL_INTERVAL_S, USUAL_MISS_LIMIT, Level
from telecare.console.policy_view import span

OF = {
    Level.HUB: "its own",
    Level.MODEL: "of its model",
    Level.COUNCIL: "of the council",
    Level.USUAL: "the usual",
    Level.ANNOUNCED: "as the hub itself says",
}
EMPTY = {
    Level.HUB: "its model's counts, else the council's, else the usual",
    Level.MODEL: "the council's counts, else the usual",
    Level.COUNCIL: "the usual counts",
}
"""What counts where nothing is entered."""


DONE = {
    "saved": "It is set. What is shorter than before counts at once; what is longer takes no verdict back.",
    "deadlines": "They are set. Open alarms move to what is sooner within seconds; what is later holds for new ones.",
}
"""What is said once something has been set."""


class Part(NamedTuple):
    """One line: what it is, its value and of whom that is."""

    name: str
    value: str
    of: str


def parts(rule: HubRuleOut) -> list[Part]:
    """Return what is in force for a hub, line by line."""
    said = rule.announced_interval_s
    lines = [
        Part("Heartbeat", f"each {span(rule.interval.value)}", OF[rule.interval.of]),
        Part("Grace", span(rule.grace.value), OF[rule.grace.of]),
        Part("Offline after", _beats(rule.misses.value), OF[rule.misses.of]),
    ]
    if said is None:
        return lines
    return [*lines, Part("The hub says", f"each {span(said)}", f"set is {span(rule.agreed.value)}: the shorter counts")]


def sentence(rule: HubRuleOut) -> str:
    """Return when a hub is missed."""
    return f"Late after {span(rule.late_after_s)}, offline after {span(rule.offline_after_s)} without a heartbeat"


def usual() -> str:
    """Return what holds where nothing is set."""
    grace = USUAL_INTERVAL_S // USUAL_GRACE
    offline = span(USUAL_INTERVAL_S * USUAL_MISS_LIMIT + grace)
    return f"each {span(USUAL_INTERVAL_S)}, grace a quarter of that, offline after {USUAL_MISS_LIMIT} missed: {offline}"


def tiers(deadlines: SilenceDeadlinesOut) -> list[tuple[str, str, bool]]:
    """Return each risk tier, by when somebody sees to its silent hubs, and whether that is the usual."""
    found = []
    for tier in ("a", "b", "c", "d"):
        minutes, usual = getattr(deadlines.minutes, tier), getattr(deadlines.usual, tier)
        words = "10:00 on the next working day" if minutes is None else f"within {span(60 * minutes)}"
        found.append((tier.upper(), words, minutes == usual))
    return found


def in_words(here: SetHereOut) -> str:
    """Return what is set for a model or a council."""
    said = [
        None if here.heartbeat_interval_s is None else f"each {span(here.heartbeat_interval_s)}",
        None if here.heartbeat_grace_s is None else f"grace {span(here.heartbeat_grace_s)}",
        None if here.miss_limit is None else f"offline after {_beats(here.miss_limit)}",
    ]
    return ", ".join(each for each in said if each) or "nothing is set"


def _beats(count: int) -> str:
    return f"{count} missed heartbeat{'' if count == 1 else 's'}"
