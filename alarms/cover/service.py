"""Begins and ends covers, in the transaction of `session`: with an audit entry and a word to both control rooms."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.cover.domain import CoverWhy, Look, Running, decide, refusal
from alarms.cover.models import Cover, CoverAgreement
from alarms.cover.report import Report, report
from alarms.cover.repository import SYSTEM, CoverRepository
from alarms.escalation.domain import Address, Target
from alarms.escalation.ranks import URGENT
from alarms.notify.notices import Notice, notice_row
from alarms.notify.repository import ContactPointRepository
from telecare.kernel.audits import Audits
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, NotFoundError, RefusedError
from telecare.kernel.ids import new_id
from telecare.kernel.logging import get_logger
from telecare.kernel.outbox import OutboxRepository

log = get_logger("cover")

BACK = "They take their alarms again, and nothing has waited for 5 minutes"


class CoverService:
    """What the periodic look and the people of both control rooms do with covers."""

    def __init__(self, session: AsyncSession, audits: Audits) -> None:
        self.session = session
        self.covers = CoverRepository(session)
        self._audits = audits

    async def look(self) -> int:
        """Begin and end what is due; return how many covers that were."""
        agreements = await self.covers.lock_live()
        if not agreements:
            return 0
        now = await database_now(self.session)
        ids = [agreement.id for agreement in agreements]
        looks = await self.covers.looks(ids, now)
        covers = {cover.agreement_id: cover for cover in await self.covers.running(ids)}
        changed = 0
        for agreement in agreements:
            changed += await self._step(agreement, covers.get(agreement.id), looks[agreement.id])
        return changed

    async def _step(self, agreement: CoverAgreement, cover: Cover | None, look: Look) -> bool:
        before = None if cover is None else Running(CoverWhy(cover.why), cover.started_at, cover.back, cover.calm_since)
        after = decide(before, look, agreement.after_s)
        if cover is None:
            if after is not None:
                await self._begin(agreement, after.why, look, SYSTEM, None)
            return after is not None
        if after is None:
            await self._end(cover, look.now, SYSTEM, BACK)
            return True
        if after != before:
            cover.back, cover.calm_since = after.back, after.calm_since
        return False

    async def start(self, agreement_id: UUID, why: CoverWhy, reason: str | None, by: str, *, own: bool) -> Cover:
        """Begin a cover by hand; RefusedError when a rule forbids it, ConflictError when one is on already."""
        agreement = await self._lock(agreement_id)
        look = await self._look_at(agreement)
        if await self.covers.running([agreement.id]):
            raise ConflictError("This cover is on already")
        words = refusal(why, own=own, lag_s=look.lag_s, after_s=agreement.after_s)
        if words is not None:
            raise RefusedError(words)
        return await self._begin(agreement, why, look, by, reason)

    async def end(self, cover_id: UUID, by: str, why: str) -> Cover:
        """End a cover by hand; ConflictError when it has ended already."""
        cover = await self.covers.get(cover_id)
        if cover is None:
            raise NotFoundError(f"There is no cover {cover_id}")
        await self.covers.lock(cover.agreement_id)
        await self.session.refresh(cover)
        if cover.ended_at is not None:
            raise ConflictError("This cover has ended already")
        await self._end(cover, await database_now(self.session), by, why)
        return cover

    async def end_agreement(self, agreement_id: UUID, by: str) -> CoverAgreement:
        """End an agreement, and the cover that is on by it."""
        agreement = await self._lock(agreement_id)
        now = await database_now(self.session)
        for cover in await self.covers.running([agreement.id]):
            await self._end(cover, now, by, "The agreement was ended")
        agreement.ended_at, agreement.ended_by = now, by
        await self.session.flush()
        return agreement

    async def report(self, cover: Cover) -> Report:
        """Return what a cover has done, so far if it is on."""
        until = cover.ended_at or await database_now(self.session)
        return report(await self.covers.cases(cover, until), cover.started_at, until)

    async def _lock(self, agreement_id: UUID) -> CoverAgreement:
        agreement = await self.covers.lock(agreement_id)
        if agreement is None or agreement.ended_at is not None:
            raise NotFoundError(f"There is no agreement {agreement_id}")
        return agreement

    async def _look_at(self, agreement: CoverAgreement) -> Look:
        now = await database_now(self.session)
        return (await self.covers.looks([agreement.id], now))[agreement.id]

    async def _begin(self, agreement: CoverAgreement, why: CoverWhy, look: Look, by: str, reason: str | None) -> Cover:
        cover = Cover(
            id=new_id(),
            agreement_id=agreement.id,
            council_id=agreement.council_id,
            partner_id=agreement.partner_id,
            why=why,
            lag_s=round(look.lag_s) if why is CoverWhy.LAG else None,
            reason=reason,
            started_by=by,
            started_at=look.now,
            back=False,
        )
        self.session.add(cover)
        await self.session.flush()
        await self._tell("started", cover, by, reason)
        return cover

    async def _end(self, cover: Cover, now: datetime, by: str, why: str) -> None:
        cover.ended_at, cover.ended_by, cover.ended_why = now, by, why
        await self.session.flush()
        await self._tell("ended", cover, by, why)

    async def _tell(self, what: str, cover: Cover, by: str, reason: str | None) -> None:
        """Write it into the audit of both councils, and tell the supervisors of both."""
        log.warning("cover", what=what, council_id=cover.council_id, partner_id=cover.partner_id, why=cover.why)
        details = {"why": cover.why, "lag_s": cover.lag_s, "covered": cover.council_id, "partner": cover.partner_id}
        both = (cover.council_id, cover.partner_id)
        for council_id in both:
            await self._audits.add(by, f"cover_{what}", "cover", cover.id, council_id, reason, details)
        names = await self.covers.names(both)
        covered, partner = (names[code] for code in both)
        text = ended_words(covered, partner, cover) if what == "ended" else started_words(covered, partner, cover)
        rows: dict[str, dict[str, Any]] = {}
        for council_id in both:
            parties = await ContactPointRepository(self.session).parties_for(council_id)
            for to in _addresses(parties.get(Target.SUPERVISOR, ())):
                key = f"{Notice.COVER}:{cover.id}:{what}:{_short(to)}"
                subject = f"Cover of {covered} by {partner} has {'begun' if what == 'started' else 'ended'}"
                data = {
                    "cover_id": str(cover.id),
                    "what": what,
                    "covered": cover.council_id,
                    "partner": cover.partner_id,
                }
                rows[key] = notice_row(
                    Notice.COVER, key, to, about=cover.id, council_id=council_id, subject=subject, text=text,
                    data=data, rank=URGENT,
                )  # fmt: skip
        OutboxRepository(self.session).add(list(rows.values()))


def started_words(covered: str, partner: str, cover: Cover) -> str:
    """Return what both control rooms are told when a cover begins."""
    why = {
        CoverWhy.LAG: f"Nobody there has taken a life-safety alarm for {in_minutes(cover.lag_s or 0)}.",
        CoverWhy.DECLARED: f"{covered} has asked for it.",
        CoverWhy.EXERCISE: "This is an exercise.",
    }[CoverWhy(cover.why)]
    reason = f" {cover.reason}." if cover.reason else ""
    return (
        f"{partner} covers {covered} from now on. {why}{reason} Operators of {partner} see its alarms on their board."
    )


def ended_words(covered: str, partner: str, cover: Cover) -> str:
    """Return what both control rooms are told when a cover ends."""
    lasted = in_minutes(round(((cover.ended_at or cover.started_at) - cover.started_at) / timedelta(seconds=1)))
    kept = f"Cases that somebody of {partner} has stay with them until they give them back or close them."
    return f"{partner} no longer covers {covered}, after {lasted}: {cover.ended_why}. {kept}"


def in_minutes(seconds: int) -> str:
    """Return a duration as 2:40, with hours before it when there are some."""
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _addresses(parties: Any) -> Iterator[Address]:
    for party in parties:
        for rule in party.rules:
            yield rule.to


def _short(to: Address) -> str:
    """Return a name for an address that does not tell it: some are keys to somebody's account."""
    return hashlib.sha256(f"{to.channel}:{to.address}".encode()).hexdigest()[:16]
