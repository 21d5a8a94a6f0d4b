"""Homes and their hubs in a scenario, which only the real register and its watchers know. Pure."""

from typing import ClassVar

from alarms.policy.scenario_words import Part


class HomeWords(Part):
    """Acts of an event that happen at homes, and need the real register, presence and watchers."""

    AT_HOMES: ClassVar[tuple[str, ...]] = ()
