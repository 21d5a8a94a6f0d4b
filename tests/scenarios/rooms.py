"""Control rooms while a scenario runs: operators who see and handle alarms over the API; one room may cover another."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.cover.models import Cover
from alarms.cover.tasks import EVERY_S, CoverWatch
from alarms.escalation.codec import replay
from alarms.handling.models import Alarm
from alarms.handling.repository import AlarmRepository
from alarms.policy.scenario import EventPart
from alarms.policy.scenario_checks import CheckPart
from telecare.access.accounts import create_api_token
from telecare.access.domain import UserRole
from telecare.access.repository import AuditRepository
from tests.scenarios.stage import Stage

if TYPE_CHECKING:
    from tests.scenarios.database_run import DatabaseRun

COUNCILS = {"partner": "S12000049", "other": "S12000014"}
EMPTY = text("TRUNCATE cover, cover_agreement, api_token CASCADE")


class Rooms(Stage):
    """Each operator has a token of their own council; those of `partner` cover ours by an agreement."""

    def __init__(self, run: DatabaseRun) -> None:
        super().__init__(run)
        self.operators: dict[str, httpx.AsyncClient] = {}
        self._opened = AsyncExitStack()
        self._watch = CoverWatch(run.database, AuditRepository)
        self._looks_at: datetime | None = None

    async def build(self) -> None:
        rooms = self.run.scenario.rooms
        if not rooms:
            return
        async with self.run.database.transaction() as session:
            await session.execute(EMPTY)
        ours = await self.run.council()
        for room, names in rooms.items():
            for name in names:
                self.operators[name] = await self._log_in(name, COUNCILS.get(room, ours), UserRole.OPERATOR)
        self._boss = await self._log_in("boss", ours, UserRole.ADMINISTRATOR)
        if "partner" in rooms:
            body = {"council_id": ours, "partner_id": COUNCILS["partner"]}
            self._agreement = (await self._boss.post("/covers/agreements", json=body)).raise_for_status().json()["id"]
            self._looks_at = self.run.now

    async def _log_in(self, name: str, council: str, role: UserRole) -> httpx.AsyncClient:
        async with self.run.database.transaction() as session:
            issued = await create_api_token(session, name=name, role=role, councils=[council])
        return await self._opened.enter_async_context(self.run.web.of(issued.plain))

    async def act(self, event: EventPart, alarm_id: UUID) -> str | None:
        """Give a command over the API on the alarm as it is now, or as they have `seen` it.

        Return why it was refused, None if it was not.
        """
        client = self.operators[event.by]
        if event.seen is None:
            shown = await client.get(f"/alarms/{alarm_id}")
            as_of = {"as_of": shown.json()["version"] if shown.is_success else 1}
        else:
            as_of = {"as_of": await self._version_at(alarm_id, timedelta(seconds=event.seen))}
        command, more = _command(event)
        reply = await client.post(f"/alarms/{alarm_id}/{command}", json=as_of | more)
        return None if reply.is_success else str(reply.json()["detail"])

    async def _version_at(self, alarm_id: UUID, since_start: timedelta) -> int:
        """Return the version that an alarm's page showed at a moment."""
        moment = self.run.scenario.start + since_start
        async with self.run.database.transaction() as session:
            lines = await AlarmRepository(session).log_of(alarm_id)
        state = replay((line.at, line.input) for line in lines if line.input is not None and line.at <= moment)
        assert state is not None
        return state.version

    async def happen(self, event: EventPart) -> bool:
        if event.cover is None:
            return False
        if event.cover == "ended":
            (running,) = [one for one in (await self._boss.get("/covers")).json()["items"] if one["ended_at"] is None]
            reply = await self._boss.post(f"/covers/{running['id']}/end", json={"why": event.why or "it is over"})
        else:
            body = {"agreement_id": self._agreement, "why": event.cover}
            reply = await self._boss.post("/covers", json=body)
        reply.raise_for_status()
        return True

    async def drive(self) -> bool:
        if self._looks_at is None or self.run.now < self._looks_at:
            return False
        self._looks_at = self.run.now + timedelta(seconds=EVERY_S)
        return bool(await self._watch.look())

    async def next(self) -> datetime | None:
        return self._looks_at

    async def check(self, wanted: CheckPart) -> list[str]:
        looks = (self._sight(wanted), self._holders(wanted), self._report(wanted), self._figures(wanted.counted))
        return [fault for look in looks for fault in await look]

    async def _sight(self, wanted: CheckPart) -> list[str]:
        names = {str(alarm_id): name for name, alarm_id in self.run.alarms.items()}
        found: list[str] = []
        known: dict[str, Any] = {}
        for name, alarms in wanted.sees.items():
            client = self.operators[name]
            listed = (await client.get("/alarms?handling=open&limit=200")).raise_for_status().json()["items"]
            seen = sorted(names.get(item["id"], item["type"]) for item in listed)
            if seen != sorted(alarms):
                found.append(f"{name} sees {', '.join(seen) or 'nothing'}, not {', '.join(alarms) or 'nothing'}")
            for item in listed:
                whole = (await client.get(f"/alarms/{item['id']}")).raise_for_status().json()
                if known.setdefault(item["id"], whole) != whole:
                    found.append(f"{name} sees {names.get(item['id'])} otherwise than somebody else does")
        return found

    async def _holders(self, wanted: CheckPart) -> list[str]:
        found: list[str] = []
        async with self.run.database.transaction() as session:
            for name, holder in wanted.held_by.items():
                row = select(Alarm.assigned_name).where(Alarm.id == self.run.alarms.get(name))
                has = (await session.execute(row)).scalar_one_or_none()
                if has != holder:
                    found.append(f"{has or 'nobody'} has alarm {name}, not {holder or 'nobody'}")
        return found

    async def _report(self, wanted: CheckPart) -> list[str]:
        """Hold against it what the report of the last cover says, which goes by the logs."""
        if not wanted.reported:
            return []
        (last, *_) = (await self._boss.get("/covers")).raise_for_status().json()["items"]
        cases = (await self._boss.get(f"/covers/{last['id']}")).raise_for_status().json()["cases"]
        found = {case["alarm_id"]: case["answered_s"] for case in cases}
        return [
            f"alarm {name} was taken after {found.get(alarm_id)} s by the report, not after {after} s"
            for name, after in wanted.reported.items()
            if found.get(alarm_id := str(self.run.alarms.get(name))) != after
        ]

    async def _figures(self, wanted: int | None) -> list[str]:
        """Hold against it how many open alarms `/metrics` has."""
        if wanted is None:
            return []
        families = text_string_to_metric_families(await self.run.web.metrics())
        samples = [sample for family in families for sample in family.samples]
        found = sum(sample.value for sample in samples if sample.name == "telecare_alarms_open")
        return [] if found == wanted else [f"the figures count {found:g} alarms, not {wanted}"]

    async def names(self, session: AsyncSession) -> dict[UUID, str]:
        return dict.fromkeys((await session.execute(select(Cover.id))).scalars(), "cover")

    async def close(self) -> None:
        await self._opened.aclose()


def _command(event: EventPart) -> tuple[str, dict[str, Any]]:
    """Return the command of the API that an act of a file is, and what goes with it."""
    if event.close is not None:
        more = {"outcome": event.close, "reason": event.why, "voice_confirmed": event.voice_confirmed}
        return "close", more
    acts: dict[str, tuple[str, dict[str, Any]]] = {
        "ack": ("ack", {}),
        "take_over": ("ack", {"take_over": True}),
        "renew": ("renew", {}),
        "attend": ("attend", {"who": event.why or "A responder", "arrive_in_minutes": (event.arrive_in or 2700) // 60}),
        "shelve": ("shelve", {"minutes": event.for_ // 60, "reason": event.why}),
        "release": ("release", {"reason": event.why}),
        "hold": ("hold", {"reason": event.why}),
        "escalate": ("escalate", {"reason": event.why}),
    }
    return acts[str(event.act)]
