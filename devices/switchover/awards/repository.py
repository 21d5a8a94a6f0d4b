"""All queries on days, attestations and costs, and the counts of the fleet behind them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from devices.switchover.awards.domain import CostItem, Day, Progress
from devices.switchover.awards.models import AwardAttestation, AwardDay, SwitchoverCost
from telecare.kernel.errors import NotFoundError
from telecare.kernel.ids import new_id

_TRY_LOOK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('awards', 7015))")
# The last moment of the day in London, or now while the day lasts.
_COUNT = text(
    """
    WITH moment AS (
        SELECT least(clock_timestamp(), ((CAST(:day AS date) + 1) AT TIME ZONE 'Europe/London') - interval '1 us') AS at
    ), users AS (
        SELECT i.council_id, i.person_id,
               bool_or(h.connection IN ('digital', 'digital_ready')) AS ready,
               bool_or(h.connection = 'digital' AND i.accepted_at <= moment.at) AS live
          FROM moment
          JOIN installation i ON i.period @> moment.at
          JOIN hub h ON h.hub_id = i.hub_id
         GROUP BY i.council_id, i.person_id
    )
    INSERT INTO award_day (council_id, day, users, digital_ready, live_digital, counted_at)
    SELECT council_id, :day, count(*), count(*) FILTER (WHERE ready), count(*) FILTER (WHERE live), clock_timestamp()
      FROM users GROUP BY council_id
    ON CONFLICT (council_id, day) DO UPDATE SET
        users = excluded.users, digital_ready = excluded.digital_ready, live_digital = excluded.live_digital,
        counted_at = excluded.counted_at
    """
)
_PROGRESS = text(
    """
    SELECT i.council_id, count(DISTINCT i.id) AS swaps,
           coalesce(sum(months), 0) AS digital_months
      FROM (SELECT i.id, i.council_id,
                   greatest(0, floor(extract(epoch FROM least(coalesce(upper(i.period), now()), now()) - i.accepted_at)
                                     / 2629800))::int AS months
              FROM installation i JOIN hub h ON h.hub_id = i.hub_id
             WHERE h.connection = 'digital' AND i.accepted_at IS NOT NULL) i
     GROUP BY i.council_id
    """
)
_VISITS = text(
    """
    SELECT council_id, count(*) FILTER (WHERE to_state IN ('on_site', 'no_access')) AS visits,
           count(*) FILTER (WHERE to_state = 'no_access') AS no_access
      FROM visit_log GROUP BY council_id
    """
)
_EXPOSED = text("SELECT council_id, count(*) FROM exposure WHERE closed_at IS NULL GROUP BY council_id")


class AwardRepository:
    """Reads and writes in the transaction of `session`; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.councils = councils

    async def lock_looks(self) -> bool:
        """Take the turn to count; False when somebody else has it."""
        return bool((await self.session.execute(_TRY_LOOK)).scalar_one())

    async def last_day(self) -> date | None:
        """Return the last day that was counted."""
        return (await self.session.execute(select(func.max(AwardDay.day)))).scalar_one()

    async def count(self, day: date) -> None:
        """Count all councils as of the end of a day, or as of now when it is today."""
        await self.session.execute(_COUNT, {"day": day})

    async def days(self) -> dict[str, list[Day]]:
        """Return the days of every council that was ever counted, in their order."""
        statement = select(AwardDay).order_by(AwardDay.council_id, AwardDay.day)
        if self.councils:
            statement = statement.where(AwardDay.council_id.in_(self.councils))
        found: dict[str, list[Day]] = {}
        for row in (await self.session.execute(statement)).scalars():
            found.setdefault(row.council_id, []).append(Day(row.day, row.users, row.digital_ready, row.live_digital))
        return found

    async def attestations(self) -> list[AwardAttestation]:
        """Return what is attested now."""
        statement = select(AwardAttestation).where(AwardAttestation.withdrawn_at.is_(None))
        if self.councils:
            statement = statement.where(AwardAttestation.council_id.in_(self.councils))
        rows = await self.session.execute(statement.order_by(AwardAttestation.council_id, AwardAttestation.criterion))
        return list(rows.scalars())

    async def attestation(self, attestation_id: UUID) -> AwardAttestation:
        """Return an attestation, locked, or raise NotFoundError."""
        statement = select(AwardAttestation).where(AwardAttestation.id == attestation_id).with_for_update()
        if self.councils:
            statement = statement.where(AwardAttestation.council_id.in_(self.councils))
        found = (await self.session.execute(statement)).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"There is no attestation {attestation_id}")
        return found

    async def attest(
        self, council_id: str, criterion: str, evidence: str, met_on: date, by: str, now: datetime
    ) -> AwardAttestation | None:
        """Put in an attestation; None when there is one already."""
        columns = {"council_id": council_id, "criterion": criterion, "evidence": evidence, "met_on": met_on}
        statement = (
            insert(AwardAttestation)
            .values(id=new_id(), attested_by=by, attested_at=now, **columns)
            .on_conflict_do_nothing()
            .returning(AwardAttestation)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def costs(self) -> dict[str, dict[str, SwitchoverCost]]:
        """Return what councils have entered, by council and item."""
        statement = select(SwitchoverCost)
        if self.councils:
            statement = statement.where(SwitchoverCost.council_id.in_(self.councils))
        found: dict[str, dict[str, SwitchoverCost]] = {}
        for row in (await self.session.execute(statement)).scalars():
            found.setdefault(row.council_id, {})[row.item] = row
        return found

    async def enter(self, council_id: str, items: Mapping[CostItem, int], source: str, by: str, now: datetime) -> None:
        """Keep what a council enters; an item that is there gets the new amount."""
        rows = [
            {
                "council_id": council_id,
                "item": item,
                "pence": pence,
                "source": source,
                "entered_by": by,
                "entered_at": now,
            }
            for item, pence in items.items()
        ]
        statement = insert(SwitchoverCost).values(rows)
        fresh = {name: statement.excluded[name] for name in ("pence", "source", "entered_by", "entered_at")}
        await self.session.execute(statement.on_conflict_do_update(index_elements=["council_id", "item"], set_=fresh))

    async def progress(self) -> dict[str, Progress]:
        """Return what is counted of the swaps and visits of each council."""
        swaps = {row.council_id: row for row in await self.session.execute(_PROGRESS)}
        visits = {row.council_id: row for row in await self.session.execute(_VISITS)}
        found = {}
        for council in swaps.keys() | visits.keys():
            swap, visit = swaps.get(council), visits.get(council)
            found[council] = Progress(
                swap.swaps if swap else 0,
                visit.visits if visit else 0,
                visit.no_access if visit else 0,
                int(swap.digital_months) if swap else 0,
            )
        return found

    async def exposed(self) -> dict[str, int]:
        """Return how many units of each council are exposed."""
        return {row[0]: row[1] for row in await self.session.execute(_EXPOSED)}


def since_last(last: date | None, today: date) -> Sequence[date]:
    """Return the days that are to be counted: those after the last one, it again if it is today, and today."""
    if last is None or last >= today:
        return [today]
    begin = last.toordinal()
    return [date.fromordinal(number) for number in range(begin, today.toordinal() + 1)]
