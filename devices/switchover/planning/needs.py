"""What binds the visits of one home, as it is entered: who must be there, for how long, and when it cannot be."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.homes import PremisesRepository
from devices.switchover.planning.days import openings
from devices.switchover.planning.prize import Harm
from devices.switchover.planning.problem import Home, Place, Window
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.planning.schemas import NeedIn, NeedOut, Span
from telecare.kernel.errors import InvalidError

USUAL_MINUTES = 50
"""How long a visit takes at least that nobody has said anything about."""
MONDAY = date(2026, 11, 23)


class VisitNeeds:
    """Reads and writes of what binds a home; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str]) -> None:
        self.premises = PremisesRepository(session, councils)
        self.planning = PlanningRepository(session, councils)

    async def show(self, premises_id: UUID) -> NeedOut:
        """Return what binds a home: the usual when nobody has said anything; NotFoundError for no such home."""
        premises = await self.premises.require(premises_id)
        row = await self.planning.need(premises_id)
        said = NeedIn() if row is None else NeedIn.model_validate(row, from_attributes=True)
        return NeedOut(premises_id=premises_id, council_id=premises.council_id, said=row is not None, **vars(said))

    async def put(self, premises_id: UUID, need: NeedIn) -> NeedOut:
        """Write down what binds a home, in place of what was; InvalidError when no visit could ever be."""
        premises = await self.premises.require(premises_id)
        if not _possible(need):
            minutes = need.minutes or USUAL_MINUTES
            what = f"on no day of the week is there room for a visit of {minutes} minutes: nobody could ever be sent"
            errors = [{"where": "body.open" if need.open else "body.busy", "what": what}]
            raise InvalidError(what[:1].upper() + what[1:], errors=errors)
        columns = need.model_dump(mode="json")
        await self.planning.put_need(premises_id, council_id=premises.council_id, **columns)
        return await self.show(premises_id)


def _possible(need: NeedIn) -> bool:
    """Say whether any day of a week has room for a visit."""
    home = Home(
        "", Place(0, 0), need.minutes or USUAL_MINUTES, Harm(0),
        open=tuple(_window(span) for span in need.open), busy=tuple(_window(span) for span in need.busy),
    )  # fmt: skip
    return any(openings(home, MONDAY + timedelta(days=number), ()) for number in range(7))


def _window(span: Span) -> Window:
    return Window(span.start, span.end, frozenset(span.weekdays))
