"""Alive and ready: what a supervisor and a load balancer ask."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from telecare.api.health import HealthChecks
from telecare.api.openapi import problem_responses
from telecare.kernel.errors import UnavailableError

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """All is well."""

    status: str
    checks: dict[str, str] = {}


def health_checks(request: Request) -> HealthChecks:
    """Return the checks of this process."""
    return cast("HealthChecks", request.app.state.health)


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def alive() -> Health:
    """Answer as long as the process runs; asks nothing of anybody else."""
    return Health(status="alive")


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", responses=problem_responses(503))
async def ready(checks: Annotated[HealthChecks, Depends(health_checks)]) -> Health:
    """Answer 200 when this process can do its work, else 503 with a reason for each check that fails (`reasons`)."""
    found = await checks.run()
    reasons = {name: reason for name, reason in found.items() if reason is not None}
    if reasons:
        told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise UnavailableError(f"Not ready. {told}", reasons=reasons)
    return Health(status="ready", checks=dict.fromkeys(found, "ok"))
