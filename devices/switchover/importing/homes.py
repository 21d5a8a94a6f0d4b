"""Rows of homes, given to the register's own import batch by batch, in one transaction.

A UPRN that premises of before get is put aside until the end: changing a column of a key keeps alarms of that home from
being stored, as long as the transaction lasts. All else that is changed lets them through.
"""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.importing.plan import Known, Outcome, Tools, Writes, plan
from devices.registry.importing.repository import ImportRepository
from devices.registry.importing.rows import ReadRow, read_row
from devices.switchover.importing.domain import CellFault, MendedRow, RowStatus
from devices.switchover.importing.models import ImportFile
from devices.switchover.importing.outcome import RowOutcome

# Of which columns rows have spoken: later rows may be about the same home, and what they say otherwise does not count.
# What was said is what the register has by then. These tables live as long as the transaction.
_PREPARE = (
    "CREATE TEMPORARY TABLE import_said (id uuid PRIMARY KEY, of text NOT NULL, names text NOT NULL) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE import_uprn (id uuid PRIMARY KEY, uprn text NOT NULL) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE import_new (id uuid PRIMARY KEY) ON COMMIT DROP",
)
_SAY = text(
    """
    INSERT INTO import_said
    SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:ofs AS text[]), CAST(:names AS text[]))
    ON CONFLICT (id) DO UPDATE SET names = excluded.names
    """
)
_SAID = text("SELECT id, of, names FROM import_said WHERE id = ANY(CAST(:ids AS uuid[]))")
_NEW = text("INSERT INTO import_new SELECT unnest(CAST(:ids AS uuid[]))")
_IS_NEW = text("SELECT id FROM import_new WHERE id = ANY(CAST(:ids AS uuid[]))")
_ASIDE = text(
    "INSERT INTO import_uprn SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:uprns AS text[]))"
    " ON CONFLICT (id) DO NOTHING"
)
_BY_UPRN = text("SELECT id FROM import_uprn WHERE uprn = ANY(CAST(:uprns AS text[]))")
_WITH_UPRN = text("SELECT id, uprn FROM import_uprn WHERE id = ANY(CAST(:ids AS uuid[]))")
_APPLY = text("UPDATE premises p SET uprn = u.uprn, updated_at = now() FROM import_uprn u WHERE p.id = u.id")

_SHARED = frozenset({"premises", "person", "contact", "line"})


class HomesImport:
    """An import of homes in the transaction of `session`; only the council of `file` may be changed, None means any."""

    def __init__(self, session: AsyncSession, tools: Tools, file: ImportFile) -> None:
        self.session = session
        self.tools = tools
        self.councils = frozenset({file.council_id} if file.council_id else ())
        self.register = ImportRepository(session)

    async def begin(self) -> None:
        """Prepare the transaction."""
        for statement in _PREPARE:
            await self.session.execute(text(statement))

    async def take(
        self, rows: Sequence[tuple[int, MendedRow]], firsts: Mapping[str, tuple[int, str]], digests: Mapping[int, str]
    ) -> list[RowOutcome]:
        """Take a batch of rows; `firsts` are rows of batches before it, by the hub that they have."""
        read = await asyncio.to_thread(_read, rows, dict(firsts), digests)
        taken = [row for row in read if isinstance(row, ReadRow)]
        known = await self._known([row for row in taken if row.home is not None])
        outcomes, writes = await asyncio.to_thread(plan, tuple(taken), known, self.councils, self.tools)
        await self._put_aside(writes)
        await self.register.write(writes)
        await self._say(known)
        found = {outcome.number: _outcome(outcome) for outcome in outcomes}
        return [found[row.number] if isinstance(row, ReadRow) else row for row in read]

    async def end(self) -> None:
        """Write what was put aside: from here on alarms of those homes wait for the end of the transaction."""
        await self.session.execute(_APPLY)

    async def _known(self, rows: Sequence[ReadRow]) -> Known:
        homes = [row.home for row in rows if row.home is not None]
        uprns = [home.uprn for home in homes if home.uprn]
        aside = list((await self.session.execute(_BY_UPRN, {"uprns": uprns})).scalars()) if uprns else []
        known = await self.register.known(homes, aside)
        for id_, uprn in await self.session.execute(_WITH_UPRN, {"ids": list(known.premises)}):
            known.premises[id_]["uprn"] = uprn
        shared = [*known.premises.values(), *known.people.values()]
        shared += [row for listed in (*known.contacts.values(), *known.lines.values()) for row in listed]
        own = {row["id"]: row for row in shared}
        for id_, of, names in await self.session.execute(_SAID, {"ids": list(own)}):
            for name in names.split():
                known.said[of, id_, name] = own[id_][name]
        return known.index()

    async def _put_aside(self, writes: Writes) -> None:
        changed = [row for row in writes.updates.get("premises", ()) if row.get("uprn")]
        new = [row["id"] for row in writes.inserts.get("premises", ())]
        if new:
            await self.session.execute(_NEW, {"ids": new})
        if not changed:
            return
        fresh = set((await self.session.execute(_IS_NEW, {"ids": [row["id"] for row in changed]})).scalars())
        aside = {row["id"]: row.pop("uprn") for row in changed if row["id"] not in fresh}
        writes.updates["premises"] = [row for row in writes.updates["premises"] if len(row) > 1]
        await self.session.execute(_ASIDE, {"ids": list(aside), "uprns": list(aside.values())})

    async def _say(self, known: Known) -> None:
        said: dict[UUID | str, tuple[str, list[str]]] = {}
        for of, id_, name in known.said:
            if of in _SHARED:
                said.setdefault(id_, (of, []))[1].append(name)
        arrays = {
            "ids": list(said), "ofs": [of for of, _ in said.values()],
            "names": [" ".join(names) for _, names in said.values()],
        }  # fmt: skip
        await self.session.execute(_SAY, arrays)


def _read(
    rows: Sequence[tuple[int, MendedRow]], firsts: dict[str, tuple[int, str]], digests: Mapping[int, str]
) -> list[ReadRow | RowOutcome]:
    """Read rows as homes; one that says the same as a row before is nothing new, one that says otherwise is a fault."""
    found: list[ReadRow | RowOutcome] = []
    for number, row in rows:
        read = read_row(number, row.values.get("hub_id", "")[:64], row.values)
        faults = [CellFault(fault.column, fault.what) for fault in read.faults if not _told(fault.column, row)]
        before, said = firsts.setdefault(read.hub_id, (number, digests[number])) if read.hub_id else (number, "")
        council = row.values.get("council")
        if row.faults or faults:
            found.append(
                RowOutcome(number, RowStatus.ERROR, read.hub_id, faults=(*row.faults, *faults), council=council)
            )
        elif before != number and said == digests[number]:
            remark = f"row {before} says the same"
            found.append(RowOutcome(number, RowStatus.UNCHANGED, read.hub_id, remarks=(remark,), council=council))
        elif before != number:
            fault = CellFault("hub_id", f"row {before} has this hub already and says otherwise: remove one of them")
            found.append(RowOutcome(number, RowStatus.ERROR, read.hub_id, faults=(fault,), council=council))
        else:
            found.append(read)
    return found


def _told(column: str, row: MendedRow) -> bool:
    """Say whether a column that is missing was refused before, or would have come from one that was."""
    wholes = {
        "given_name": "full_name", "family_name": "full_name", "address": "full_address", "town": "full_address",
        "postcode": "full_address",
    }  # fmt: skip
    return any(fault.field in {column, wholes.get(column)} for fault in row.faults)


def _outcome(outcome: Outcome) -> RowOutcome:
    faults = tuple(CellFault(fault.column, fault.what) for fault in outcome.faults)
    status = RowStatus(outcome.status)
    return RowOutcome(
        outcome.number, status, outcome.hub_id, outcome.changes, faults, outcome.remarks, council=outcome.council
    )
