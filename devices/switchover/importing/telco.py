"""Lists of a telco: what a line is now, and when it is to be migrated, matched to lines of the register by number.

A planned day is a notice of the line's provider, as if it had come in by itself: checked, held and told as those are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.fields import NOT_COME
from devices.registry.importing.plan import Tools, Writes
from devices.registry.importing.repository import ImportRepository
from devices.registry.models import Line, Premises
from devices.switchover.importing.domain import CellFault, MendedRow, RowStatus
from devices.switchover.importing.models import ImportFile
from devices.switchover.importing.outcome import RowOutcome
from devices.switchover.telco.domain import NoticeKind, NoticeStatus
from devices.switchover.telco.reading import LONDON, ReadNotice, planned
from devices.switchover.telco.service import FARTHEST, TelcoService
from telecare.kernel.among import among

_WORDS = {"kind": "line: kind", "provider": "line: provider", "checked_on": "line: checked on"}


class TelcoImport:
    """An import of a telco's list in the transaction of `session`; only the council of `file` may be changed."""

    def __init__(self, session: AsyncSession, tools: Tools, file: ImportFile) -> None:
        self.session = session
        self.tools = tools
        self.council = file.council_id
        self.by = file.asked_by or file.uploaded_by
        self.register = ImportRepository(session)
        self.telco = TelcoService(session)

    async def begin(self) -> None:
        """Nothing is to be prepared."""

    async def end(self) -> None:
        """Nothing is left for the end."""

    async def take(
        self, rows: Sequence[tuple[int, MendedRow]], firsts: Mapping[str, tuple[int, str]], digests: Mapping[int, str]
    ) -> list[RowOutcome]:
        """Take a batch of rows: lines that are known are changed, the others reported; none is added."""
        lines = await self._lines([row.values["line_number"] for _, row in rows if "line_number" in row.values])
        writes, outcomes, seen = Writes(), [], dict(firsts)
        for number, row in rows:
            key = row.values.get("line_number", "")
            before, said = seen.setdefault(key, (number, digests[number]))
            if row.faults or not key:
                faults = row.faults or (CellFault("line_number", "this is missing"),)
                outcomes.append(RowOutcome(number, RowStatus.ERROR, key, faults=faults))
            elif before != number and said == digests[number]:
                outcomes.append(RowOutcome(number, RowStatus.UNCHANGED, key, remarks=(f"row {before} says the same",)))
            elif before != number:
                fault = CellFault("line_number", f"row {before} has this number already and says otherwise")
                outcomes.append(RowOutcome(number, RowStatus.ERROR, key, faults=(fault,)))
            else:
                outcome = self._row(number, key, row.values, lines.get(key, []), writes)
                outcomes.append(await self._noticed(outcome, row.values, lines.get(key, [])))
        await self.register.write(writes)
        return outcomes

    async def _noticed(
        self, outcome: RowOutcome, values: Mapping[str, str], lines: Sequence[dict[str, Any]]
    ) -> RowOutcome:
        """Make the notice of a planned day, or change it; one that says the same day is left, with its time."""
        if outcome.planned_on is None or outcome.council is None:
            return outcome
        there = next(line for line in lines if line["id"] == outcome.line_id)
        provider = values.get("line_provider") or there["provider"]
        if provider is None:
            words = "nobody knows the provider of this line: its planned day is kept here, and is no notice"
            return replace(outcome, remarks=(*outcome.remarks, words))
        known = await self.telco.telco.notice_of(outcome.council, outcome.key, provider)
        if known is not None and known.planned_at.astimezone(LONDON).date() == outcome.planned_on:
            return outcome
        kind = NoticeKind.NON_VOLUNTARY if known is None else NoticeKind(known.kind)
        one = ReadNotice(outcome.key, planned(outcome.planned_on.isoformat(), ""), kind, NoticeStatus.PLANNED)
        taken = await self.telco.take(outcome.council, provider, [one], self.by)
        held = ("this line is under a hold, which stays: tell the provider",) if taken.held else ()
        return replace(
            outcome,
            status=RowStatus.UPDATED,
            changes=(*outcome.changes, "notice of its migration"),
            remarks=(*outcome.remarks, *held),
        )

    def _row(
        self, number: int, key: str, values: Mapping[str, str], lines: Sequence[dict[str, Any]], writes: Writes
    ) -> RowOutcome:
        checked = date.fromisoformat(values["line_checked_on"]) if "line_checked_on" in values else None
        if checked is not None and checked > self.tools.now.date():
            return RowOutcome(number, RowStatus.ERROR, key, faults=(CellFault("line_checked_on", NOT_COME),))
        migrates = date.fromisoformat(values["migrates_on"]) if "migrates_on" in values else None
        if migrates is not None and abs(migrates - self.tools.now.date()) >= FARTHEST:
            fault = CellFault("migrates_on", "this is more than five years away")
            return RowOutcome(number, RowStatus.ERROR, key, faults=(fault,))
        if not lines:
            fault = CellFault("line_number", "the register has no line with this number")
            return RowOutcome(number, RowStatus.UNMATCHED, key, faults=(fault,))
        there = [line for line in lines if line["postcode"] == values.get("postcode")] if len(lines) > 1 else lines
        if len(there) != 1:
            where = ", ".join(sorted({line["postcode"] for line in lines})[:5])
            fault = CellFault("line_number", f"{len(lines)} homes have this number ({where}): give the postcode too")
            return RowOutcome(number, RowStatus.AMBIGUOUS, key, faults=(fault,))
        line, remarks = there[0], []
        if values.get("postcode", line["postcode"]) != line["postcode"]:
            remarks.append(f"the register has this line at {line['postcode']}, the list at {values['postcode']}")
        wanted = {
            "kind": values.get("line_kind"), "provider": values.get("line_provider"), "checked_on": checked,
        }  # fmt: skip
        if checked is not None and line["checked_on"] is not None and checked < line["checked_on"]:
            remarks.append(f"the register knows better since {line['checked_on']:%d/%m/%Y}: it was left so")
            wanted, migrates = {}, None
        changed = {name: value for name, value in wanted.items() if value is not None and value != line[name]}
        if changed:
            writes.updates["line"].append({"id": line["id"], **changed})
        line_id: UUID = line["id"]
        return RowOutcome(
            number, RowStatus.UPDATED if changed else RowStatus.UNCHANGED, key, [_WORDS[name] for name in changed],
            remarks=remarks, council=line["council_id"], planned_on=migrates, line_id=line_id,
        )  # fmt: skip

    async def _lines(self, numbers: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        statement = (
            select(Line.id, Line.council_id, Line.number, Line.kind, Line.provider, Line.checked_on, Premises.postcode)
            .join(Premises, Premises.id == Line.premises_id)
            .where(among(Line.number, numbers))
        )
        if self.council:
            statement = statement.where(Line.council_id == self.council)
        found: dict[str, list[dict[str, Any]]] = {}
        for row in (await self.session.execute(statement)).mappings():
            found.setdefault(row["number"], []).append(dict(row))
        return found
