"""All queries on campaigns, their people and the attempts to reach them."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, literal, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.welfare.domain import HELD_FOR, SPOKEN_WITH, Cause, Progress, Ranked
from alarms.welfare.models import CampaignAttempt, CampaignGap, CampaignPerson, WelfareCampaign
from telecare.kernel.db import database_now
from telecare.kernel.ids import new_id

# Two operators never have the same person: a row that somebody takes at this moment is passed by. Whoever has one gets
# that one again.
_NEXT = text(
    """
    UPDATE campaign_person AS p
       SET held_by = :by, held_name = :name, held_until = clock_timestamp() + CAST(:held_for AS interval)
      FROM (SELECT campaign_id, person_id FROM campaign_person
             WHERE campaign_id = :campaign_id AND settled_at IS NULL
               AND (held_until IS NULL OR held_until <= clock_timestamp() OR held_by = :by)
               AND (again_at IS NULL OR again_at <= clock_timestamp()
                    OR (held_by = :by AND held_until > clock_timestamp()))
             ORDER BY (held_by = :by AND held_until > clock_timestamp()) IS TRUE DESC, rank
             LIMIT 1 FOR UPDATE SKIP LOCKED) AS first
     WHERE p.campaign_id = first.campaign_id AND p.person_id = first.person_id
    RETURNING p.person_id
    """
)
_SAVE_RANKS = text(
    """
    INSERT INTO campaign_person
           (campaign_id, council_id, person_id, hub_id, premises_id, name, place, tier, rank, standing, why)
    SELECT :campaign_id, :council_id, n.* FROM unnest(
           CAST(:person_ids AS uuid[]), CAST(:hub_ids AS text[]), CAST(:premises_ids AS uuid[]), CAST(:names AS text[]),
           CAST(:places AS text[]), CAST(:tiers AS text[]), CAST(:ranks AS int[]), CAST(:standings AS text[]),
           CAST(:whys AS text[])) AS n
     ORDER BY n
    ON CONFLICT (campaign_id, person_id) DO UPDATE
       SET rank = excluded.rank, standing = excluded.standing, why = excluded.why, tier = excluded.tier,
           hub_id = excluded.hub_id
     WHERE campaign_person.settled_at IS NULL
       AND (campaign_person.rank, campaign_person.standing, campaign_person.why, campaign_person.hub_id)
           IS DISTINCT FROM (excluded.rank, excluded.standing, excluded.why, excluded.hub_id)
    """
)
# By an alarm that a human ended with the word that somebody had spoken with them or seen them, or by another campaign:
# after the gap, and begun in it at the earliest.
_PROVE = text(
    """
    WITH proof AS (
        SELECT DISTINCT ON (p.person_id) p.person_id, found.why
          FROM campaign_person p
          JOIN welfare_campaign c ON c.id = p.campaign_id
          JOIN LATERAL (
               SELECT a.closed_at AS at, a.words || ', ended: ' || a.outcome || ' (alarm ' || a.id || ')' AS why
                 FROM alarm a
                WHERE a.person_id = p.person_id AND a.raised_at >= c.gap_from AND a.closed_at > c.gap_to
                  AND a.outcome = ANY(CAST(:spoken_with AS text[]))
               UNION ALL
               SELECT o.settled_at, 'Found safe by another welfare check'
                 FROM campaign_person o
                WHERE o.person_id = p.person_id AND o.campaign_id <> p.campaign_id AND o.state = 'safe'
                  AND o.settled_at > c.gap_to) AS found ON true
         WHERE p.campaign_id = :campaign_id AND p.settled_at IS NULL
         ORDER BY p.person_id, found.at)
    UPDATE campaign_person p
       SET state = 'proven', settled_at = clock_timestamp(), settled_by = 'system', settled_why = proof.why,
           held_by = NULL, held_name = NULL, held_until = NULL
      FROM proof WHERE p.campaign_id = :campaign_id AND p.person_id = proof.person_id AND p.settled_at IS NULL
    RETURNING p.person_id
    """
)
_COUNTS = text(
    "SELECT campaign_id, state, count(*) FROM campaign_person WHERE campaign_id = ANY(:ids) GROUP BY campaign_id, state"
)
_OF_OPEN = text(
    """
    SELECT p.state, count(*) FROM campaign_person p JOIN welfare_campaign c ON c.id = p.campaign_id
     WHERE c.closed_at IS NULL GROUP BY p.state
    """
)
# The alarm of a campaign that somebody closed while people are left is opened anew after a while.
_ALARM_GONE = text(
    """
    SELECT EXISTS (SELECT FROM alarm WHERE id = :alarm_id AND handling = 'closed'
                      AND closed_at < clock_timestamp() - interval '15 minutes')
    """
)


class WelfareRepository:
    """Reads and writes of campaigns in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, **columns: Any) -> WelfareCampaign:
        """Add a campaign without people."""
        statement = insert(WelfareCampaign).values(id=new_id(), **columns).returning(WelfareCampaign)
        return (await self.session.execute(statement)).scalar_one()

    async def add_gap(
        self, campaign: WelfareCampaign, deaf_period_id: UUID, started_at: datetime, ended_at: datetime
    ) -> None:
        """Write down that a campaign is about this gap."""
        values = {"deaf_period_id": deaf_period_id, "council_id": campaign.council_id, "campaign_id": campaign.id}
        statement = upsert(CampaignGap).values(**values, started_at=started_at, ended_at=ended_at)
        await self.session.execute(statement)

    async def overlapping(self, council_id: str, started_at: datetime, ended_at: datetime) -> WelfareCampaign | None:
        """Return the open campaign of a council, locked, that is about a gap which overlaps this one: one outage."""
        statement = (
            select(WelfareCampaign)
            .where(
                WelfareCampaign.council_id == council_id,
                WelfareCampaign.cause == Cause.DEAF_PERIOD,
                WelfareCampaign.closed_at.is_(None),
                WelfareCampaign.gap_from <= ended_at,
                WelfareCampaign.gap_to >= started_at,
            )
            .order_by(WelfareCampaign.id)
            .limit(1)
            .with_for_update()
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def get(self, campaign_id: UUID, *, lock: bool = False) -> WelfareCampaign | None:
        """Return a campaign, or None."""
        return await self.session.get(WelfareCampaign, campaign_id, with_for_update=lock, populate_existing=True)

    async def due(self, every_s: float) -> WelfareCampaign | None:
        """Return an open campaign, locked, that nobody has looked at for so long; others' are passed by."""
        looked_at = WelfareCampaign.looked_at
        statement = (
            select(WelfareCampaign)
            .where(
                WelfareCampaign.closed_at.is_(None),
                or_(looked_at.is_(None), looked_at <= func.clock_timestamp() - literal(timedelta(seconds=every_s))),
            )
            .order_by(looked_at.nulls_first())
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def page(
        self,
        councils: Collection[str],
        *,
        council_id: str | None,
        is_open: bool | None,
        before: UUID | None,
        limit: int,
    ) -> Sequence[WelfareCampaign]:
        """Return campaigns of these councils (none means all), newest first."""
        statement = select(WelfareCampaign).order_by(WelfareCampaign.id.desc()).limit(limit)
        if councils:
            statement = statement.where(WelfareCampaign.council_id.in_(councils))
        if council_id is not None:
            statement = statement.where(WelfareCampaign.council_id == council_id)
        if is_open is not None:
            statement = statement.where(WelfareCampaign.closed_at.is_(None) == is_open)
        if before is not None:
            statement = statement.where(WelfareCampaign.id < before)
        return (await self.session.execute(statement)).scalars().all()

    async def progress(self, ids: Collection[UUID]) -> dict[UUID, Progress]:
        """Return how far these campaigns are."""
        counts: dict[UUID, dict[str, int]] = {each: {} for each in ids}
        for campaign_id, state, count in await self.session.execute(_COUNTS, {"ids": list(ids)}):
            counts[campaign_id][state] = count
        return {each: Progress(found) for each, found in counts.items()}

    async def of_open(self) -> dict[str, int]:
        """Return how many people of open campaigns stand in each state."""
        return {row[0]: row[1] for row in await self.session.execute(_OF_OPEN)}

    async def gaps(self, campaign_id: UUID) -> Sequence[CampaignGap]:
        """Return our gaps that a campaign is about."""
        statement = select(CampaignGap).where(CampaignGap.campaign_id == campaign_id).order_by(CampaignGap.started_at)
        return (await self.session.execute(statement)).scalars().all()

    async def save_ranks(self, campaign: WelfareCampaign, people: Sequence[Ranked]) -> None:
        """Write who stands where; whoever is accounted for stays as they are."""
        values = {
            "person_ids": [each.facts.person_id for each in people],
            "hub_ids": [each.facts.hub_id for each in people],
            "premises_ids": [each.facts.premises_id for each in people],
            "names": [each.facts.name for each in people],
            "places": [each.facts.place for each in people],
            "tiers": [each.facts.tier for each in people],
            "ranks": [each.rank for each in people],
            "standings": [str(each.standing) for each in people],
            "whys": [each.why for each in people],
        }
        names = {"campaign_id": campaign.id, "council_id": campaign.council_id}
        await self.session.execute(_SAVE_RANKS, names | values)

    async def reopen_settled_before(self, campaign: WelfareCampaign) -> None:
        """Put back on the list whoever was accounted for before its gap had ended: the gap grew."""
        await self.session.execute(
            update(CampaignPerson)
            .where(
                CampaignPerson.campaign_id == campaign.id,
                CampaignPerson.state.in_(("safe", "proven", "unreachable")),
                CampaignPerson.settled_at <= campaign.gap_to,
            )
            .values(state="to_check", settled_at=None, settled_by=None, settled_why=None)
        )

    async def prove(self, campaign_id: UUID) -> list[UUID]:
        """Settle whoever is proven safe by what came later; return them."""
        values = {"campaign_id": campaign_id, "spoken_with": list(SPOKEN_WITH)}
        return list((await self.session.execute(_PROVE, values)).scalars())

    async def people(
        self,
        campaign_id: UUID,
        *,
        states: Collection[str] = (),
        after: tuple[int, UUID] | None = None,
        limit: int | None = None,
    ) -> Sequence[CampaignPerson]:
        """Return people of a campaign in their order, those of these states only (none means all)."""
        place = CampaignPerson.rank, CampaignPerson.person_id
        statement = select(CampaignPerson).where(CampaignPerson.campaign_id == campaign_id)
        statement = statement.order_by(*place).limit(limit)
        if after is not None:
            statement = statement.where(tuple_(*place) > tuple_(*after))
        if states:
            statement = statement.where(CampaignPerson.state.in_(states))
        return (await self.session.execute(statement)).scalars().all()

    async def person(self, campaign_id: UUID, person_id: UUID, *, lock: bool = False) -> CampaignPerson | None:
        """Return one person of a campaign, or None."""
        key = (campaign_id, person_id)
        return await self.session.get(CampaignPerson, key, with_for_update=lock, populate_existing=True)

    async def held(self, campaign_id: UUID, by: UUID, now: datetime) -> CampaignPerson | None:
        """Return the person whom somebody has, or None."""
        statement = select(CampaignPerson).where(
            CampaignPerson.campaign_id == campaign_id,
            CampaignPerson.held_by == by,
            CampaignPerson.held_until > now,
            CampaignPerson.settled_at.is_(None),
        )
        return (await self.session.execute(statement.limit(1))).scalar_one_or_none()

    async def take_next(self, campaign_id: UUID, by: UUID, name: str) -> UUID | None:
        """Give somebody the first person whom nobody has; None when all are had, settled or just tried."""
        values = {"campaign_id": campaign_id, "by": by, "name": name, "held_for": HELD_FOR}
        return (await self.session.execute(_NEXT, values)).scalar_one_or_none()

    async def hold(self, person: CampaignPerson, by: UUID, name: str) -> None:
        """Let somebody have a person for a while, as the database's clock counts it."""
        person.held_by, person.held_name = by, name
        person.held_until = await database_now(self.session) + HELD_FOR
        await self.session.flush()

    async def next_moment(self, campaign_id: UUID) -> datetime | None:
        """Return when the next of those who are left can be taken; long ago when somebody can be now, None without any.

        That is when they are tried again, or are no longer somebody else's.
        """
        moment = func.coalesce(func.greatest(CampaignPerson.again_at, CampaignPerson.held_until), func.to_timestamp(0))
        statement = select(func.min(moment)).where(
            CampaignPerson.campaign_id == campaign_id, CampaignPerson.settled_at.is_(None)
        )
        found: datetime | None = (await self.session.execute(statement)).scalar_one_or_none()
        return found

    async def add_attempt(self, person: CampaignPerson, **columns: Any) -> CampaignAttempt:
        """Write down an attempt."""
        ids = {name: getattr(person, name) for name in ("campaign_id", "person_id", "council_id")}
        statement = insert(CampaignAttempt).values(id=new_id(), **ids, **columns).returning(CampaignAttempt)
        return (await self.session.execute(statement)).scalar_one()

    async def attempts(self, campaign_id: UUID, person_id: UUID | None = None) -> Sequence[CampaignAttempt]:
        """Return the attempts of a campaign, or of one person in it, the oldest first."""
        statement = select(CampaignAttempt).where(CampaignAttempt.campaign_id == campaign_id)
        if person_id is not None:
            statement = statement.where(CampaignAttempt.person_id == person_id)
        return (await self.session.execute(statement.order_by(CampaignAttempt.id))).scalars().all()

    async def first_and_last_attempt(self, campaign_id: UUID) -> tuple[datetime | None, datetime | None]:
        """Return when the first and when the latest attempt of a campaign was."""
        times = func.min(CampaignAttempt.at), func.max(CampaignAttempt.at)
        statement = select(*times).where(CampaignAttempt.campaign_id == campaign_id)
        first, last = (await self.session.execute(statement)).one()
        return first, last

    async def alarm_is_gone(self, alarm_id: UUID | None) -> bool:
        """Say whether the alarm of a campaign was closed a while ago."""
        return bool((await self.session.execute(_ALARM_GONE, {"alarm_id": alarm_id})).scalar_one())
