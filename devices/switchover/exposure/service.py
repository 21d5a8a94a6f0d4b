"""Keeps the exposure list: facts open and close entries, people plan what is done about them."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.domain import LineKind
from devices.switchover.exposure.domain import (
    CAUSES,
    DIGITAL_LINES,
    STANDS,
    ExposureCause,
    Verdict,
    due_at,
    judge,
    known_since,
)
from devices.switchover.exposure.models import Exposure
from devices.switchover.exposure.repository import ExposureRepository
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, RefusedError

SYSTEM = "system"
AT_ONCE = 2_000
"""So many are put on the list in one look; the next finds the others."""
NEVER_BEFORE = "The day is over: give the next action a day that is still to come"


class StaleExposureError(ConflictError):
    """The command was given on an older version of the entry than the present one."""

    slug, title = "stale", "The entry has changed"


@dataclass
class Looked:
    """What a look came to."""

    opened: int = 0
    closed: int = 0
    gone: int = 0


class ExposureService:
    """The list in the transaction of `session`; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.entries = ExposureRepository(session, councils)

    async def look(self) -> Looked:
        """Put every exposed unit on the list, and end what the facts have ended; one look at a time."""
        done = Looked()
        if not await self.entries.lock_looks():
            return done
        # What is found is put on the list before anything ends: a unit that takes another's place has its age.
        done.opened = await self._open()
        judged = {
            entry: verdict
            for entry, (facts, gone) in (await self.entries.facts()).items()
            if (verdict := judge(facts)) != Verdict(gone=gone)
        }
        for entry in await self.entries.lock(list(judged)):
            await self._follow(entry, judged[entry.id], done)
        return done

    async def _open(self) -> int:
        found = await self.entries.found(AT_ONCE)
        now = await database_now(self.session)
        for row in found:
            columns = dict(row)
            installed, checked_on = columns.pop("installed"), columns.pop("checked_on")
            since = columns.pop("goes_on_from") or known_since(checked_on, installed, now)
            entry = await self.entries.add(
                **columns, known_since=since, found_at=now, due_at=due_at(None, now), version=1
            )
            await self.entries.say(entry, SYSTEM, "Found: an analogue unit on a line that is digital already")
        return len(found)

    async def _follow(self, entry: Exposure, verdict: Verdict, done: Looked) -> None:
        if verdict.cause is not None:
            await self._close(entry, verdict.cause, None, None)
            await self.entries.say(entry, SYSTEM, CAUSES[verdict.cause])
            done.closed += 1
        elif verdict.gone != entry.gone:
            entry.gone, entry.version = verdict.gone, entry.version + 1
            await self.session.flush()
            await self.entries.say(entry, SYSTEM, verdict.gone or "It is exposed again")
            done.gone += verdict.gone is not None

    async def plan(
        self, exposure_id: UUID, owner: str, next_action: str, next_on: date, by: str, as_of: int | None = None
    ) -> Exposure:
        """Say who has an entry, what they do next and on which day; that is what a human is told of when it is late."""
        entry = await self._lock(exposure_id, as_of)
        now = await database_now(self.session)
        if due_at(next_on, now) <= now:
            raise RefusedError(NEVER_BEFORE, field="next_on")
        entry.owner, entry.next_action, entry.next_on = owner, next_action, next_on
        entry.due_at, entry.overdue_told_at, entry.version = due_at(next_on, now), None, entry.version + 1
        await self.session.flush()
        await self.entries.say(entry, by, f"{owner} has it. By {next_on:%d %B %Y}: {next_action}")
        return entry

    async def close(
        self, exposure_id: UUID, cause: ExposureCause, reason: str, actor: tuple[str, str], as_of: int,
        line_kind: LineKind | None = None,
    ) -> Exposure:  # fmt: skip
        """End an entry by what a person knows; RefusedError when the facts say that the unit is still exposed.

        Or when nobody has it yet: of what is known, somebody must have done something (Moray's review of 2024).

        `actor`: their name and how the audit names them. `line_kind`: what the home's digital lines really are.
        """
        name, label = actor
        entry = await self._lock(exposure_id, as_of)
        if entry.next_action is None:
            raise RefusedError("Nobody has it yet: write down who does what next, and then end it", field="cause")
        if cause is ExposureCause.LINE_CORRECTED:
            await self._correct(entry, line_kind)
        elif not any(line.kind == LineKind.PSTN for line in await self.entries.lines(entry.premises_id)):
            raise RefusedError(
                "The register has no analogue line in this home: put the line in first, as it was checked",
                field="cause",
            )
        await self._close(entry, cause, label, reason, name)
        await self.entries.say(entry, name, f"{CAUSES[cause]}: {reason}")
        return entry

    async def _correct(self, entry: Exposure, line_kind: LineKind | None) -> None:
        if line_kind is not None:
            if line_kind in DIGITAL_LINES:
                raise RefusedError("A digital line is what exposes this unit: swap the unit", field="line_kind")
            await self.entries.lines(entry.premises_id)
            changed = await self.entries.correct_lines(entry.premises_id, line_kind)
            await self.entries.say(entry, SYSTEM, f"{changed} line(s) of this home are {line_kind} in the register now")
        verdict = judge((await self.entries.facts(entry.id))[entry.id][0])
        if verdict == STANDS:
            raise RefusedError(
                "The register still has a digital line for this home: say what the line is", field="line_kind"
            )

    async def _close(
        self, entry: Exposure, cause: ExposureCause, label: str | None, reason: str | None, name: str | None = None
    ) -> None:
        entry.closed_at, entry.cause = await database_now(self.session), cause
        entry.closed_by, entry.reason, entry.owner = label, reason, entry.owner or name
        entry.version += 1
        await self.session.flush()

    async def _lock(self, exposure_id: UUID, as_of: int | None) -> Exposure:
        entry = await self.entries.require(exposure_id, lock=True)
        if as_of is not None and as_of != entry.version:
            raise StaleExposureError(
                "The entry has changed since you saw it: look and try again", version=entry.version
            )
        if entry.closed_at is not None:
            raise RefusedError("This entry has ended; a unit that is exposed again gets another one")
        return entry
