"""Why a unit must go, and by when: dated reasons from what the register knows, and which programme takes it. Pure."""

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from devices.registry.health import is_low


class Cause(StrEnum):
    """What retires, and takes units with it."""

    PSTN = "pstn"
    RADIO_2G = "radio_2g"
    RADIO_3G = "radio_3g"
    SUPPORT_END = "support_end"
    CERTIFICATE = "certificate"
    BATTERY = "battery"


class ReasonKind(StrEnum):
    """What is known of a unit that makes it go."""

    PSTN = "pstn"
    ON_VOIP = "on_voip"
    RADIO_2G = "radio_2g"
    RADIO_3G = "radio_3g"
    SUPPORT_END = "support_end"
    MODEL_RETIRES = "model_retires"
    CERTIFICATE = "certificate"
    BATTERY = "battery"


KINDS: Mapping[Cause, frozenset[ReasonKind]] = {
    Cause.PSTN: frozenset({ReasonKind.PSTN, ReasonKind.ON_VOIP}),
    Cause.RADIO_2G: frozenset({ReasonKind.RADIO_2G}),
    Cause.RADIO_3G: frozenset({ReasonKind.RADIO_3G}),
    Cause.SUPPORT_END: frozenset({ReasonKind.SUPPORT_END, ReasonKind.MODEL_RETIRES}),
    Cause.CERTIFICATE: frozenset({ReasonKind.CERTIFICATE}),
    Cause.BATTERY: frozenset({ReasonKind.BATTERY}),
}
"""Which reasons make a unit a matter of a programme; all others are shown with it."""

PSTN_ENDS = date(2027, 1, 31)
"""The analogue network closes in the whole country."""
ENDS_2G: Mapping[str, date] = {"ee": date(2029, 5, 1), "vodafone": date(2030, 1, 1), "three": date(2030, 1, 1)}
"""The first day on which a network may end 2G, as they have announced it. Of others nobody knows a day until a
programme of theirs has one."""
ENDED_3G = date(2025, 12, 31)
BATTERY_HOURS = 24
"""Less than so long without mains is too short for a unit somebody relies on."""
_VOIP = {"voip_router": "a router", "voip_ata": "an adapter"}


@dataclass(frozen=True)
class Part:
    """The homes of a programme, or of one wave of it."""

    programme_id: UUID
    wave_id: UUID | None = None


@dataclass(frozen=True)
class Line:
    """A telephone line of the home, as last checked."""

    kind: str
    provider: str | None = None
    checked_on: date | None = None


@dataclass(frozen=True)
class UnitFacts:
    """What the register knows of a unit that stands in a home. `battery_pct` as the hub last told, on `told_on`.

    Its battery is good for `battery_years` from the day on which it was first fitted; `battery_due_on` goes before.
    """

    connection: str
    lines: tuple[Line, ...] = ()
    radio: str = "none"
    network: str | None = None
    support_ends_on: date | None = None
    retires_on: date | None = None
    certificate_expires_on: date | None = None
    battery_hours: int | None = None
    battery_due_on: date | None = None
    battery_years: int | None = None
    fitted_on: date | None = None
    battery_pct: int | None = None
    told_on: date | None = None


@dataclass(frozen=True)
class Reason:
    """One reason. `on`: the day on which it bites (or since when it does), None when no day is known."""

    kind: ReasonKind
    on: date | None
    words: str

    def stored(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"kind": str(self.kind), "on": self.on.isoformat() if self.on else None, "words": self.words}


def reasons(facts: UnitFacts) -> tuple[Reason, ...]:
    """Return every reason for which a unit must go some day, the first day first."""
    found = [*_of_line(facts), *_of_radio(facts), *_of_device(facts)]
    return tuple(sorted(found, key=lambda each: (each.on or date.max, each.kind)))


def concerns(
    cause: Cause, deadline: date, network: str | None, facts: UnitFacts, known: Sequence[Reason]
) -> tuple[Reason, ...]:
    """Return the reasons for which a programme must replace a unit; none when it is not a matter of it."""
    if network is not None and not _is_of(facts.network, network):
        return ()
    return tuple(each for each in known if each.kind in KINDS[cause] and (each.on is None or each.on <= deadline))


def due(deadline: date, own: Sequence[Reason]) -> date:
    """Return by when a programme must have replaced a unit for these reasons of its own."""
    return min(each.on or deadline for each in own)


def _is_of(written: str | None, network: str) -> bool:
    """Say whether what is written of a SIM means a network: a word begins so. EE is not in Three."""
    return re.search(rf"\b{re.escape(network)}", written or "", re.IGNORECASE) is not None


def _of_line(facts: UnitFacts) -> list[Reason]:
    if facts.connection == "digital":
        return []
    ready = "a digital-ready unit on an analogue path" if facts.connection == "digital_ready" else "an analogue unit"
    voip = next((line for line in facts.lines if line.kind in _VOIP), None)
    found = [Reason(ReasonKind.PSTN, PSTN_ENDS, f"The analogue network closes, and this is {ready}")]
    if voip is not None:
        by = f" of {voip.provider}" if voip.provider else ""
        words = f"The line is digital already, over {_VOIP[voip.kind]}{by}, and this is {ready}"
        found.append(Reason(ReasonKind.ON_VOIP, voip.checked_on, words))
    return found


def _of_radio(facts: UnitFacts) -> list[Reason]:
    whose = f" of {facts.network}" if facts.network else ""
    if facts.radio == "2g":
        on = next((on for name, on in ENDS_2G.items() if _is_of(facts.network, name)), None)
        return [Reason(ReasonKind.RADIO_2G, on, f"It speaks 2G and nothing newer, and 2G{whose} ends")]
    if facts.radio == "3g":
        return [Reason(ReasonKind.RADIO_3G, ENDED_3G, f"It speaks 3G, which{whose} has ended, and 2G, which will")]
    return []


def _of_device(facts: UnitFacts) -> list[Reason]:
    found = []
    if facts.support_ends_on is not None:
        found.append(Reason(ReasonKind.SUPPORT_END, facts.support_ends_on, "Its maker supports it no longer"))
    if facts.retires_on is not None:
        found.append(Reason(ReasonKind.MODEL_RETIRES, facts.retires_on, "The model retires"))
    if facts.certificate_expires_on is not None:
        found.append(Reason(ReasonKind.CERTIFICATE, facts.certificate_expires_on, "Its certificate runs out"))
    if (good_until := _battery_until(facts)) is not None:
        found.append(good_until)
    if facts.battery_hours is not None and facts.battery_hours < BATTERY_HOURS:
        words = f"Its battery lasts {facts.battery_hours} hours without mains, less than {BATTERY_HOURS}"
        found.append(Reason(ReasonKind.BATTERY, None, words))
    elif is_low(facts.battery_pct):
        found.append(Reason(ReasonKind.BATTERY, facts.told_on, f"Its battery was at {facts.battery_pct} %"))
    return found


def _battery_until(facts: UnitFacts) -> Reason | None:
    """Return by when the battery must be replaced: as entered, else by its age and what its model is good for."""
    if facts.battery_due_on is not None:
        return Reason(ReasonKind.BATTERY, facts.battery_due_on, "Its battery must be replaced")
    if facts.battery_years is None or facts.fitted_on is None:
        return None
    year, (month, day) = facts.fitted_on.year + facts.battery_years, (facts.fitted_on.month, facts.fitted_on.day)
    on = date(year, month, min(day, monthrange(year, month)[1]))
    words = f"Its battery, in homes since {facts.fitted_on:%d %B %Y}, is good for {facts.battery_years} years"
    return Reason(ReasonKind.BATTERY, on, words)


def dated(cause: Cause, deadline: date, own: Sequence[Reason], known: Sequence[Reason]) -> tuple[Reason, ...]:
    """Return all reasons of a unit of a programme; the end of a network that has no day of its own has its deadline."""
    if cause not in {Cause.RADIO_2G, Cause.RADIO_3G}:
        return tuple(known)
    return tuple(replace(each, on=deadline) if each.on is None and each in own else each for each in known)


def assigns(programme_councils: Sequence[str], councils: frozenset[str]) -> bool:
    """Say whether somebody of these councils (empty: all) may change a programme: it must be wholly theirs."""
    return not councils or set(programme_councils) <= councils
