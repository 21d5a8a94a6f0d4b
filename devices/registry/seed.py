"""A fictional fleet over three Scottish councils: the same homes for the same secret, and none of them real."""

import base64
import hashlib
import hmac
import random
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.domain import Connection, HubStatus, LineKind, Radio
from devices.registry.models import Contact, DeviceModel, Hub, Installation, Line, Peripheral, Person, Premises
from devices.registry.seed_words import (
    COMMUNICATION,
    FAMILY,
    GIVEN,
    HAZARDS,
    NETWORKS,
    NICKNAMES,
    PLACES,
    PROVIDERS,
    RELATIONS,
    ROOMS,
    SAFES,
    STREETS,
    Place,
)
from telecare.kernel.db import Base, database_now
from telecare.kernel.ids import new_id
from telecare.kernel.pure.mqtt_credentials import hash_password
from telecare.kernel.sealing import Sealer

HEARTBEAT_S = 60
LONG_AGO, SOON = timedelta(days=60), timedelta(days=12)
"""Of a few homes: when their triggers were paired, which nobody has heard since, and when a certificate runs out."""
TABLES: tuple[type[Base], ...] = (Premises, Person, Contact, Line, Hub, Peripheral, Installation)

MODELS = (
    ("Clachan", "Lifeline 400", Connection.ANALOGUE, Radio.NONE, ["BS 8521"], 40, date(2027, 1, 31)),
    ("Clachan", "Bridge D1", Connection.DIGITAL_READY, Radio.G2, ["BS 8521", "SCAIP"], 30, date(2029, 5, 1)),
    ("Skerry", "Halo", Connection.DIGITAL, Radio.G4, ["SCAIP", "MQTT"], 36, None),
    ("Skerry", "Halo M", Connection.DIGITAL, Radio.LTE_M, ["MQTT"], 48, None),
)
SHARES = (0.35, 0.20, 0.25, 0.20)
"""Of the homes: analogue, digital-ready on an analogue path, and the two digital models."""

DETECTORS = (("smoke", 0.5), ("fall", 0.3), ("carbon_monoxide", 0.2), ("door_exit", 0.1), ("bed_exit", 0.08))


@dataclass(frozen=True)
class SeededHub:
    """A hub that speaks MQTT, with the credential that the register keeps only as a hash."""

    hub_id: str
    password: str
    peripherals: tuple[tuple[str, str, str | None], ...]
    paths: tuple[str, ...]
    postcode: str | None = None
    network: str | None = None

    def for_simulator(self) -> dict[str, Any]:
        """Return the hub as the simulators' fleet file has it."""
        return {
            "hub_id": self.hub_id,
            "username": self.hub_id,
            "password": self.password,
            "interval_s": HEARTBEAT_S,
            "peripherals": [{"id": i, "kind": kind, "room": room} for i, kind, room in self.peripherals],
            "postcode": self.postcode,
            "network": self.network,
            "paths": self.paths,
        }


async def seed_fleet(session: AsyncSession, sealer: Sealer, secret: str, homes: int) -> list[SeededHub]:
    """Put in those of the first `homes` homes that are not there yet; return their digital hubs, at least one.

    A home is the same whatever the size of its fleet, so a second start finds it, and a larger one adds to it.
    """
    known = frozenset((await session.execute(select(Hub.hub_id))).scalars())
    fleet = _Fleet(sealer, secret, await _models(session), await database_now(session))
    hubs = [fleet.add_home(number, known) for number in range(1, homes + 1)]
    for table in TABLES:
        if rows := fleet.rows[table]:
            await session.execute(insert(table), rows)
    places = await _places(session)
    found = [(hub, *places.get(hub.hub_id, (None, None))) for hub in hubs if hub is not None]
    return [replace(hub, network=network, postcode=postcode) for hub, network, postcode in found]


async def _places(session: AsyncSession) -> dict[str, tuple[str | None, str]]:
    """Return where each hub is, as the register has it: a home that was there already may have moved since."""
    statement = (
        select(Hub.hub_id, Hub.mobile_network, Premises.postcode)
        .join(Installation, Installation.hub_id == Hub.hub_id)
        .join(Premises, Premises.id == Installation.premises_id)
        .where(Installation.period.contains(func.clock_timestamp()), Hub.connection == Connection.DIGITAL)
    )
    rows = await session.execute(statement)
    return {hub_id: (network, postcode) for hub_id, network, postcode in rows}


async def _models(session: AsyncSession) -> list[UUID]:
    """Put in the models that are not there yet; return the ids of all, in their order."""
    found = await session.execute(select(DeviceModel.make, DeviceModel.name, DeviceModel.id))
    known = {(make, name): model_id for make, name, model_id in found}
    fresh = [_model(new_id(), row) for row in MODELS if row[:2] not in known]
    if fresh:
        await session.execute(insert(DeviceModel), fresh)
    known |= {(row["make"], row["name"]): row["id"] for row in fresh}
    return [known[row[:2]] for row in MODELS]


def hub_password(secret: str, hub_id: str) -> str:
    """Return the password of a seeded hub: 128 bits that follow from the demo's secret."""
    digest = hmac.new(bytes.fromhex(secret), f"hub:{hub_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


class _Fleet:
    """Collects the rows of all homes; each is drawn from a chance of its own."""

    def __init__(self, sealer: Sealer, secret: str, models: list[UUID], now: datetime) -> None:
        self.chance = random.Random()  # noqa: S311 - a made-up fleet; secrets come from hub_password
        self.sealer = sealer
        self.secret = secret
        self.models = models
        self.now = now
        self.rows: dict[type[Base], list[dict[str, Any]]] = {table: [] for table in TABLES}

    def add_home(self, number: int, known: frozenset[str]) -> SeededHub | None:
        """Add a home, unless its hub is known; return the hub when it speaks MQTT. The first always does."""
        chance, place = self.chance, PLACES[number % len(PLACES)]
        chance.seed(f"{self.secret}:{number}")
        kind = 2 if number == 1 else chance.choices(range(len(MODELS)), SHARES)[0]
        hub_id = f"{MODELS[kind][0][:2].upper()}-{number:05d}"
        paired = self._paired()
        if hub_id not in known:
            self._add_rows(place, number, hub_id, kind, paired)
        if MODELS[kind][2] is not Connection.DIGITAL:
            return None
        paths = ("lte",) if MODELS[kind][3] is Radio.LTE_M else ("ethernet", "lte")
        return SeededHub(hub_id, hub_password(self.secret, hub_id), paired, paths)

    def _paired(self) -> tuple[tuple[str, str, str | None], ...]:
        wanted = [name for name, share in DETECTORS if self.chance.random() < share]
        return ("p1", "pendant", None), *(
            (f"p{index}", name, self.chance.choice(ROOMS)) for index, name in enumerate(wanted, 2)
        )

    def _add_rows(
        self, place: Place, number: int, hub_id: str, kind: int, paired: tuple[tuple[str, str, str | None], ...]
    ) -> None:
        premises_id, person_id = new_id(), new_id()
        family = self._person(place, person_id)
        self._premises(place, number, premises_id)
        self._contacts(place, number, person_id, family)
        self._hub(place, hub_id, kind, number)
        paired_at = self.now - LONG_AGO if number % 12 == 1 else self.now
        for device_id, name, room in paired:
            own = {"id": new_id(), "council_id": place.code, "hub_id": hub_id, "device_id": device_id}
            self.rows[Peripheral].append({**own, "kind": name, "room": room, "paired_at": paired_at})
        since = self.now - timedelta(days=self.chance.randrange(30, 2000))
        row = {"id": new_id(), "council_id": place.code, "hub_id": hub_id, "person_id": person_id}
        stays = {"period": Range(since, None, bounds="[)"), "accepted_at": since, "accepted_by": "seed"}
        self.rows[Installation].append({**row, "premises_id": premises_id, **stays})

    def _person(self, place: Place, person_id: UUID) -> str:
        chance = self.chance
        given, family = chance.choice(GIVEN), chance.choice(FAMILY)
        tier = chance.choices("ABCD", (15, 30, 40, 15))[0]
        self.rows[Person].append(
            {
                "id": person_id,
                "council_id": place.code,
                "given_name": given,
                "family_name": family,
                "preferred_name": chance.choice([None, None, None, NICKNAMES.get(given)]),
                "date_of_birth": date(1927, 1, 1) + timedelta(days=chance.randrange(35 * 365)),
                "phone": self._mobile(),
                "risk_tier": tier,
                "risk_reason": {"A": "Lives alone, falls often", "B": "Unsteady, hard to reach"}.get(tier),
                "risk_review_on": (self.now + timedelta(days=chance.randrange(10, 300))).date(),
                "lives_alone": chance.random() < 0.6,
                "communication": chance.choice(COMMUNICATION) if chance.random() < 0.3 else None,
                "hazards": chance.choice(HAZARDS) if chance.random() < 0.25 else None,
            }
        )
        return family

    def _premises(self, place: Place, number: int, premises_id: UUID) -> None:
        chance = self.chance
        town, outcode = chance.choice(place.towns)
        safe = chance.random() < 0.7
        # By a chance of its own, so that homes stay what they were before they had a place.
        where = random.Random(f"{self.secret}:{number}:where")  # noqa: S311 - a made-up home
        middle = place.middles[town]
        self.rows[Premises].append(
            {
                "id": premises_id,
                "council_id": place.code,
                "uprn": str(906_000_000_000 + number),
                "address": f"{chance.randrange(1, 120)} {chance.choice(STREETS)}",
                "town": town,
                "postcode": f"{outcode} {chance.randrange(1, 9)}{''.join(chance.sample('ABDEFGHJLNPQRSTUWXYZ', 2))}",
                "exchange": town,
                "latitude": round(where.gauss(middle[0], 0.015), 6),
                "longitude": round(where.gauss(middle[1], 0.025), 6),
                "access_notes": "Ring and wait: slow to the door" if chance.random() < 0.2 else None,
                "key_safe_location": chance.choice(SAFES) if safe else None,
                "key_safe_code_sealed": self.sealer.seal(f"{chance.randrange(10_000):04d}") if safe else None,
                "key_safe_checked_on": (self.now - timedelta(days=chance.randrange(400))).date() if safe else None,
            }
        )
        self.rows[Line].append(
            {
                "id": new_id(),
                "council_id": place.code,
                "premises_id": premises_id,
                "number": self._landline(place, number),
                "kind": chance.choices(list(LineKind), (45, 30, 10, 15))[0],
                "provider": chance.choice(PROVIDERS),
                "checked_on": (self.now - timedelta(days=chance.randrange(500))).date(),
            }
        )

    def _contacts(self, place: Place, number: int, person_id: UUID, family: str) -> None:
        chance = self.chance
        for position in range(1, chance.randrange(1, 4) + 1):
            given = chance.choice(GIVEN)
            self.rows[Contact].append(
                {
                    "id": new_id(),
                    "council_id": place.code,
                    "person_id": person_id,
                    "position": position,
                    "name": f"{given} {family if chance.random() < 0.6 else chance.choice(FAMILY)}",
                    "relation": chance.choice(RELATIONS),
                    "phone": self._mobile(),
                    "email": f"{given.lower()}.{number}@family.example" if chance.random() < 0.6 else None,
                    "holds_key": chance.random() < 0.5,
                    "minutes_away": chance.choice((5, 10, 15, 30, 45)),
                    "verified_on": (self.now - timedelta(days=chance.randrange(600))).date(),
                }
            )

    def _hub(self, place: Place, hub_id: str, kind: int, number: int) -> None:
        digital = MODELS[kind][2] is Connection.DIGITAL
        salt = hashlib.sha256(f"{self.secret}:{hub_id}".encode()).digest()[:12]
        self.rows[Hub].append(
            {
                "hub_id": hub_id,
                "council_id": place.code,
                "model_id": self.models[kind],
                "serial": f"{MODELS[kind][0][:1]}{number * 7919 % 1_000_003:07d}",
                "mobile_network": None if MODELS[kind][3] is Radio.NONE else NETWORKS[number % len(NETWORKS)],
                "connection": MODELS[kind][2],
                "status": HubStatus.IN_SERVICE,
                "heartbeat_interval_s": HEARTBEAT_S if digital else None,
                "mqtt_credential": hash_password(hub_password(self.secret, hub_id), salt) if digital else None,
                "credential_issued_at": self.now if digital else None,
                "certificate_expires_on": (self.now + SOON).date() if digital and number % 15 == 2 else None,
            }
        )

    def _mobile(self) -> str:
        return f"+447700900{self.chance.randrange(1000):03d}"

    def _landline(self, place: Place, number: int) -> str:
        if place.area_code == "01632":
            return f"+441632960{number % 1000:03d}"
        return f"+44{place.area_code[1:]}496{number % 1000:04d}"


def _model(model_id: UUID, row: tuple[Any, ...]) -> dict[str, Any]:
    make, name, connection, radio, protocols, battery_hours, retires_on = row
    return {
        "id": model_id,
        "make": make,
        "name": name,
        "connection": connection,
        "radio": radio,
        "protocols": protocols,
        "battery_hours": battery_hours,
        "retires_on": retires_on,
    }
