"""What a provider says of a message, and when it is tried again. Pure.

A provider that does not answer may still have delivered: that counts as temporary, and the message goes out again under
the same key. At least once for life-safety, never none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeAlias, runtime_checkable

LIFE_SAFETY_BELOW = 20
"""Ranks of life-safety alarms lie below this; urgent ones begin at 29 (30, and one less once repeated)."""

LIFE_SAFETY_WAITS_S = (1, 2, 4)
"""Four tries: even if each hangs for the usual 10 s, the failure is known, and the ladder moves, within 60 s (R06)."""

OTHER_WAITS_S = (5, 15, 30, 60, 120, 240)
"""Seven tries: each message has ended, one way or the other, within 10 minutes."""


@dataclass(frozen=True)
class Sent:
    """The provider has taken it; `ref` is its name for the message in the reports that follow, if any do."""

    detail: str = ""
    provider: str = ""
    ref: str | None = None


@dataclass(frozen=True)
class Permanent:
    """It will never be taken: the ladder must go on without it."""

    detail: str


@dataclass(frozen=True)
class Temporary:
    """Not now, or nobody knows: try again."""

    detail: str


@dataclass(frozen=True)
class Unable:
    """This provider takes nothing from us for now (quota, credentials, account), whatever the message: ask another."""

    detail: str


Result: TypeAlias = Sent | Permanent | Temporary | Unable


class Provider(Protocol):
    """One way out of the house. `effect_key` is the same at each try, so that a repeat can be recognised."""

    async def send(self, address: str, effect_key: str, message: Mapping[str, Any]) -> Result:
        """Hand over a message as `alarms.notify.messages.compose` made it.

        The sender adds `id` (of the outbox's row, for callbacks), `rank` and `attempt` (from 1).
        """
        ...


@runtime_checkable
class Recaller(Protocol):
    """A way out that can take back what it has begun: a call that still rings."""

    async def cancel(self, ref: str) -> None:
        """Stop it if it still can be stopped; otherwise do nothing."""
        ...


def retry_after(attempts: int, rank: int) -> timedelta | None:
    """Return how long to wait after so many tries (from 1); None when it is time to give up."""
    waits = LIFE_SAFETY_WAITS_S if rank < LIFE_SAFETY_BELOW else OTHER_WAITS_S
    return timedelta(seconds=waits[attempts - 1]) if attempts <= len(waits) else None
