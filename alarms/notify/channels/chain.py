"""Several providers behind one channel: when one is out of quota or out of order, the next takes the message (R45)."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alarms.notify.delivery import (
    LIFE_SAFETY_BELOW,
    Permanent,
    Provider,
    Recaller,
    Result,
    Sent,
    Temporary,
    Unable,
)

REST_S = 60.0
"""How long a provider that could take nothing, or did not answer, is asked last."""


@dataclass(frozen=True)
class Named:
    """A provider and the name under which its reports come."""

    name: str
    provider: Provider


def in_order(names: Sequence[str], resting: Collection[str], attempt: int) -> tuple[str, ...]:
    """Return the order in which providers are asked at this attempt (from 1): those that rest come last.

    Each attempt starts one further, so that one that hangs until the time is up does not stand in front of the others
    at every attempt.
    """
    well = [name for name in names if name not in resting]
    tired = [name for name in names if name in resting]
    turn = (attempt - 1) % len(well) if well else 0
    return (*well[turn:], *well[:turn], *tired)


def goes_on(result: Result, rank: int) -> bool:
    """Say whether the next provider is asked after this answer.

    For life-safety after every answer but "taken": one provider's "no such number" may be its own mistake. Otherwise
    only when the provider itself can take nothing; what is temporary is tried again later.
    """
    if isinstance(result, Sent):
        return False
    return rank < LIFE_SAFETY_BELOW or isinstance(result, Unable)


def verdict(answers: Sequence[tuple[str, Result]]) -> Result:
    """Return what all the answers come to: taken by one, worth another try, or over."""
    name, last = answers[-1]
    if isinstance(last, Sent):
        return Sent(last.detail, last.provider or name, last.ref)
    details = "; ".join(f"{name}: {result.detail}" for name, result in answers) if len(answers) > 1 else last.detail
    if any(isinstance(result, Temporary) for _, result in answers):
        return Temporary(details)
    return Permanent(details)


class Chain:
    """The providers of one channel in order of preference; `missing` is what it says when there is none."""

    def __init__(self, providers: Sequence[Named], missing: str, *, now: Callable[[], float] | None = None) -> None:
        self._providers = {named.name: named.provider for named in providers}
        self._missing = missing
        self._now = now or (lambda: asyncio.get_running_loop().time())
        self._rests_until: dict[str, float] = {}

    async def send(self, address: str, effect_key: str, message: Mapping[str, Any]) -> Result:
        """Hand over to the first provider that takes it."""
        if not self._providers:
            return Permanent(self._missing)
        rank = int(message.get("rank", 0))
        answers: list[tuple[str, Result]] = []
        resting = {name for name, until in self._rests_until.items() if until > self._now()}
        for name in in_order(list(self._providers), resting, int(message.get("attempt", 1))):
            result = await self._ask(name, address, effect_key, message)
            answers.append((name, result))
            if not goes_on(result, rank):
                break
        return verdict(answers)

    async def cancel(self, ref: str) -> None:
        """Take back what is on its way, by whichever provider can: none knows the name of another's."""
        for provider in self._providers.values():
            if isinstance(provider, Recaller):
                await provider.cancel(ref)

    async def _ask(self, name: str, address: str, effect_key: str, message: Mapping[str, Any]) -> Result:
        try:
            result = await self._providers[name].send(address, effect_key, message)
        except asyncio.CancelledError:  # the sender's time is up: it hangs
            self._rest(name)
            raise
        if isinstance(result, Unable):
            self._rest(name)
        elif isinstance(result, Sent):
            self._rests_until.pop(name, None)
        return result

    def _rest(self, name: str) -> None:
        self._rests_until[name] = self._now() + REST_S
