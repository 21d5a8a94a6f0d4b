"""All queries on images, rollouts, their waves and hubs, and on which firmware the fleet has."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, RowMapping, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncSession

from devices.commands.models import HubCommand
from devices.firmware.domain import IN_FLIGHT, Change, ImageState, MemberState, Plan, RolloutState, Tally
from devices.firmware.models import FirmwareHub, FirmwareImage, FirmwareLog, FirmwareRollout, FirmwareWave
from devices.presence.domain import Presence
from devices.presence.models import HubLive, HubPresence
from devices.registry.models import DeviceModel, Hub
from telecare.kernel.among import among
from telecare.kernel.errors import NotFoundError
from telecare.kernel.ids import new_id

_FLIGHTS = text(
    """
    SELECT f.hub_id, f.council_id, f.state, CASE WHEN l.last_seen_at > f.asked_at THEN l.firmware END AS firmware,
           c.id AS command_id, c.state AS command_state, c.sent_at, c.finished_at, c.result, c.step, c.step_at
      FROM firmware_hub f
      LEFT JOIN hub_command c ON c.id = f.command_id
      LEFT JOIN hub_live l ON l.hub_id = f.hub_id
     WHERE f.rollout_id = :rollout_id AND f.state IN ('asked', 'updating')
     ORDER BY f.hub_id
    """
)
_TALLY = text(
    """
    SELECT count(*) FILTER (WHERE f.state = 'done' AND f.finished_at > :since) AS done,
           count(*) FILTER (WHERE f.state = 'failed' AND f.finished_at > :since) AS failed,
           count(*) FILTER (WHERE f.silent AND f.finished_at > :since) AS silent,
           count(*) FILTER (WHERE f.updated_at > :since) AS updated,
           count(*) FILTER (WHERE f.updated_at > :since AND f.state <> 'updating' AND p.state IN ('offline', 'lost'))
             AS updated_offline
      FROM firmware_hub f
      LEFT JOIN hub_presence p ON p.hub_id = f.hub_id
     WHERE f.rollout_id = :rollout_id AND f.command_id IS NOT NULL
    """
)
_REST = text(
    """
    SELECT count(*) AS rest, count(*) FILTER (WHERE p.state IN ('offline', 'lost')) AS rest_offline
      FROM hub h
      JOIN hub_presence p ON p.hub_id = h.hub_id AND p.state NOT IN ('never_seen', 'dormant')
     WHERE h.model_id = :model_id AND h.connection = 'digital'
       AND (CAST(:council_id AS text) IS NULL OR h.council_id = :council_id)
       AND NOT EXISTS (SELECT FROM firmware_hub f WHERE f.rollout_id = :rollout_id AND f.hub_id = h.hub_id
                          AND f.updated_at IS NOT NULL)
    """
)
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('firmware asks', 0))")


async def ask_alone(session: AsyncSession) -> None:
    """Let one transaction at a time ask hubs to update: two of one home must not be asked by two workers."""
    await session.execute(_ALONE)


class Running(NamedTuple):
    """A wave as far as the next decision needs it."""

    wave: int | None
    began_at: datetime | None
    settled_at: datetime | None
    pending: int
    in_flight: int


class VersionCount(NamedTuple):
    """How many hubs of a model tell a firmware; None: they have never told."""

    model_id: UUID
    model: str
    version: str | None
    hubs: int
    online: int


class ImageRepository:
    """Reads and writes of images in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, **columns: Any) -> FirmwareImage | None:
        """Add an image; None when the model has one of this version."""
        statement = (
            pg_insert(FirmwareImage).values(id=new_id(), **columns).on_conflict_do_nothing().returning(FirmwareImage)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def require(self, image_id: UUID, *, lock: bool = False) -> FirmwareImage:
        """Return an image, locked when it is to be changed, or raise NotFoundError."""
        image = await self.session.get(FirmwareImage, image_id, with_for_update=lock or None, populate_existing=True)
        if image is None:
            raise NotFoundError(f"There is no firmware image {image_id}")
        return image

    async def page(self, model_id: UUID | None, before: UUID | None, limit: int) -> Sequence[Row[FirmwareImage, str]]:
        """Return images with the name of their model, newest first."""
        statement = select(FirmwareImage, MODEL).join(DeviceModel, DeviceModel.id == FirmwareImage.model_id)
        if model_id is not None:
            statement = statement.where(FirmwareImage.model_id == model_id)
        if before is not None:
            statement = statement.where(FirmwareImage.id < before)
        return (await self.session.execute(statement.order_by(FirmwareImage.id.desc()).limit(limit))).all()

    async def released(self, model_id: UUID) -> Sequence[FirmwareImage]:
        """Return what hubs of a model may be asked to take, the newest first."""
        statement = (
            select(FirmwareImage)
            .where(FirmwareImage.model_id == model_id, FirmwareImage.state == ImageState.RELEASED)
            .order_by(FirmwareImage.id.desc())
        )
        return (await self.session.execute(statement)).scalars().all()

    async def model_name(self, model_id: UUID) -> str:
        """Return a model's make and name."""
        return str((await self.session.execute(select(MODEL).where(DeviceModel.id == model_id))).scalar_one())


class RolloutRepository:
    """Reads and writes of rollouts in the transaction of `session`. Whoever changes one has locked it first."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, **columns: Any) -> FirmwareRollout:
        """Add a rollout in draft."""
        statement = insert(FirmwareRollout).values(id=new_id(), **columns).returning(FirmwareRollout)
        return (await self.session.execute(statement)).scalar_one()

    async def get(self, rollout_id: UUID) -> FirmwareRollout | None:
        """Return a rollout, or None."""
        return await self.session.get(FirmwareRollout, rollout_id)

    async def lock(self, rollout_id: UUID, *, skip: bool = False) -> FirmwareRollout | None:
        """Return a rollout with its row locked; with `skip` None too when somebody else has it in hand."""
        statement = (
            select(FirmwareRollout)
            .where(FirmwareRollout.id == rollout_id)
            .with_for_update(skip_locked=skip)
            .execution_options(populate_existing=True)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def at_work(self) -> Sequence[UUID]:
        """Return the rollouts that run, and those with hubs still on their way."""
        on_the_way = (
            select(FirmwareHub.rollout_id)
            .where(FirmwareHub.rollout_id == FirmwareRollout.id, FirmwareHub.state.in_(IN_FLIGHT))
            .exists()
        )
        statement = (
            select(FirmwareRollout.id)
            .where(
                or_(
                    FirmwareRollout.state == RolloutState.RUNNING,
                    FirmwareRollout.started_at.is_not(None) & on_the_way,
                )
            )
            .order_by(FirmwareRollout.id)
        )
        return (await self.session.execute(statement)).scalars().all()

    async def page(
        self, councils: Collection[str], before: UUID | None, limit: int, council_id: str | None = None
    ) -> Sequence[FirmwareRollout]:
        """Return rollouts of these councils (none means all) and those of all councils, newest first."""
        statement = select(FirmwareRollout).order_by(FirmwareRollout.id.desc()).limit(limit)
        for wanted in (list(councils), [council_id] if council_id is not None else []):
            if wanted:
                statement = statement.where(
                    among(FirmwareRollout.council_id, wanted) | FirmwareRollout.council_id.is_(None)
                )
        if before is not None:
            statement = statement.where(FirmwareRollout.id < before)
        return (await self.session.execute(statement)).scalars().all()

    async def put_waves(self, rollout_id: UUID, plan: Plan) -> None:
        """Write the waves of a plan; those of an older draft were removed."""
        rows = [{"rollout_id": rollout_id, "number": n, "share_pct": plan.share(n)} for n in range(plan.waves)]
        await self.session.execute(pg_insert(FirmwareWave).values(rows).on_conflict_do_nothing())

    async def put_hubs(self, rollout_id: UUID, rows: Sequence[dict[str, Any]]) -> None:
        """Put the hubs of a draft in place of those that were there."""
        await self.session.execute(FirmwareHub.__table__.delete().where(FirmwareHub.rollout_id == rollout_id))  # type: ignore[attr-defined]
        if rows:
            await self.session.execute(insert(FirmwareHub), [{"rollout_id": rollout_id, **row} for row in rows])

    async def waves(self, rollout_id: UUID) -> Sequence[FirmwareWave]:
        """Return the waves in their order."""
        statement = select(FirmwareWave).where(FirmwareWave.rollout_id == rollout_id).order_by(FirmwareWave.number)
        return (await self.session.execute(statement)).scalars().all()

    async def set_wave(self, rollout_id: UUID, number: int, **columns: Any) -> None:
        """Write when a wave began or settled."""
        mine = (FirmwareWave.rollout_id == rollout_id, FirmwareWave.number == number)
        await self.session.execute(update(FirmwareWave).where(*mine).values(**columns))

    async def counts(self, rollout_id: UUID, councils: Collection[str]) -> dict[int | None, dict[str, int]]:
        """Return how many hubs of these councils (none means all) are in each state, by wave."""
        statement = (
            select(FirmwareHub.wave, FirmwareHub.state, func.count())
            .where(FirmwareHub.rollout_id == rollout_id)
            .group_by(FirmwareHub.wave, FirmwareHub.state)
        )
        if councils:
            statement = statement.where(FirmwareHub.council_id.in_(councils))
        found: dict[int | None, dict[str, int]] = {}
        for wave, state, count in await self.session.execute(statement):
            found.setdefault(wave, {})[state] = count
        return found

    async def hubs(
        self,
        rollout_id: UUID,
        councils: Collection[str],
        *,
        wave: int | None = None,
        state: MemberState | None = None,
        after: str | None = None,
        limit: int,
    ) -> Sequence[Row[FirmwareHub, str | None]]:
        """Return hubs of a rollout by id, each with how far its command has come."""
        statement = (
            select(FirmwareHub, HubCommand.step)
            .outerjoin(HubCommand, HubCommand.id == FirmwareHub.command_id)
            .where(FirmwareHub.rollout_id == rollout_id)
            .order_by(FirmwareHub.hub_id)
            .limit(limit)
        )
        if councils:
            statement = statement.where(FirmwareHub.council_id.in_(councils))
        if wave is not None:
            statement = statement.where(FirmwareHub.wave == wave)
        if state is not None:
            statement = statement.where(FirmwareHub.state == state)
        if after is not None:
            statement = statement.where(FirmwareHub.hub_id > after)
        return (await self.session.execute(statement)).all()

    async def placed(
        self, rollout_id: UUID, councils: Collection[str]
    ) -> Sequence[Row[str, int | None, str, str | None]]:
        """Return hub, wave, state and why of each hub of a rollout."""
        statement = select(FirmwareHub.hub_id, FirmwareHub.wave, FirmwareHub.state, FirmwareHub.why).where(
            FirmwareHub.rollout_id == rollout_id
        )
        if councils:
            statement = statement.where(FirmwareHub.council_id.in_(councils))
        return (await self.session.execute(statement)).all()

    async def of_hub(self, hub_id: str, limit: int) -> Sequence[Row[FirmwareHub, FirmwareRollout, str]]:
        """Return the newest rollouts that a hub is part of: its row, the rollout, the version."""
        statement = (
            select(FirmwareHub, FirmwareRollout, FirmwareImage.version)
            .join(FirmwareRollout, FirmwareRollout.id == FirmwareHub.rollout_id)
            .join(FirmwareImage, FirmwareImage.id == FirmwareRollout.image_id)
            .where(FirmwareHub.hub_id == hub_id)
            .order_by(FirmwareRollout.id.desc())
            .limit(limit)
        )
        return (await self.session.execute(statement)).all()

    async def running(self, rollout_id: UUID) -> Running:
        """Return how the wave stands that has begun last."""
        waves = [wave for wave in await self.waves(rollout_id) if wave.began_at is not None]
        counts = await self.counts(rollout_id, ())
        now = waves[-1] if waves else None
        here = [
            states for wave, states in counts.items() if now is not None and wave is not None and wave <= now.number
        ]
        return Running(
            now.number if now else None,
            now.began_at if now else None,
            now.settled_at if now else None,
            sum(states.get(MemberState.PENDING, 0) for states in here),
            sum(states.get(state, 0) for states in counts.values() for state in IN_FLIGHT),
        )

    async def tally(self, rollout: FirmwareRollout, model_id: UUID) -> Tally:
        """Return what the halt rule looks at; the others of the model are counted only when it matters."""
        since = {"rollout_id": rollout.id, "since": rollout.counted_from}
        row = (await self.session.execute(_TALLY, since)).mappings().one()
        if not row["updated_offline"]:
            return Tally(**row)
        of_rest = {"rollout_id": rollout.id, "model_id": model_id, "council_id": rollout.council_id}
        return Tally(**row, **(await self.session.execute(_REST, of_rest)).mappings().one())

    async def flights(self, rollout_id: UUID) -> Sequence[RowMapping]:
        """Return the hubs that are on their way, with their commands and what their heartbeats have told since."""
        return (await self.session.execute(_FLIGHTS, {"rollout_id": rollout_id})).mappings().all()

    async def pending(self, rollout_id: UUID, up_to: int, pause: timedelta, limit: int) -> Sequence[str]:
        """Return hubs up to a wave that may be asked; one that had to wait is looked at again after a pause."""
        rested = FirmwareHub.looked_at.is_(None) | (FirmwareHub.looked_at < func.clock_timestamp() - pause)
        statement = (
            select(FirmwareHub.hub_id)
            .where(
                FirmwareHub.rollout_id == rollout_id,
                FirmwareHub.state == MemberState.PENDING,
                FirmwareHub.wave <= up_to,
                rested,
            )
            .order_by(FirmwareHub.wave, FirmwareHub.looked_at.nulls_first(), FirmwareHub.hub_id)
            .limit(limit)
        )
        return (await self.session.execute(statement)).scalars().all()

    async def put(self, rollout_id: UUID, hub_id: str, **columns: Any) -> None:
        """Write what has become of one hub."""
        mine = (FirmwareHub.rollout_id == rollout_id, FirmwareHub.hub_id == hub_id)
        await self.session.execute(update(FirmwareHub).where(*mine).values(**columns))

    async def change(self, rollout_id: UUID, hub_id: str, change: Change, now: datetime) -> None:
        """Write what has become of a hub that was asked."""
        columns: dict[str, Any] = {"state": change.state, "why": change.why, "silent": change.silent}
        if change.state not in IN_FLIGHT:
            columns["finished_at"] = now
        if change.begun:
            columns["updated_at"] = func.coalesce(FirmwareHub.updated_at, now)
        await self.put(rollout_id, hub_id, **columns)

    async def wait(self, rollout_id: UUID, whys: dict[str, str], now: datetime) -> None:
        """Write why hubs cannot be asked yet."""
        for hub_id, why in whys.items():
            await self.put(rollout_id, hub_id, why=why, looked_at=now)

    async def skip(self, rollout_id: UUID, whys: dict[str, str], now: datetime) -> None:
        """Leave hubs out for good."""
        for hub_id, why in whys.items():
            await self.put(rollout_id, hub_id, state=MemberState.SKIPPED, why=why, finished_at=now)

    async def skip_pending(self, rollout_id: UUID, why: str, now: datetime) -> None:
        """Leave out whoever has not been asked."""
        mine = (FirmwareHub.rollout_id == rollout_id, FirmwareHub.state == MemberState.PENDING)
        values = {"state": MemberState.SKIPPED, "why": why, "finished_at": now}
        await self.session.execute(update(FirmwareHub).where(*mine).values(**values))

    async def unsent(self, rollout_id: UUID) -> dict[UUID, str]:
        """Return the commands of hubs that have said nothing yet, with their hubs."""
        statement = select(FirmwareHub.command_id, FirmwareHub.hub_id).where(
            FirmwareHub.rollout_id == rollout_id, FirmwareHub.state == MemberState.ASKED
        )
        return {command_id: hub_id for command_id, hub_id in await self.session.execute(statement) if command_id}

    async def log(self, rollout_id: UUID, actor: str, what: str, council_id: str | None = None) -> None:
        """Add a line to what happened; with the council of the hub that it names."""
        values = {"rollout_id": rollout_id, "actor": actor, "what": what, "council_id": council_id}
        await self.session.execute(insert(FirmwareLog).values(values))

    async def lines(self, rollout_id: UUID, councils: Collection[str], limit: int) -> Sequence[FirmwareLog]:
        """Return what happened, the newest first; of hubs of these councils only (none means all)."""
        statement = (
            select(FirmwareLog).where(FirmwareLog.rollout_id == rollout_id).order_by(FirmwareLog.id.desc()).limit(limit)
        )
        if councils:
            statement = statement.where(FirmwareLog.council_id.in_(councils) | FirmwareLog.council_id.is_(None))
        return (await self.session.execute(statement)).scalars().all()

    async def versions(self, councils: Collection[str]) -> list[VersionCount]:
        """Return which firmware the digital hubs of these councils (none means all) tell, by model."""
        online = func.count().filter(HubPresence.state == Presence.ONLINE)
        statement = (
            select(DeviceModel.id, MODEL, HubLive.firmware, func.count(), online)
            .select_from(Hub)
            .join(DeviceModel, DeviceModel.id == Hub.model_id)
            .outerjoin(HubLive, HubLive.hub_id == Hub.hub_id)
            .outerjoin(HubPresence, HubPresence.hub_id == Hub.hub_id)
            .where(Hub.connection == "digital", Hub.status != "retired")
            .group_by(DeviceModel.id, MODEL, HubLive.firmware)
            .order_by(MODEL, func.count().desc(), HubLive.firmware)
        )
        if councils:
            statement = statement.where(Hub.council_id.in_(councils))
        return [VersionCount(*row) for row in await self.session.execute(statement)]


MODEL = func.concat(DeviceModel.make, " ", DeviceModel.name).label("model")
