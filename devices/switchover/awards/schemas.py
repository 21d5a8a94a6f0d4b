"""Awards and the report as the API says and takes them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from devices.registry.councils import COUNCILS
from devices.registry.fields import CouncilRef, Day, Input, Line, Output, Reason, Words
from devices.switchover.awards.domain import (
    COST_WORDS,
    Award,
    CostItem,
    Met,
    Money,
    Progress,
    Standing,
    money,
    standings,
)
from devices.switchover.awards.domain import (
    Day as Counted,
)
from devices.switchover.awards.models import AwardAttestation, SwitchoverCost

Pence = Annotated[int, Field(ge=0, le=100_000_000)]


class CriterionOut(Output):
    """A criterion of an award: when it was first met, whether it is now, what is missing, who attested it."""

    key: str
    words: str
    source: str
    attested: bool
    first_on: date | None
    now: bool
    missing: str
    attestation_id: UUID | None
    evidence: str | None
    attested_by: str | None


class AwardOut(Output):
    """An award of a council. `first_on`: the day on which all of its criteria had been met."""

    award: Award
    first_on: date | None
    now: bool
    criteria: list[CriterionOut]


class CostOut(Output):
    """What something costs or saves, as the council says."""

    item: CostItem
    words: str
    pence: int
    source: str
    entered_by: str
    entered_at: datetime


class MoneyOut(Output):
    """Cost and benefit in pence: the council's own prices times what was counted. Null: a price is missing."""

    spent: int | None
    running: int | None
    saved: int | None
    net: int | None


class CountsOut(Output):
    """What is counted of users, units and visits: of a council, or of several."""

    users: int
    digital_ready: int
    live_digital: int
    exposed: int
    swaps: int
    visits: int
    no_access: int
    digital_months: int

    @property
    def left(self) -> int:
        """Return how many users have no accepted digital unit yet."""
        return self.users - self.live_digital


class CouncilReportOut(CountsOut):
    """How far a council is. All counts are the service's, all prices the council's."""

    council_id: str
    name: str
    day: date
    awards: list[AwardOut]
    costs: list[CostOut]
    money: MoneyOut

    @property
    def highest(self) -> Award | None:
        """Return the highest award of which every criterion is met now."""
        held = [one.award for one in self.awards if one.now]
        return held[-1] if held else None


class AttestIn(Input):
    """What a named person says of a criterion that no count shows, with the evidence."""

    council_id: CouncilRef
    criterion: str
    evidence: Words
    met_on: Day


class WithdrawIn(Input):
    """Why it is taken back."""

    reason: Reason


class AttestationOut(Output):
    """An attestation."""

    id: UUID
    council_id: str
    criterion: str
    evidence: str
    met_on: date
    attested_by: str
    attested_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_why: str | None


class CostsIn(Input):
    """What a council enters, in pence, and where it has it from."""

    council_id: CouncilRef
    items: dict[CostItem, Pence] = Field(min_length=1)
    source: Line


def reported(
    council_id: str,
    days: Sequence[Counted],
    attested: Sequence[AwardAttestation],
    costs: Mapping[str, SwitchoverCost],
    progress: Progress,
    exposed: int,
) -> CouncilReportOut:
    """Return the report on a council from what was counted, attested and entered; there is a day at least."""
    last, said = days[-1], {one.criterion: one for one in attested}
    sums: Money = money(progress, {item: row.pence for item, row in costs.items()})
    return CouncilReportOut(
        council_id=council_id,
        name=COUNCILS.get(council_id, council_id),
        day=last.day,
        users=last.users,
        digital_ready=last.digital_ready,
        live_digital=last.live_digital,
        exposed=exposed,
        **vars(progress),
        awards=[_award(one, said) for one in standings(days, {key: row.met_on for key, row in said.items()})],
        costs=[_cost(costs[item]) for item in CostItem if item in costs],
        money=MoneyOut(**vars(sums)),
    )


def _award(standing: Standing, said: Mapping[str, AwardAttestation]) -> AwardOut:
    criteria = [_criterion(one, said.get(one.criterion.key)) for one in standing.criteria]
    return AwardOut(award=standing.award, first_on=standing.first_on, now=standing.now, criteria=criteria)


def _criterion(met: Met, row: AwardAttestation | None) -> CriterionOut:
    criterion = met.criterion
    return CriterionOut(
        key=criterion.key, words=criterion.words, source=criterion.source, attested=criterion.share is None,
        first_on=met.first_on, now=met.now, missing=met.missing, attestation_id=row.id if row else None,
        evidence=row.evidence if row else None, attested_by=row.attested_by if row else None,
    )  # fmt: skip


def _cost(row: SwitchoverCost) -> CostOut:
    item = CostItem(row.item)
    return CostOut(
        item=item, words=COST_WORDS[item], pence=row.pence, source=row.source, entered_by=row.entered_by,
        entered_at=row.entered_at,
    )  # fmt: skip
