"""Records of installers: what they found or fitted, for hubs that the register knows. Nothing is moved by them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.domain import NO_TONES, Connection
from devices.registry.fields import NOT_COME
from devices.registry.importing.plan import Tools, Writes
from devices.registry.importing.repository import ImportRepository
from devices.registry.importing.rows import CsvDay, PeripheralCells, read_peripherals
from devices.registry.models import Hub, Installation, Peripheral
from devices.switchover.importing.domain import CellFault, MendedRow, RowStatus
from devices.switchover.importing.models import ImportFile
from devices.switchover.importing.outcome import RowOutcome
from telecare.kernel.among import among

_DAY: TypeAdapter[date] = TypeAdapter(CsvDay)
_WRITTEN = ("serial", "imei", "iccid", "mobile_network")


class InstallerImport:
    """An import of installers' records in the transaction of `session`; only the council of `file` may be changed."""

    def __init__(self, session: AsyncSession, tools: Tools, file: ImportFile) -> None:
        self.session = session
        self.tools = tools
        self.council = file.council_id
        self.by = file.asked_by or file.uploaded_by
        self.register = ImportRepository(session)

    async def begin(self) -> None:
        """Nothing is to be prepared."""

    async def end(self) -> None:
        """Nothing is left for the end."""

    async def take(
        self, rows: Sequence[tuple[int, MendedRow]], firsts: Mapping[str, tuple[int, str]], digests: Mapping[int, str]
    ) -> list[RowOutcome]:
        """Take a batch of rows: what they say of hubs that are known is written, the others are reported."""
        hubs = await self._hubs([row for _, row in rows])
        since = await self._since(hubs)
        paired = await self._paired(hubs)
        writes = Writes()
        outcomes = []
        seen = dict(firsts)
        for number, row in rows:
            key = row.values.get("hub_id") or row.values.get("serial") or ""
            before, said = seen.setdefault(key, (number, digests[number]))
            if row.faults:
                outcomes.append(RowOutcome(number, RowStatus.ERROR, key, faults=row.faults))
            elif not key:
                fault = CellFault("hub_id", "say which hub: its id or its serial number")
                outcomes.append(RowOutcome(number, RowStatus.ERROR, key, faults=(fault,)))
            elif before != number and said == digests[number]:
                outcomes.append(RowOutcome(number, RowStatus.UNCHANGED, key, remarks=(f"row {before} says the same",)))
            elif before != number:
                fault = CellFault("hub_id", f"row {before} is about this hub already and says otherwise")
                outcomes.append(RowOutcome(number, RowStatus.ERROR, key, faults=(fault,)))
            else:
                outcomes.append(self._row(number, key, row.values, hubs, since, paired, writes))
        await self.register.write(writes)
        return outcomes

    def _row(
        self,
        number: int,
        key: str,
        values: Mapping[str, str],
        hubs: Sequence[dict[str, Any]],
        since: Mapping[str, date],
        paired: dict[tuple[str, str], dict[str, Any]],
        writes: Writes,
    ) -> RowOutcome:
        found = _matching(values, hubs)
        if not found:
            fault = CellFault("hub_id" if "hub_id" in values else "serial", "the register has no such hub")
            return RowOutcome(number, RowStatus.UNMATCHED, key, faults=(fault,))
        if len(found) > 1:
            named = ", ".join(sorted(hub["hub_id"] for hub in found)[:5])
            fault = CellFault("serial", f"{len(found)} hubs have this serial number: {named}. Give the hub id")
            return RowOutcome(number, RowStatus.AMBIGUOUS, key, faults=(fault,))
        hub = found[0]
        try:
            day = _DAY.validate_python(values["installed_on"]) if "installed_on" in values else None
            wanted = _peripherals(values)
        except ValidationError as error:
            what = error.errors()[0]["msg"].removeprefix("Value error, ")
            fault = CellFault("detectors" if "detectors" in values else "installed_on", what)
            return RowOutcome(number, RowStatus.ERROR, key, faults=(fault,))
        except ValueError as error:
            return RowOutcome(number, RowStatus.ERROR, key, faults=(CellFault("detectors", str(error)),))
        wrong = _handshakes_fault(hub, values, self.tools.now.date())
        if wrong is not None:
            return RowOutcome(number, RowStatus.ERROR, key, faults=(wrong,), council=hub["council_id"])
        changes = self._write(hub, values, writes)
        added, remarks = self._pair(hub, wanted, paired, writes)
        counted, left = self._count(hub, values, writes)
        changes += [*added, *counted]
        remarks += left
        if day is not None and hub["hub_id"] not in since:
            remarks.append("the register has it nowhere: install it there, or import its home")
        elif day is not None and since[hub["hub_id"]] != day:
            remarks.append(f"the register has it there since {since[hub['hub_id']]:%d/%m/%Y}, which was left so")
        status = RowStatus.UPDATED if changes else RowStatus.UNCHANGED
        return RowOutcome(number, status, key, changes, remarks=remarks, council=hub["council_id"])

    def _write(self, hub: dict[str, Any], values: Mapping[str, str], writes: Writes) -> list[str]:
        changed = {name: values[name] for name in _WRITTEN if values.get(name) and values[name] != hub[name]}
        if changed:
            writes.updates["hub"].append({"hub_id": hub["hub_id"], **changed})
            hub.update(changed)
        return [f"hub: {name.replace('_', ' ')}" for name in changed]

    def _count(self, hub: dict[str, Any], values: Mapping[str, str], writes: Writes) -> tuple[list[str], list[str]]:
        """Write how many calls failed on the unit's tones, unless it is known up to a later day."""
        if "failed_handshakes" not in values:
            return [], []
        count, until = int(values["failed_handshakes"]), date.fromisoformat(values["handshakes_until"])
        known = hub["handshakes_until"]
        if known is not None and known > until:
            return [], [f"failed handshakes are known up to {known:%d/%m/%Y}, which was left so"]
        if (known, hub["failed_handshakes"]) == (until, count):
            return [], []
        told = {"handshakes_told_at": self.tools.now, "handshakes_told_by": self.by}
        changed = {"failed_handshakes": count, "handshakes_until": until, **told}
        writes.updates["hub"].append({"hub_id": hub["hub_id"], **changed})
        hub.update(changed)
        return [f"hub: {count} failed handshakes up to {until:%d/%m/%Y}"], []

    def _pair(
        self,
        hub: dict[str, Any],
        wanted: Sequence[dict[str, Any]],
        paired: dict[tuple[str, str], dict[str, Any]],
        writes: Writes,
    ) -> tuple[list[str], list[str]]:
        changes, remarks = [], []
        for cells in wanted:
            key = (hub["hub_id"], cells["device_id"])
            known = paired.get(key)
            if known is None:
                own = {"id": self.tools.new_id(), "council_id": hub["council_id"], "hub_id": hub["hub_id"]}
                paired[key] = {**cells, **own}
                writes.inserts["peripheral"].append(paired[key])
                changes.append(f"peripheral {cells['device_id']} added")
            elif known["kind"] != cells["kind"]:
                remarks.append(f"{cells['device_id']} is a {known['kind']} in the register")
        return changes, remarks

    async def _hubs(self, rows: Sequence[MendedRow]) -> list[dict[str, Any]]:
        ids = [row.values["hub_id"] for row in rows if "hub_id" in row.values]
        serials = [row.values["serial"] for row in rows if "serial" in row.values]
        statement = select(
            Hub.hub_id, Hub.council_id, Hub.connection, Hub.serial, Hub.imei, Hub.iccid, Hub.mobile_network,
            Hub.failed_handshakes, Hub.handshakes_until,
        ).where(or_(among(Hub.hub_id, ids), among(Hub.serial, serials)))  # fmt: skip
        if self.council:
            statement = statement.where(Hub.council_id == self.council)
        return [dict(row) for row in (await self.session.execute(statement)).mappings()]

    async def _since(self, hubs: Sequence[dict[str, Any]]) -> dict[str, date]:
        statement = select(Installation.hub_id, func.lower(Installation.period)).where(
            and_(among(Installation.hub_id, [hub["hub_id"] for hub in hubs]), func.upper_inf(Installation.period))
        )
        return {hub_id: since.date() for hub_id, since in await self.session.execute(statement)}

    async def _paired(self, hubs: Sequence[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
        statement = select(Peripheral.hub_id, Peripheral.device_id, Peripheral.kind).where(
            among(Peripheral.hub_id, [hub["hub_id"] for hub in hubs])
        )
        rows = (await self.session.execute(statement)).mappings()
        return {(row["hub_id"], row["device_id"]): dict(row) for row in rows}


def _matching(values: Mapping[str, str], hubs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the hubs that a row may mean: its id tells, else its serial number."""
    name = "hub_id" if "hub_id" in values else "serial"
    return [hub for hub in hubs if hub[name] == values[name]]


def _handshakes_fault(hub: Mapping[str, Any], values: Mapping[str, str], today: date) -> CellFault | None:
    """Return why what a row says of failed handshakes cannot be taken, if so."""
    if "failed_handshakes" not in values:
        return None
    if hub["connection"] == Connection.DIGITAL:
        return CellFault("failed_handshakes", f"this unit is {NO_TONES}")
    if "handshakes_until" not in values:
        return CellFault("handshakes_until", "say up to which day they were counted, or in which month")
    if date.fromisoformat(values["handshakes_until"]) > today:
        return CellFault("handshakes_until", NOT_COME)
    return None


def _peripherals(values: Mapping[str, str]) -> list[dict[str, Any]]:
    wanted: list[dict[str, Any]] = [
        {"device_id": each, "kind": "pendant", "room": None} for each in values.get("pendant_ids", "").split()
    ]
    if "detectors" in values:
        wanted += [PeripheralCells.model_validate(each).model_dump() for each in read_peripherals(values["detectors"])]
    return wanted
