"""The jobs of a hub, as its page shows them."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from devices.jobs.repository import JobFilter, JobRepository
from devices.jobs.schemas import show_job
from telecare.access.domain import Actor
from telecare.console import job_view
from telecare.kernel.db import database_now

SHOWN = 10


async def jobs_of_hub(session: AsyncSession, actor: Actor, hub_id: str) -> dict[str, Any]:
    """Collect what the page shows: those to be done first."""
    now = await database_now(session)
    found = await JobRepository(session, actor.councils).page(JobFilter(hub_id=hub_id), now, None, SHOWN)
    return {"jobs": [show_job(job, now) for job in found], "job_view": job_view}
