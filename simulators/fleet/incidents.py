"""What the service made of a storm: the incidents that it has opened since, asked of its HTTP API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

NAMED = 12


@dataclass(frozen=True)
class Service:
    """Where the service is, and a token that may see alarms."""

    url: str
    token: str


class IncidentsError(Exception):
    """The service did not tell; the text says why."""


class Incidents:
    """Those that were not there when `begin` was called."""

    def __init__(self, service: Service) -> None:
        self._url = f"{service.url.rstrip('/')}/api/v1/incidents"
        self._headers = {"Authorization": f"Bearer {service.token}"}
        self._before: frozenset[str] = frozenset()

    async def begin(self) -> None:
        """Note which there are already. IncidentsError."""
        self._before = frozenset(one["id"] for one in await self._all())

    async def since(self) -> list[dict[str, Any]]:
        """Return `words`, `state` and how many homes are or were in each. IncidentsError."""
        return [
            {
                "words": one["words"],
                "state": one["state"],
                "homes": one["joined"] + one["returned"] + one["stayed"],
            }
            for one in reversed(await self._all())
            if one["id"] not in self._before
        ]

    async def _all(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        try:
            async with httpx.AsyncClient(headers=self._headers, trust_env=False, timeout=10) as client:
                while True:
                    asked = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
                    reply = await client.get(self._url, params=asked)
                    reply.raise_for_status()
                    page = reply.json()
                    found += page["items"]
                    cursor = page["next"]
                    if cursor is None:
                        return found
        except httpx.HTTPStatusError as error:
            raise IncidentsError(f"{self._url}: the service answers {error.response.status_code}") from error
        except httpx.HTTPError as error:
            raise IncidentsError(f"{self._url}: {error or type(error).__name__}") from error


def words(incidents: Sequence[dict[str, Any]]) -> list[str]:
    """Return them as a person reads it, the first ones by name."""
    lines = [f"incidents: {len(incidents)}"]
    lines += [f"  {one['words']}: {one['homes']} homes, {one['state']}" for one in incidents[:NAMED]]
    return lines + ([f"  and {len(incidents) - NAMED} more"] if len(incidents) > NAMED else [])
