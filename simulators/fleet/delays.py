"""How long people waited: from the moment an event was raised at home to the control room's ack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from simulators.hub.client import Fact

AT_ONCE_S = 1.0
"""What a hub sends later than this after the press, it could not send before: it had no path."""

Key = tuple[str, str]


@dataclass
class Delays:
    """The waits of one type of event, in the order in which the events were raised.

    Events raised before `split_at` (seconds since 1970) are the calm, the others what is measured; without it all are.
    """

    type: str
    split_at: float | None = None
    _raised: dict[Key, float] = field(default_factory=dict)
    _sent: dict[Key, float] = field(default_factory=dict)
    _acked: dict[Key, float] = field(default_factory=dict)

    def note(self, fact: Fact) -> None:
        """Take in one fact; of several sends or acks the first counts."""
        if fact.type != self.type or fact.event_id is None:
            return
        key = (fact.hub_id, fact.event_id)
        if fact.what == "raised":
            self._raised[key] = fact.t
        elif fact.what == "sent":
            self._sent.setdefault(key, fact.t)
        elif fact.what == "acked" and key in self._raised:
            self._acked.setdefault(key, fact.t)

    def calm(self) -> dict[str, Any] | None:
        """Return the summary of what was raised in the calm; None when there was none."""
        if self.split_at is None:
            return None
        return self._of([key for key, at in self._raised.items() if at < self.split_at], self._raised)

    def summary(self) -> dict[str, Any]:
        """Return `raised` and `acked`, `p50_s` and `max_s` (None when nothing was acked) of what left at once."""
        return self._of([key for key in self._measured() if not self._waited(key)], self._raised)

    def late(self) -> dict[str, Any] | None:
        """Return the same of what had to wait for a path, from its return on; None when nothing had to.

        `longest_s` is the longest that anybody waited from the press to the ack.
        """
        late = [key for key in self._measured() if self._waited(key)]
        waits = [self._acked[key] - self._raised[key] for key in late if key in self._acked]
        return self._of(late, self._sent) | {"longest_s": round(max(waits), 3) if waits else None} if late else None

    def _measured(self) -> list[Key]:
        return [key for key, at in self._raised.items() if at >= (self.split_at or 0.0)]

    def _waited(self, key: Key) -> bool:
        return self._sent.get(key, float("inf")) - self._raised[key] > AT_ONCE_S

    def _of(self, keys: Sequence[Key], since: Mapping[Key, float]) -> dict[str, Any]:
        waits = sorted(self._acked[key] - since[key] for key in keys if key in self._acked)
        return {
            "raised": len(keys),
            "acked": len(waits),
            "p50_s": round(waits[ceil(len(waits) / 2) - 1], 3) if waits else None,
            "max_s": round(waits[-1], 3) if waits else None,
        }
