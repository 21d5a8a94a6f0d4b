"""What goes wrong with our own parts in a scenario, which only real parts can show. Pure."""

from typing import ClassVar, Literal

from alarms.policy.scenario_words import Part


class FaultWords(Part):
    """Acts of an event that need the real parts: the database and what runs on it, broker, providers."""

    FAULTS: ClassVar[tuple[str, ...]] = ("sender",)

    sender: Literal["off", "on"] | None = None
