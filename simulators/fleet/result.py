"""What came of a run: how many events were acked and how fast, what a storm was, what the service made of it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from simulators.fleet.delays import Delays
from simulators.fleet.fleet import Fleet
from simulators.fleet.incidents import Incidents, IncidentsError
from simulators.fleet.incidents import words as incident_words
from simulators.fleet.storms.story import Story
from simulators.process import complain

NAMES = {"mains": "places without mains", "mast": "masts", "network": "mobile networks", "battery": "flat batteries"}


@dataclass(frozen=True)
class Observed:
    """What is watched while a fleet runs; `story` and `incidents` are those of a storm."""

    delays: Delays
    story: Story | None = None
    incidents: Incidents | None = None

    @property
    def left(self) -> Collection[int]:
        """Return the hubs, by their number in the roster, that by the story stay silent."""
        return self.story.left if self.story else ()

    async def result(self, fleet: Fleet) -> dict[str, Any]:
        """Return all of it for programs; what waits at hubs that stay silent is not `waiting`."""
        counts = fleet.counts
        return {
            "hubs": len(fleet.hubs),
            "raised": counts.raised,
            "acked": counts.acked,
            "waiting": sum(len(hub.state.pending) for number, hub in enumerate(fleet.hubs) if number not in self.left),
            "sent": counts.sent,
            "pendants": self.delays.summary(),
            "late": self.delays.late(),
            "calm": self.delays.calm(),
            "storm": self.story.figures() if self.story and self.story.outages else None,
            "incidents": await self._opened(),
        }

    async def _opened(self) -> list[dict[str, Any]] | None:
        try:
            return await self.incidents.since() if self.incidents else None
        except IncidentsError as error:
            complain(str(error))
            return None


def words(result: dict[str, Any]) -> list[str]:
    """Return a result as a person reads it."""
    lines = ["raised {raised}  acked {acked}  waiting {waiting}  sent {sent} with repeats".format_map(result)]
    if result["storm"] is not None:
        lines += _storm_words(result["storm"])
    for name, waits in (("pendants before the storm", result["calm"]), ("pendants", result["pendants"])):
        if waits is not None and waits["raised"]:
            fast = "" if waits["p50_s"] is None else ", half within {p50_s} s, the slowest after {max_s} s"
            lines.append(f"{name}: {{acked}} of {{raised}} acked{fast}".format_map(waits))
    if (late := result["late"]) is not None:
        fast = ", half within {p50_s} s of its return, the slowest after {max_s} s; the longest wait was {longest_s} s"
        said = "pendants without a path: {acked} of {raised} acked" + (fast if late["acked"] else "")
        lines.append(said.format_map(late))
    return lines if result["incidents"] is None else [*lines, *incident_words(result["incidents"])]


def _storm_words(storm: dict[str, Any]) -> list[str]:
    failed = ", ".join(f"{NAMES[what]} {count}" for what, count in storm["failed"].items())
    hit = "hubs hit {hit}, silent for a while {silent}; at last silent {stay_silent}, on battery {stay_without_mains}"
    return [f"failed: {failed}; for good {sum(storm['for_good'].values())}", hit.format_map(storm)]
