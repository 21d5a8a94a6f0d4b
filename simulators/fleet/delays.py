"""How long people waited: from the moment an event was raised at home to the control room's ack."""

from dataclasses import dataclass, field
from math import ceil
from typing import Any

from simulators.hub.client import Fact


@dataclass
class Delays:
    """The waits of one type of event, in the order in which the events were raised.

    Events raised before `split_at` (seconds since 1970) are the calm, the others what is measured; without it all are.
    """

    type: str
    split_at: float | None = None
    _raised: dict[tuple[str, str], float] = field(default_factory=dict)
    _acked: dict[tuple[str, str], float] = field(default_factory=dict)

    def note(self, fact: Fact) -> None:
        """Take in one fact; of several acks the first counts."""
        if fact.type != self.type or fact.event_id is None:
            return
        key = (fact.hub_id, fact.event_id)
        if fact.what == "raised":
            self._raised[key] = fact.t
        elif fact.what == "acked" and key in self._raised:
            self._acked.setdefault(key, fact.t)

    def summary(self) -> dict[str, Any]:
        """Return `raised` and `acked`, `p50_s` and `max_s` (None when nothing was acked)."""
        return self._of([key for key, at in self._raised.items() if at >= (self.split_at or 0.0)])

    def calm(self) -> dict[str, Any] | None:
        """Return the same for what was raised in the calm; None when there was none."""
        return None if self.split_at is None else self._of([k for k, at in self._raised.items() if at < self.split_at])

    def _of(self, keys: list[tuple[str, str]]) -> dict[str, Any]:
        waits = sorted(self._acked[key] - self._raised[key] for key in keys if key in self._acked)
        return {
            "raised": len(keys),
            "acked": len(waits),
            "p50_s": round(waits[ceil(len(waits) / 2) - 1], 3) if waits else None,
            "max_s": round(waits[-1], 3) if waits else None,
        }
