"""What a file of homes changes in the register. Pure: what is known comes in, what to write goes out.

A home is known by its hub; premises by their UPRN, else by postcode and address; a person by the hub that serves them,
else by name and date of birth, else by their name in a home that is known. Nothing is ever removed, and no hub is
moved: that is decided by people.
"""

import difflib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from devices.registry.domain import HubStatus, LineKind, RiskTier, exceeds
from devices.registry.fields import NOT_COME
from devices.registry.importing.rows import ContactCells, Fault, HomeRow, ReadRow

Row = dict[str, Any]
PersonKey = tuple[str, str, str, date]


@dataclass(frozen=True)
class Place:
    """Where a hub is now."""

    person_id: UUID
    premises_id: UUID


@dataclass
class Known:
    """What the register has of the things in a file; grows with each row that is planned.

    `said` is what rows before this one said of a field: two rows about one home that contradict each other would
    otherwise change it to and fro with each import.
    """

    models: dict[str, Row]
    hubs: dict[str, Row]
    places: dict[str, Place]
    free_from: dict[str, datetime]
    premises: dict[UUID, Row]
    people: dict[UUID, Row]
    contacts: dict[UUID, list[Row]]
    lines: dict[UUID, list[Row]]
    peripherals: dict[tuple[str, str], Row]
    by_uprn: dict[tuple[str, str], UUID] = field(default_factory=dict)
    by_place: dict[tuple[str, str, str], UUID] = field(default_factory=dict)
    by_person: dict[PersonKey, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    residents: dict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    said: dict[tuple[str, UUID | str, str], Any] = field(default_factory=dict)

    def index(self) -> "Known":
        """Make the indexes; returns itself."""
        for row in self.premises.values():
            self.add_premises(row)
        for row in self.people.values():
            self.add_person(row)
        return self

    def add_premises(self, row: Row) -> None:
        """Know premises by their id, UPRN and address."""
        self.premises[row["id"]] = row
        if row["uprn"] is not None:
            self.by_uprn[row["council_id"], row["uprn"]] = row["id"]
        self.by_place[row["council_id"], row["postcode"], row["address"].casefold()] = row["id"]

    def add_person(self, row: Row) -> None:
        """Know a person by their id, name and date of birth."""
        self.people[row["id"]] = row
        key = person_key(row["council_id"], row["given_name"], row["family_name"], row["date_of_birth"])
        if key is not None and row["id"] not in self.by_person[key]:
            self.by_person[key].append(row["id"])


def person_key(council: str, given: str, family: str, born: date | None) -> PersonKey | None:
    """Return what tells a person; a name alone does not."""
    return None if born is None else (council, given.casefold(), family.casefold(), born)


@dataclass(frozen=True)
class Tools:
    """What planning needs from outside: the time, fresh ids, and the seal of key-safe codes."""

    now: datetime
    new_id: Callable[[], UUID]
    seal: Callable[[str], str]
    unseal: Callable[[str], str]


@dataclass(frozen=True)
class Outcome:
    """What becomes of a row: `created`, `updated`, `unchanged` or `error`, and what changes, in words."""

    number: int
    hub_id: str
    status: str
    changes: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    remarks: tuple[str, ...] = ()
    council: str | None = None


@dataclass
class Writes:
    """What to insert and update, by table name."""

    inserts: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    updates: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))


class FaultError(Exception):
    """A row cannot be taken."""

    def __init__(self, column: str, what: str) -> None:
        super().__init__(what)
        self.fault = Fault(column, what)


def plan(
    rows: tuple[ReadRow, ...], known: Known, councils: frozenset[str], tools: Tools
) -> tuple[list[Outcome], Writes]:
    """Return what becomes of each row, and what to write; `councils` are those that may be changed, none means all."""
    writes = Writes()
    outcomes = []
    for row in rows:
        if row.home is None:
            outcomes.append(Outcome(row.number, row.hub_id, "error", faults=row.faults))
            continue
        try:
            outcomes.append(_Home(row.number, row.home, known, tools, writes).take(row.contacts, councils))
        except FaultError as error:
            outcomes.append(Outcome(row.number, row.hub_id, "error", faults=(error.fault,)))
    return outcomes, writes


class _Home:
    """One row. Everything is checked before the first thing is written."""

    def __init__(self, number: int, home: HomeRow, known: Known, tools: Tools, writes: Writes) -> None:
        self.number = number
        self.home = home
        self.known = known
        self.tools = tools
        self.writes = writes
        self.changes: list[str] = []
        self.remarks: list[str] = []

    def take(self, contacts: tuple[ContactCells, ...], councils: frozenset[str]) -> Outcome:
        home, known = self.home, self.known
        if councils and home.council not in councils:
            raise FaultError("council", "this is not one of your councils")
        if home.date_of_birth is not None and home.date_of_birth > self.tools.now.date():
            raise FaultError("date_of_birth", NOT_COME)
        model = self._model()
        hub = self._hub()
        premises = self._premises()
        person = self._person(premises)
        place = known.places.get(home.hub_id)
        if place is not None and place.premises_id != (premises or {}).get("id"):
            at = known.premises[place.premises_id]
            what = f"the hub is at {at['address']}, {at['postcode']}: move it in the register, or correct the row"
            raise FaultError("address", what)
        since = self._since()
        premises_id = self._put_premises(premises)
        person_id = self._put_person(person)
        self._put_hub(hub, model)
        if place is None:
            self._install(person_id, premises_id, since)
        for contact in contacts:
            self._put_contact(person_id, contact)
        self._put_line(premises_id)
        self._put_peripherals()
        status = "created" if hub is None else "updated" if self.changes else "unchanged"
        return Outcome(
            self.number, home.hub_id, status, tuple(self.changes), remarks=tuple(self.remarks), council=home.council
        )

    def _model(self) -> Row:
        name = f"{self.home.make} {self.home.model}"
        model = self.known.models.get(name.casefold())
        if model is None:
            near = difflib.get_close_matches(name.casefold(), self.known.models, n=3)
            hint = " or ".join(self.known.models[key]["title"] for key in near)
            mend = f"did you mean {hint}?" if hint else "add it to the device models first"
            raise FaultError("model", f"there is no model {name}: {mend}")
        if self.home.connection is not None and exceeds(self.home.connection, model["connection"]):
            raise FaultError("connection", f"{model['title']} is {model['connection']} at best")
        return model

    def _hub(self) -> Row | None:
        hub = self.known.hubs.get(self.home.hub_id)
        if hub is not None and hub["council_id"] != self.home.council:
            raise FaultError("hub_id", "another council has a hub with this id")
        if hub is not None and hub["status"] == HubStatus.RETIRED:
            raise FaultError("hub_id", "this hub is retired: put it back into stock first")
        return hub

    def _premises(self) -> Row | None:
        home, known = self.home, self.known
        if home.uprn is not None and (home.council, home.uprn) in known.by_uprn:
            return known.premises[known.by_uprn[home.council, home.uprn]]
        found = known.by_place.get((home.council, home.postcode, home.address.casefold()))
        if found is None or (home.uprn is not None and known.premises[found]["uprn"] is not None):
            return None
        return known.premises[found]

    def _person(self, premises: Row | None) -> Row | None:
        home, known = self.home, self.known
        place = known.places.get(home.hub_id)
        if place is not None:
            person = known.people[place.person_id]
            same = [(person[name] or "").casefold() == getattr(home, name).casefold() for name in _NAMES]
            if not all(same):
                served = f"{person['given_name']} {person['family_name']}"
                what = f"the hub serves {served}: move it in the register, or correct the name there"
                raise FaultError("family_name", what)
            return person
        key = person_key(home.council, home.given_name, home.family_name, home.date_of_birth)
        found = known.by_person.get(key, []) if key is not None else []
        if len(found) == 1:
            return known.people[found[0]]
        return None if premises is None else self._resident(premises["id"])

    def _resident(self, premises_id: UUID) -> Row | None:
        """Return who of this name lives there with another hub, unless born on another day."""
        home, same = self.home, []
        for person in [self.known.people[each] for each in self.known.residents[premises_id]]:
            born = person["date_of_birth"]
            if all((person[name] or "").casefold() == getattr(home, name).casefold() for name in _NAMES):
                if None in {born, home.date_of_birth} or born == home.date_of_birth:
                    same.append(person)
            elif born is not None and born == home.date_of_birth:
                other = f"{person['given_name']} {person['family_name']}"
                self.remarks.append(f"{other} lives there and was born on the same day: are they the same person?")
        return same[0] if len(same) == 1 else None

    def _since(self) -> datetime:
        day, now = self.home.installed_on, self.tools.now
        since = now if day is None else min(now, datetime.combine(day, time(), UTC))
        if day is not None and day > now.date():
            raise FaultError("installed_on", "this day has not come: import what has been installed")
        if self.home.hub_id not in self.known.places and since < self.known.free_from.get(self.home.hub_id, since):
            free = self.known.free_from[self.home.hub_id]
            raise FaultError("installed_on", f"the hub was elsewhere until {free:%d/%m/%Y}: give a later day")
        return since

    def _put_premises(self, premises: Row | None) -> UUID:
        home = self.home
        wanted: Row = {
            "uprn": home.uprn,
            "address": home.address,
            "town": home.town,
            "postcode": home.postcode,
            "exchange": home.exchange,
            "latitude": home.latitude if home.longitude is not None else None,
            "longitude": home.longitude if home.latitude is not None else None,
            "access_notes": home.access_notes,
            "key_safe_location": home.key_safe_location,
            "key_safe_code_sealed": self._sealed(premises),
        }
        if premises is None:
            premises = {"id": self.tools.new_id(), "council_id": home.council, **wanted}
            self._insert("premises", premises, "premises")
        else:
            self._update("premises", premises, wanted)
        self.known.add_premises(premises)
        found: UUID = premises["id"]
        return found

    def _sealed(self, premises: Row | None) -> str | None:
        """Seal the code of the row, unless it is the one that is known: each sealing looks like another."""
        code = self.home.key_safe_code
        sealed = None if premises is None else premises["key_safe_code_sealed"]
        if code is None or (sealed is not None and self.tools.unseal(sealed) == code):
            return None
        return self.tools.seal(code)

    def _put_person(self, person: Row | None) -> UUID:
        home = self.home
        wanted: Row = {name: getattr(home, name) for name in _PERSON}
        if person is None:
            defaults = {"risk_tier": home.risk_tier or RiskTier.C, "lives_alone": home.lives_alone or False}
            person = {"id": self.tools.new_id(), "council_id": home.council, **wanted, **defaults}
            self._insert("person", person, "person")
        else:
            self._update("person", person, wanted)
        self.known.add_person(person)
        found: UUID = person["id"]
        return found

    def _put_hub(self, hub: Row | None, model: Row) -> None:
        home = self.home
        wanted: Row = {
            "model_id": model["id"],
            "serial": home.serial,
            "mobile_network": home.mobile_network,
            "connection": home.connection or (model["connection"] if hub is None else None),
            "status": HubStatus.IN_SERVICE,
        }
        if hub is None:
            hub = {"hub_id": home.hub_id, "council_id": home.council, **wanted}
            self._insert("hub", hub, "hub")
            self.known.hubs[home.hub_id] = hub
        else:
            self._update("hub", hub, wanted)

    def _install(self, person_id: UUID, premises_id: UUID, since: datetime) -> None:
        row = {
            "id": self.tools.new_id(),
            "council_id": self.home.council,
            "hub_id": self.home.hub_id,
            "person_id": person_id,
            "premises_id": premises_id,
            "since": since,
        }
        self._insert("installation", row, "installation")
        self.known.places[self.home.hub_id] = Place(person_id, premises_id)
        if person_id not in self.known.residents[premises_id]:
            self.known.residents[premises_id].append(person_id)

    def _put_contact(self, person_id: UUID, cells: ContactCells) -> None:
        listed = self.known.contacts.setdefault(person_id, [])
        wanted: Row = cells.model_dump()
        for contact in listed:
            if contact["name"].casefold() == cells.name.casefold():
                self._update("contact", contact, wanted)
                return
        position = max((contact["position"] for contact in listed), default=0) + 1
        own = {"id": self.tools.new_id(), "council_id": self.home.council, "person_id": person_id, "position": position}
        row = {**wanted, **own, "holds_key": cells.holds_key or False}
        listed.append(row)
        self._insert("contact", row, f"contact {cells.name}")

    def _put_line(self, premises_id: UUID) -> None:
        home = self.home
        wanted: Row = {
            "number": home.line_number,
            "kind": home.line_kind,
            "provider": home.line_provider,
            "checked_on": home.line_checked_on,
        }
        if not any(wanted.values()):
            return
        listed = self.known.lines.setdefault(premises_id, [])
        for line in listed:
            if home.line_number in {None, line["number"]}:
                self._update("line", line, wanted)
                return
        own = {"id": self.tools.new_id(), "council_id": home.council, "premises_id": premises_id}
        row = {**wanted, **own, "kind": home.line_kind or LineKind.PSTN}
        listed.append(row)
        self._insert("line", row, "line")

    def _put_peripherals(self) -> None:
        wanted: list[Row] = [{"device_id": each, "kind": "pendant", "room": None} for each in self.home.pendant_ids]
        wanted += [each.model_dump() for each in self.home.detectors]
        for cells in wanted:
            key = (self.home.hub_id, cells["device_id"])
            if key in self.known.peripherals:
                self._update("peripheral", self.known.peripherals[key], cells)
                continue
            own = {"id": self.tools.new_id(), "council_id": self.home.council, "hub_id": self.home.hub_id}
            self.known.peripherals[key] = {**cells, **own}
            self._insert("peripheral", self.known.peripherals[key], f"peripheral {cells['device_id']}")

    def _insert(self, table: str, row: Row, words: str) -> None:
        self._agreed(table, row)
        self.writes.inserts[table].append(dict(row))
        self.changes.append(f"{words} added")

    def _update(self, table: str, row: Row, wanted: Mapping[str, Any]) -> None:
        """Change what the row says otherwise; what it does not say stays."""
        key = _KEYS.get(table, "id")
        agreed = self._agreed(table, {key: row[key], **wanted})
        changed = {name: value for name, value in agreed.items() if value != row[name]}
        if not changed:
            return
        row.update(changed)
        self.writes.updates[table].append({key: row[key], **changed})
        self.changes += [_words(table, name) for name in changed]

    def _agreed(self, table: str, wanted: Mapping[str, Any]) -> Row:
        """Return what is said here and not said otherwise by a row before."""
        key = _KEYS.get(table, "id")
        agreed = {}
        for name, value in wanted.items():
            if value is None:
                continue
            if self.known.said.setdefault((table, wanted[key], name), value) == value:
                agreed[name] = value
            else:
                self.remarks.append(f"{_words(table, name)}: a row before says otherwise")
        return agreed


def _words(table: str, name: str) -> str:
    return f"{table}: {name.removesuffix('_sealed').removesuffix('_id').replace('_', ' ')}"


_KEYS = {"hub": "hub_id"}
_NAMES = ("given_name", "family_name")
_PERSON = (
    *_NAMES, "preferred_name", "date_of_birth", "phone", "risk_tier", "risk_reason", "lives_alone", "communication",
    "hazards",
)  # fmt: skip
