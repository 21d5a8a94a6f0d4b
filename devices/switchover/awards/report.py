"""The report on all councils: who is in it, what they come to, in how many a price is known, who is not in it. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from devices.registry.councils import COUNCILS
from devices.registry.fields import Output
from devices.switchover.awards.domain import Award, Money
from devices.switchover.awards.schemas import CouncilReportOut, CountsOut, MoneyOut

SUMS = tuple(Money.__annotations__)


class PricedOut(Output):
    """In how many councils each amount is known, of which the total is the sum."""

    spent: int
    running: int
    saved: int
    net: int


class TotalOut(CountsOut):
    """What the councils of a report come to. Money in pence, of the councils in which it is known: see `note`.

    `awards_now`: in how many councils each award is met now. `note`: of how many councils the sums of money are.
    """

    councils: int
    awards_now: dict[Award, int]
    money: MoneyOut
    priced: PricedOut
    note: str


class AbsentOut(Output):
    """A council that is not in the report: no user of it is counted."""

    council_id: str
    name: str


class SwitchoverReportOut(Output):
    """The report on the switchover, council by council and in all, and who is not in it."""

    councils: list[CouncilReportOut]
    total: TotalOut
    without_users: list[AbsentOut]

    @property
    def absent(self) -> str:
        """Say in a sentence which councils are not in the report; nothing when all are."""
        names = ", ".join(one.name for one in self.without_users)
        return f"Not in this report, as no users of theirs are counted here: {names}." if names else ""


def report_of(found: Sequence[CouncilReportOut], asked: Iterable[str]) -> SwitchoverReportOut:
    """Return the report on the councils that were `found` of those that somebody `asked` for, by code."""
    here = {one.council_id for one in found}
    absent = [AbsentOut(council_id=code, name=COUNCILS[code]) for code in COUNCILS if code in {*asked} - here]
    return SwitchoverReportOut(
        councils=sorted(found, key=lambda one: one.name),
        total=total(found),
        without_users=sorted(absent, key=lambda one: one.name),
    )


def total(found: Sequence[CouncilReportOut]) -> TotalOut:
    """Return what councils come to. An amount that no council knows is null, not nothing."""
    known = {name: [pence for one in found if (pence := getattr(one.money, name)) is not None] for name in SUMS}
    held = Counter(award.award for one in found for award in one.awards if award.now)
    return TotalOut(
        councils=len(found),
        **{name: sum(getattr(one, name) for one in found) for name in CountsOut.model_fields},
        awards_now={award: held[award] for award in Award},
        money=MoneyOut(**{name: sum(amounts) if amounts else None for name, amounts in known.items()}),
        priced=PricedOut(**{name: len(amounts) for name, amounts in known.items()}),
        note=_note(len(found), {name: len(amounts) for name, amounts in known.items()}),
    )  # fmt: skip


def _note(councils: int, priced: dict[str, int]) -> str:
    """Say of how many councils the sums are; nothing when each is of all."""
    if all(count == councils for count in priced.values()):
        return ""
    if not any(priced.values()):
        return "No council has entered prices yet, so no amounts are known."
    parts = ", ".join(f"{name} {count}" for name, count in priced.items())
    return (
        f"Amounts in all are of those of the {councils} councils that entered prices for them: {parts}. "
        "Net is of those whose three other amounts are known."
    )
