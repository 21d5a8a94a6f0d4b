"""The types of events, as data: class, rank, treatment and words (domain 1.6)."""

from dataclasses import dataclass, replace
from enum import StrEnum

from alarms.escalation.ranks import CANARY, FIRE, GAS, INFORMATION, PERSONAL, TECHNICAL, UNKNOWN, URGENT


class AlarmClass(StrEnum):
    """L life-safety (operator now), U urgent (operator queue), T technical (automate, batch), I information.

    C is the service's own test alarm, which is nobody's.
    """

    LIFE_SAFETY = "L"
    URGENT = "U"
    TECHNICAL = "T"
    INFORMATION = "I"
    CANARY = "C"


class Treatment(StrEnum):
    """What a message does when it comes in."""

    ALARM = "alarm"  # opens an alarm, or joins and raises the open one of its family
    CLEAR = "clear"  # the cause named in `clears` is over
    CANCEL = "cancel"  # annotates what is open; never closes a life-safety alarm
    TEST = "test"  # stamps the last proven test
    VOICE = "voice"  # the voice call has ended: what is open goes back to the top of the queue
    ARRIVAL = "arrival"  # whoever was on the way is there
    HEARTBEAT = "heartbeat"  # a sign of life, whatever code it carries
    NOTE = "note"  # annotates what is open, is kept on the hub's timeline


@dataclass(frozen=True)
class EventType:
    """One row of the table. `family`: repeats within a family join one alarm; another family gets its own line.

    `each_device`: another device has an alarm of its own, and what clears it must come from the same one.
    `urgent_while`: it is urgent while an alarm of this type is open.
    """

    name: str
    class_: AlarmClass
    rank: int
    treatment: Treatment
    words: str
    family: str
    clears: tuple[str, ...] = ()
    each_device: bool = False
    urgent_while: str | None = None

    def urgent(self) -> "EventType":
        """Return the row as it is while what makes it urgent lasts: a line of its own."""
        words = f"{self.words}: {TYPES[self.urgent_while].words.lower()}" if self.urgent_while else self.words
        return replace(
            self, class_=AlarmClass.URGENT, rank=URGENT, words=words, family=f"{self.family}:urgent", each_device=False
        )


def _alarms(
    class_: AlarmClass, rank: int, family: str | None, *,
    each_device: bool = False, urgent_while: str | None = None, **words: str,
) -> list[EventType]:  # fmt: skip
    return [
        EventType(
            name, class_, rank, Treatment.ALARM, text, family or name,
            each_device=each_device, urgent_while=urgent_while,
        )
        for name, text in words.items()
    ]  # fmt: skip


def _clears(**rows: tuple[str, tuple[str, ...]]) -> list[EventType]:
    return [
        EventType(name, AlarmClass.INFORMATION, INFORMATION, Treatment.CLEAR, words, name, clears)
        for name, (words, clears) in rows.items()
    ]


def _notes(treatment: Treatment, **words: str) -> list[EventType]:
    return [EventType(name, AlarmClass.INFORMATION, INFORMATION, treatment, text, name) for name, text in words.items()]


_L, _U, _T = AlarmClass.LIFE_SAFETY, AlarmClass.URGENT, AlarmClass.TECHNICAL

TYPES: dict[str, EventType] = {
    row.name: row
    for row in [
        *_alarms(
            _L, FIRE, "fire",
            smoke="Smoke detected", heat="Heat detected", fire_panel="Fire panel", sprinkler="Sprinkler running",
        ),
        *_alarms(_L, GAS, "gas", carbon_monoxide="Carbon monoxide detected", gas="Gas detected"),
        *_alarms(
            _L, PERSONAL, "personal",
            pendant="Pendant pressed", unit_button="Button on the unit pressed", pull_cord="Pull cord pulled",
            panic="Panic button pressed", attack="Attack button pressed", fall="Fall detected",
            man_down="Man-down detected", epilepsy="Seizure detected", heart_rate="Heart rate out of range",
        ),
        *_alarms(
            _L, PERSONAL, "wandering",
            wandering="Wandering", door_exit="Left by the door", boundary="Left the safe area",
        ),
        *_alarms(_L, UNKNOWN, "unreadable", unreadable="Unreadable message on the alarm line"),
        *_alarms(_L, UNKNOWN, "unknown_hub", unknown_hub="Alarm from a hub that nobody knows"),
        *_alarms(_L, UNKNOWN, "duplicate_id", duplicate_id="Two hubs use one id"),
        *_alarms(
            _U, URGENT, "return",
            bed_exit="Out of bed and not back", chair_exit="Out of the chair and not back",
            inactivity="No movement seen",
        ),
        *_alarms(
            _U, URGENT, None,
            flood="Flood detected", bath="Bath overflowing", bogus_caller="Bogus caller button pressed",
            intruder="Intruder detected", pill_not_taken="Medication not taken", enuresis="Enuresis sensor",
            jammed="Radio jammed: the pendant cannot be heard", factory_reset="The unit went back to factory settings",
        ),
        *_alarms(_U, URGENT, None, each_device=True, trigger_lost="A trigger is no longer heard"),
        *_alarms(_U, URGENT, "temperature", temperature_high="Too hot", temperature_low="Too cold"),
        *_alarms(
            _T, TECHNICAL, None,
            hub_offline="The unit is silent", mains_fail="Mains power lost", path_lost="A communication path is lost",
            clock_wrong="The clock of the unit is wrong", unreadable_event="Unreadable message from the unit",
        ),
        *_alarms(
            _T, TECHNICAL, None, each_device=True, urgent_while="mains_fail",
            hub_battery_low="Battery of the unit low",
        ),
        *_alarms(
            _T, TECHNICAL, None, each_device=True,
            trigger_battery_low="Battery of a trigger low",
            tamper="Unit tampered with", malfunction="Unit reports a fault",
            maintenance_needed="Unit asks for maintenance",
        ),
        *_clears(
            mains_restored=("Mains power back", ("mains_fail",)),
            path_restored=("Communication path back", ("path_lost",)),
            battery_restored=("Battery charged", ("hub_battery_low", "trigger_battery_low")),
            trigger_restored=("Trigger heard again", ("trigger_lost",)),
        ),
        *_notes(Treatment.CANCEL, cancel="Cancelled at the unit"),
        *_notes(Treatment.TEST, test="Test call"),
        *_notes(Treatment.VOICE, call_ended="Voice call ended"),
        *_notes(Treatment.ARRIVAL, responder_on_site="Responder on site"),
        *_notes(
            Treatment.NOTE,
            reset="Reset at the unit", installer_mode="Installer at the unit", config_changed="Configuration changed",
            firmware_changed="Firmware changed", peripheral_added="Peripheral paired",
            peripheral_removed="Peripheral removed",
        ),
        *_notes(Treatment.HEARTBEAT, heartbeat="Heartbeat with a code"),
    ]
}  # fmt: skip


FIRE_FAMILIES = frozenset({"fire", "gas"})

NO_TRIGGER = frozenset({
    "unreadable", "unknown_hub", "duplicate_id", "jammed", "factory_reset", "trigger_lost",
})  # fmt: skip
"""Grave types that nobody sets off at a trigger: they come from the unit, or are our own."""

TRIGGERS = frozenset(
    row.name for row in TYPES.values()
    if row.treatment is Treatment.ALARM and row.class_ in {_L, _U} and row.name not in NO_TRIGGER
)  # fmt: skip
"""What somebody sets off at a trigger, and so what a test of one can look like."""


CANARY_ALARM = EventType("canary", AlarmClass.CANARY, CANARY, Treatment.ALARM, "The service's own test alarm", "canary")
"""Not in the table: a hub that sends this type is a hub with an unknown signal, and reaches a human."""


def on_alarm_lane(name: str) -> EventType:
    """Return the row for a type on the alarm lane; one that nobody knows is life-safety until a human judges it."""
    return TYPES.get(name) or _unknown(name, _L, UNKNOWN)


def on_event_lane(name: str) -> EventType:
    """Return the row for a type on the event lane; one that nobody knows is urgent: it reaches a human."""
    return TYPES.get(name) or _unknown(name, _U, URGENT)


def _unknown(name: str, class_: AlarmClass, rank: int) -> EventType:
    return EventType(name, class_, rank, Treatment.ALARM, f"Unknown signal “{name}”", f"unknown:{name}")
