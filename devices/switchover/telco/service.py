"""Shares numbers under an agreement, takes what providers send, and keeps holds. All of it by the database's clock."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.domain import Connection
from devices.switchover.telco.domain import (
    DEVICE_TYPES,
    Agreement,
    MatchResult,
    Purpose,
    as_file,
    objection,
)
from devices.switchover.telco.models import TelcoAgreement, TelcoBatch, TelcoHold, TelcoNotice
from devices.switchover.telco.reading import ReadMatch, ReadNotice
from devices.switchover.telco.repository import TelcoRepository
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, InvalidError, RefusedError
from telecare.kernel.ids import new_id

LONDON = ZoneInfo("Europe/London")
FARTHEST = timedelta(days=5 * 366)


@dataclass
class Taken:
    """What became of a file of a provider: new, changed, come again unchanged; numbers of no batch or home; held."""

    new: int = 0
    changed: int = 0
    again: int = 0
    unknown: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)


def terms_of(row: TelcoAgreement) -> Agreement:
    """Return an agreement as far as its use is decided by it."""
    return Agreement(row.starts_on, row.review_on, frozenset(row.fields), row.ended_at is not None)


class TelcoService:
    """The loop with the providers in the transaction of `session`; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.telco = TelcoRepository(session, councils)

    async def today(self) -> date:
        """Return the day in London, by the database's clock."""
        return (await database_now(self.session)).astimezone(LONDON).date()

    async def agree(self, council_id: str, provider: str, by: str, **columns: object) -> TelcoAgreement:
        """Make an agreement; ConflictError while one with this provider is in force."""
        if await self.telco.in_force(council_id, provider):
            raise ConflictError(f"There is an agreement with {provider} already: end that one first")
        agreement = TelcoAgreement(
            id=new_id(), council_id=council_id, provider=provider, made_by=by,
            made_at=await database_now(self.session), **columns,
        )  # fmt: skip
        await self.telco.add(agreement)
        return agreement

    async def end_agreement(self, agreement_id: UUID, why: str, by: str) -> TelcoAgreement:
        """End an agreement: nothing is shared under it any more."""
        agreement = await self.telco.agreement(agreement_id, lock=True)
        if agreement.ended_at is not None:
            raise RefusedError("This agreement has ended already")
        agreement.ended_at, agreement.ended_by, agreement.ended_why = await database_now(self.session), by, why
        await self.session.flush()
        return agreement

    async def share(self, agreement_id: UUID, purpose: Purpose, by: str) -> TelcoBatch:
        """Make a batch of what the register knows now; RefusedError says why nothing may or can be shared."""
        agreement = await self.telco.agreement(agreement_id, lock=True)
        today = await self.today()
        if (why := objection(terms_of(agreement), today)) is not None:
            raise RefusedError(why)
        found = await self.telco.numbers_for(agreement, purpose, today)
        if not found:
            raise RefusedError("No line with a number and a unit fits this purpose: there is nothing to tell")
        numbers = [(number, DEVICE_TYPES[Connection(connection)]) for number, connection in found]
        batch = TelcoBatch(
            id=new_id(), council_id=agreement.council_id, agreement_id=agreement.id, purpose=purpose,
            row_count=len(numbers), sha256=hashlib.sha256(as_file(numbers)).hexdigest(), made_by=by,
            made_at=await database_now(self.session),
        )  # fmt: skip
        await self.telco.add(batch)
        await self.telco.add_numbers(batch, numbers)
        return batch

    async def to_confirm(self, agreement: TelcoAgreement) -> Sequence[str]:
        """Return the numbers of which the next batch tells that a solution is confirmed: a visit that ends adds its."""
        found = await self.telco.numbers_for(agreement, Purpose.SOLUTION_CONFIRMED, await self.today())
        return [number for number, _ in found]

    async def hand_out(self, batch_id: UUID, by: str) -> tuple[TelcoBatch, bytes]:
        """Return the file of a batch, once; RefusedError when it has left already."""
        batch = await self.telco.batch(batch_id, lock=True)
        if batch.downloaded_at is not None:
            raise RefusedError("This batch has been downloaded: it leaves once. Make another one if it was lost")
        file = as_file(await self.telco.numbers_of(batch_id))
        if hashlib.sha256(file).hexdigest() != batch.sha256:
            raise RefusedError("What is kept of this batch is not what its hash says: do not send it, make another one")
        batch.downloaded_at, batch.downloaded_by = await database_now(self.session), by
        await self.session.flush()
        return batch, file

    async def match(self, batch_id: UUID, found: Sequence[ReadMatch]) -> Taken:
        """Take what the provider found of the numbers of a batch."""
        batch, now, taken = await self.telco.batch(batch_id, lock=True), await database_now(self.session), Taken()
        for result in MatchResult:
            asked = {one.number for one in found if one.result is result}
            known = set(await self.telco.match(batch.id, result, sorted(asked), now)) if asked else set()
            taken.changed += len(known)
            taken.unknown += sorted(asked - known)
        return taken

    async def take(self, council_id: str, provider: str, notices: Sequence[ReadNotice], by: str) -> Taken:
        """Take notices. What comes again changes what is there; a hold is the number's and no notice touches it."""
        now, taken = await database_now(self.session), Taken()
        for one in sorted(notices, key=lambda each: each.number):
            if abs(one.planned_at - now) > FARTHEST:
                where = "body.planned_at"
                errors = [{"where": where, "what": "this is more than five years away"}]
                raise InvalidError(f"The notice of {one.number} has no time that is possible", errors=errors)
            await self._take(council_id, provider, one, by, now, taken)
            if await self.telco.hold_of(council_id, one.number) is not None:
                taken.held.append(one.number)
        known = await self.telco.known([(council_id, one.number) for one in notices]) if notices else set()
        taken.unknown += sorted({one.number for one in notices if (council_id, one.number) not in known})
        return taken

    async def _take(
        self, council_id: str, provider: str, one: ReadNotice, by: str, now: datetime, taken: Taken
    ) -> None:
        notice = await self.telco.notice_of(council_id, one.number, provider)
        if notice is None:
            await self.telco.add(
                TelcoNotice(
                    id=new_id(), council_id=council_id, provider=provider, number=one.number,
                    planned_at=one.planned_at, kind=one.kind, status=one.status, first_at=now, last_at=now,
                    received_by=by,
                )
            )  # fmt: skip
            taken.new += 1
            return
        same = (notice.planned_at, notice.kind, notice.status) == (one.planned_at, one.kind, one.status)
        notice.planned_at, notice.kind, notice.status = one.planned_at, one.kind, one.status
        notice.issued, notice.last_at, notice.received_by = notice.issued + 1, now, by
        await self.session.flush()
        taken.again += same
        taken.changed += not same

    async def hold(self, council_id: str, number: str, until: date | None, reason: str, by: str) -> TelcoHold:
        """Keep a number from being migrated, through a day or until it is lifted; a hold that is there changes."""
        if until is not None and until < await self.today():
            raise RefusedError("This day is over: give the last day of the hold, or none", field="until")
        found, now = await self.telco.hold_of(council_id, number), await database_now(self.session)
        if found is not None:
            found.until, found.reason, found.set_by, found.set_at = until, reason, by, now
            await self.session.flush()
            return found
        made = TelcoHold(
            id=new_id(), council_id=council_id, number=number, until=until, reason=reason, set_by=by, set_at=now
        )
        await self.telco.add(made)
        return made

    async def lift(self, hold_id: UUID, why: str, by: str) -> TelcoHold:
        """Lift a hold."""
        hold = await self.telco.hold(hold_id, lock=True)
        if hold.lifted_at is not None:
            raise RefusedError("This hold was lifted already")
        hold.lifted_at, hold.lifted_by, hold.lifted_why = await database_now(self.session), by, why
        await self.session.flush()
        return hold
