"""The import of rotas from a file: all of it, or nothing of it."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.rota.document import dump_layers
from alarms.rota.exchange import Entry, read, resolve
from alarms.rota.models import RotaPlan
from alarms.rota.schemas import FileRota, ImportedRota, ImportFault, RotaImportOut
from alarms.rota.service import RotaService


@dataclass(frozen=True)
class Imported:
    """What an import has done, and the rotas that it has made or changed."""

    report: RotaImportOut
    touched: tuple[RotaPlan, ...] = ()


async def import_rotas(
    session: AsyncSession, text: bytes, *, dry_run: bool, councils: frozenset[str] = frozenset()
) -> Imported:
    """Import a file in the transaction of `session`; with a fault in it nothing is written at all.

    `councils` are those whose rotas may be changed; none means all.
    """
    entries, faults = read(text)
    service = RotaService(session)
    wanted: list[tuple[Entry, FileRota]] = []
    for entry in entries:
        keys = entry.member_keys()
        ids = await service.responders.responders.by_keys(keys, entry.council_id) if keys else {}
        rota, found = resolve(entry, ids)
        faults += found
        if rota is not None:
            faults += _not_allowed(entry, rota, councils) or await _stale(service, entry, rota)
            faults += _twice(entry, rota, wanted)
            wanted.append((entry, rota))
    faults.sort(key=lambda fault: fault.line)
    done: list[ImportedRota] = []
    touched: list[RotaPlan] = []
    for _, rota in () if faults else wanted:
        status, plan = await _put(service, rota, dry_run=dry_run)
        done.append(ImportedRota(key=rota.key, council_id=rota.council_id, status=status))
        if plan is not None:
            touched.append(plan)
    report = RotaImportOut(dry_run=dry_run, done=not dry_run and not faults, rotas=done, faults=faults)
    return Imported(report, tuple(touched))


async def _put(service: RotaService, rota: FileRota, *, dry_run: bool) -> tuple[str, RotaPlan | None]:
    """Create or change a rota; return what that was, and the rota when it was touched."""
    present = await service.rotas.by_key(rota.key, rota.council_id)
    if present is None:
        if dry_run:
            return "created", None
        columns = rota.model_dump(include={"key", "name", "council_id", "zone"})
        return "created", await service.create(rota.layers, **columns)
    same = _says(present, rota)
    if same or dry_run:
        return ("same" if same else "changed"), None
    await service.replace(present, present.version, rota.layers, name=rota.name, zone=rota.zone)
    return "changed", present


def _says(present: RotaPlan, rota: FileRota) -> bool:
    """Say whether a rota is what the file says already."""
    return (present.name, present.zone, present.plan) == (rota.name, rota.zone, dump_layers(rota.layers))


async def _stale(service: RotaService, entry: Entry, rota: FileRota) -> list[ImportFault]:
    """Refuse what would undo somebody's change since the export; what is there already undoes nothing."""
    if rota.as_of is None:
        return []
    present = await service.rotas.by_key(rota.key, rota.council_id)
    line = entry.where(("as_of",))
    if present is None:
        what, mend = f"the rota {rota.key} is no longer there, or never was", "take as_of out to make it anew"
        return [ImportFault(line=line, what=what, mend=mend, stale=True)]
    if present.version == rota.as_of or _says(present, rota):
        return []
    what = f"the rota {rota.key} has changed since its version {rota.as_of}: it is at {present.version} now"
    mend = "export it again and change that, or take as_of out to overwrite it"
    return [ImportFault(line=line, what=what, mend=mend, stale=True)]


def _not_allowed(entry: Entry, rota: FileRota, councils: frozenset[str]) -> list[ImportFault]:
    if not councils or rota.council_id in councils:
        return []
    mend = f"set council_id to one of {', '.join(sorted(councils))}"
    return [ImportFault(line=entry.line, what="you may change the rotas of your own councils only", mend=mend)]


def _twice(entry: Entry, rota: FileRota, before: list[tuple[Entry, FileRota]]) -> list[ImportFault]:
    for earlier, other in before:
        if (other.key, other.council_id) == (rota.key, rota.council_id):
            what = f"the rota {rota.key} stands in line {earlier.line} already"
            return [ImportFault(line=entry.line, what=what, mend="keep one of the two")]
    return []
