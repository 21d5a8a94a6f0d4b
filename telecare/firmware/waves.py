"""Drives rollouts: follows the hubs that were asked, begins waves, asks the next hubs, and halts. Any number of copies.

One transaction a step, in which the rollout's row is locked; what others have in hand is passed by. The halt rule is
asked before anybody is: a halt that could not be written (its alarm is in the same transaction) asks nobody either.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.faults import firmware_halted
from alarms.handling.service import AlarmService
from devices.commands.domain import UPDATE_EXPIRY, CommandName, CommandState, Progress, UpdateStep
from devices.commands.service import CommandService
from devices.firmware.domain import (
    Ask,
    Begin,
    Finish,
    Flight,
    Halt,
    ImageState,
    MemberState,
    RolloutState,
    Settle,
    Standing,
    View,
    decide,
    follow,
    pick,
)
from devices.firmware.models import FirmwareImage, FirmwareRollout
from devices.firmware.repository import ImageRepository, RolloutRepository, Running, ask_alone
from devices.firmware.service import RolloutService
from telecare.access.repository import AuditRepository
from telecare.firmware.standings import standings
from telecare.kernel.db import Database, database_now
from telecare.kernel.errors import RefusedError
from telecare.kernel.logging import get_logger
from telecare.kernel.looking import by_itself, look_each
from telecare.kernel.metrics import REGISTRY

log = get_logger("firmware")

EVERY_S = 2.0
LOOKED_AT = 500
PAUSE = timedelta(seconds=30)
"""After so long a hub that could not be asked is looked at again."""

OTHER_MODEL = "It is of another model now"

HUBS = Counter("telecare_firmware_hubs", "Hubs of rollouts that came into a state", ["state"], registry=REGISTRY)
HALTS = Counter("telecare_firmware_halts", "Rollouts that halted by their rule", registry=REGISTRY)


class FirmwareWaves:
    """One worker that drives rollouts."""

    def __init__(self, database: Database, public_url: str | None = None) -> None:
        self.database = database
        self.public_url = public_url

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        await look_each(EVERY_S, stop, self.drive, name="firmware", database=self.database)

    async def drive(self) -> None:
        """Take each rollout as far as it goes now; one on which we fail keeps no other from its turn."""
        async with self.database.transaction() as session:
            at_work = await RolloutRepository(session).at_work()
        for rollout_id in at_work:
            await by_itself(self._drive(rollout_id), "rollout_not_driven", rollout_id=str(rollout_id))

    async def _drive(self, rollout_id: UUID) -> None:
        while await self.step(rollout_id):
            pass

    async def step(self, rollout_id: UUID) -> bool:
        """Do what is next for a rollout in one transaction; say whether there is more to do at once."""
        async with self.database.transaction() as session:
            rollouts = RolloutRepository(session)
            rollout = await rollouts.lock(rollout_id, skip=True)
            if rollout is None:
                return False
            image = await ImageRepository(session).require(rollout.image_id)
            now = await database_now(session)
            await self._follow(rollouts, rollout, image, now)
            if rollout.state != RolloutState.RUNNING:
                return False
            running = await rollouts.running(rollout.id)
            view = View(
                RolloutState(rollout.state), ImageState(image.state), running.wave, running.settled_at,
                running.pending, running.in_flight, await rollouts.tally(rollout, image.model_id),
            )  # fmt: skip
            match decide(view, rollout.plan, rollout.rule, now):
                case Halt(why):
                    await self._halt(session, rollout, image, why, now)
                case Begin(wave):
                    await rollouts.set_wave(rollout.id, wave, began_at=now)
                    await rollouts.log(rollout.id, "system", f"Wave {wave + 1} of {rollout.plan.waves} began")
                    return True
                case Settle() if running.wave is not None:
                    await rollouts.set_wave(rollout.id, running.wave, settled_at=now)
                    await rollouts.log(rollout.id, "system", f"Wave {running.wave + 1} has settled")
                    return True
                case Finish():
                    rollout.state, rollout.ended_at = RolloutState.DONE, now
                    await rollouts.log(rollout.id, "system", "All waves are through")
                case Ask(room):
                    return await self._ask(session, rollout, image, running, room)
                case _:
                    pass
        return False

    async def _follow(
        self, rollouts: RolloutRepository, rollout: FirmwareRollout, image: FirmwareImage, now: datetime
    ) -> None:
        """Write what has become of the hubs that are on their way."""
        for row in await rollouts.flights(rollout.id):
            flight = Flight(MemberState(row["state"]), _progress(row), row["firmware"])
            change = follow(flight, image.version, rollout.rule.back_within, now)
            if change is None:
                continue
            await rollouts.change(rollout.id, row["hub_id"], change, now)
            HUBS.labels(change.state).inc()
            if change.state is MemberState.FAILED:
                what = f"{row['hub_id']} failed: {change.why}"
                await rollouts.log(rollout.id, "system", what, row["council_id"])

    async def _halt(
        self, session: AsyncSession, rollout: FirmwareRollout, image: FirmwareImage, why: str, now: datetime
    ) -> None:
        """Halt, and have a human told of it by an alarm like any other."""
        await RolloutService(session).halt(rollout, why)
        model = await ImageRepository(session).model_name(image.model_id)
        fault = firmware_halted(rollout.id, f"{model} {image.version}", why, now)
        await AlarmService(session, self.public_url).report(fault, rollout.council_id, now)
        HALTS.inc()
        log.warning("rollout_halted", rollout_id=str(rollout.id), why=why)

    async def _ask(
        self, session: AsyncSession, rollout: FirmwareRollout, image: FirmwareImage, running: Running, room: int
    ) -> bool:
        """Ask the next hubs of the wave; say whether the others should be looked at too."""
        rollouts, wave = RolloutRepository(session), running.wave or 0
        await ask_alone(session)
        listed = await rollouts.pending(rollout.id, wave, PAUSE, LOOKED_AT)
        known = await standings(session, listed)
        now = await database_now(session)
        strangers = {hub_id: OTHER_MODEL for hub_id, hub in known.items() if hub.model_id != str(image.model_id)}
        patient = running.began_at is None or now < running.began_at + rollout.plan.patience
        candidates = [known[hub_id] for hub_id in listed if hub_id in known.keys() - strangers.keys()]
        picked = pick(candidates, image.version, rollout.from_versions, room, first=wave == 0, patient=patient)
        wait = dict(picked.wait)
        for hub_id in picked.ask:
            try:
                await self._ask_one(session, rollout, image, known[hub_id], now)
            except RefusedError as refusal:
                wait[hub_id] = refusal.detail
        await rollouts.wait(rollout.id, wait, now)
        await rollouts.skip(rollout.id, strangers | dict(picked.skip), now)
        HUBS.labels(MemberState.SKIPPED).inc(len(picked.skip))
        return bool(picked.skip) and len(listed) == LOOKED_AT

    async def _ask_one(
        self, session: AsyncSession, rollout: FirmwareRollout, image: FirmwareImage, hub: Standing, now: datetime
    ) -> None:
        row: Mapping[str, Any] = {
            "hub_id": hub.hub_id, "council_id": hub.council_id, "status": hub.status, "connection": hub.connection,
            "presence": hub.presence,
        }  # fmt: skip
        by = f"rollout:rollout of {image.version}"
        command = await CommandService(session).request(
            row, CommandName.UPDATE_FIRMWARE, update_args(image), requested_by=by, expires_in=UPDATE_EXPIRY
        )
        await RolloutRepository(session).put(
            rollout.id, hub.hub_id, state=MemberState.ASKED, why=None, command_id=command.id, asked_at=now,
            from_version=hub.firmware,
        )  # fmt: skip
        HUBS.labels(MemberState.ASKED).inc()
        details = {"command_id": str(command.id), "command": command.command, "version": image.version}
        details |= {"rollout_id": str(rollout.id)}
        await AuditRepository(session).add("system", "command_sent", "hub", hub.hub_id, hub.council_id, details=details)


def update_args(image: FirmwareImage) -> dict[str, Any]:
    """Return what a hub must know of an image to take it."""
    told = {"version": image.version, "url": image.url, "sha256": image.sha256}
    return told | {name: value for name in ("size", "signature") if (value := getattr(image, name)) is not None}


def _progress(row: RowMapping) -> Progress | None:
    if row["command_id"] is None:
        return None
    step = UpdateStep(row["step"]) if row["step"] is not None else None
    return Progress(
        CommandState(row["command_state"]), row["sent_at"], row["finished_at"], row["result"], step, row["step_at"]
    )
