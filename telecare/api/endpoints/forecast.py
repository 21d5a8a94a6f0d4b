"""The forecast of a programme, as it is and as it would be: how many homes remain, and what it takes."""

from typing import Annotated

from fastapi import Depends, Query

from devices.switchover.forecast.schemas import ForecastOut, ForecastQuestion
from devices.switchover.forecast.service import ForecastService
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Needs, Transaction
from telecare.api.routing import api_router
from telecare.kernel.db import database_now
from telecare.kernel.errors import ForbiddenError

router = api_router("/switchover/forecast", "switchover")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_FLEET))]


@router.get("")
async def get_forecast(
    question: Annotated[ForecastQuestion, Query()], session: Transaction, actor: Viewer
) -> ForecastOut:
    """Forecast a programme until its deadline, of one council or all that one may see, with what is asked for instead.

    `low`, `middle` and `high` hold the outcome in 8 of 10 futures; `need` is what it takes that no home waits.
    """
    if question.council is not None and not actor.sees(question.council):
        raise ForbiddenError("This council is not yours")
    return await ForecastService(session, actor.councils).ask(question, await database_now(session))
