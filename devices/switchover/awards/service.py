"""Puts the report together, and keeps what people attest and councils enter."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.councils import COUNCILS
from devices.switchover.awards.domain import ATTESTED, Progress
from devices.switchover.awards.models import AwardAttestation
from devices.switchover.awards.report import SwitchoverReportOut, report_of
from devices.switchover.awards.repository import AwardRepository
from devices.switchover.awards.schemas import AttestIn, CostsIn, reported
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, InvalidError, RefusedError

NOTHING = Progress(0, 0, 0, 0)


class AwardService:
    """Awards in the transaction of `session`; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.awards = AwardRepository(session, councils)

    async def report(self, council: str | None = None) -> SwitchoverReportOut:
        """Return the report on every council that has users here, or on one, and which have none."""
        days, costs = await self.awards.days(), await self.awards.costs()
        progress, exposed = await self.awards.progress(), await self.awards.exposed()
        attested = await self.awards.attestations()
        found = [
            reported(
                code, listed, [row for row in attested if row.council_id == code], costs.get(code, {}),
                progress.get(code, NOTHING), exposed.get(code, 0),
            )
            for code, listed in days.items()
            if council in {None, code}
        ]  # fmt: skip
        mine = self.awards.councils or COUNCILS
        return report_of(found, [code for code in mine if council in {None, code}])

    async def attest(self, body: AttestIn, by: str) -> AwardAttestation:
        """Keep what somebody attests; what is counted cannot be attested."""
        if body.criterion not in ATTESTED:
            errors = [{"where": "body.criterion", "what": f"one of {', '.join(sorted(ATTESTED))}"}]
            raise InvalidError("This criterion is counted, or there is none of this name", errors=errors)
        now = await database_now(self.session)
        if body.met_on > now.date():
            raise RefusedError("This day has not come", field="met_on")
        made = await self.awards.attest(body.council_id, body.criterion, body.evidence, body.met_on, by, now)
        if made is None:
            raise ConflictError("This is attested already: withdraw that first if it was wrong")
        return made

    async def withdraw(self, attestation_id: UUID, why: str, by: str) -> AwardAttestation:
        """Take an attestation back; it is kept with who did and why."""
        row = await self.awards.attestation(attestation_id)
        if row.withdrawn_at is not None:
            raise RefusedError("This attestation was withdrawn already")
        row.withdrawn_at, row.withdrawn_by, row.withdrawn_why = await database_now(self.session), by, why
        await self.session.flush()
        return row

    async def enter(self, body: CostsIn, by: str) -> None:
        """Keep a council's costs."""
        await self.awards.enter(body.council_id, body.items, body.source, by, await database_now(self.session))
