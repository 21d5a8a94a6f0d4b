"""Simulated storms on the running service: one incident for each cause, and every pendant is heard."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from devices.registry.seed import SeededHub
from simulators.fleet.ledger import read_ledger
from simulators.fleet.roster import BOTH_PATHS, Member, save
from simulators.fleet.storms.blackout import blackout
from simulators.fleet.storms.network import network_outage
from simulators.fleet.storms.story import Ask, Story
from simulators.hub.happenings import Press
from telecare.embedded.lab import Lab
from telecare.embedded.ports import free_port
from telecare.kernel.db import Database

SECTORS = ("KY15 4", "KY15 5")
HOMES = 10
FAILING, IN_THE_DARK = "Tay Mobile", "Clyde Mobile"
PENDANTS, LASTS_S = 8, 8.0
HAS_TO_WAIT_S = 1.0


@pytest.fixture(scope="module")
async def lab(lab_folder: Path) -> AsyncIterator[Lab]:
    """A service for which a cause has shown after half a second."""
    settings = {"INCIDENT_SETTLE_S": "0.5"}
    async with Lab(lab_folder, homes=130, http_port=free_port(), mqtt_port=free_port(), settings=settings) as lab:
        yield lab


def at(hub: SeededHub, number: int, network: str, sector: str | None = None) -> Member:
    """Every third hub has one path, the others have two."""
    paths = BOTH_PATHS if number % 3 else ("lte",)
    postcode = f"{sector}AA" if sector else None
    return Member(hub.hub_id, hub.hub_id, hub.password, postcode=postcode, network=network, paths=paths)


async def register(lab: Lab, members: Sequence[Member]) -> None:
    """Let the service know the same of these homes as their roster says."""
    database = Database(lab.settings())
    async with database.transaction() as session:
        for member in members:
            values = {"hub_id": member.hub_id, "network": member.network, "postcode": member.postcode}
            await session.execute(text("UPDATE hub SET mobile_network = :network WHERE hub_id = :hub_id"), values)
            await session.execute(
                text(
                    "UPDATE premises SET postcode = coalesce(:postcode, postcode)"
                    " WHERE id = (SELECT premises_id FROM installation WHERE hub_id = :hub_id)"
                ),
                values,
            )
    await database.dispose()


def seed_of(tell: Callable[[Sequence[Member], Ask], Story], members: Sequence[Member]) -> int:
    """Return the seed of a storm after which all is well, and in which somebody presses for a path to come back."""

    def fits(story: Story) -> bool:
        figures = story.figures()
        waits = [
            (span.back or 0.0) - step.at
            for step in story.steps
            for span in story.dark.get(step.hub, ())
            if isinstance(step.do, Press) and step.do.type == "pendant" and span.covers(step.at)
        ]
        well = figures["stay_silent"] == figures["stay_without_mains"] == 0
        return well and any(wait > 2 * HAS_TO_WAIT_S for wait in waits)

    return next(seed for seed in range(1, 1000) if fits(tell(members, Ask(seed, PENDANTS, 0.0, LASTS_S))))


async def befalls(lab: Lab, kind: str, members: Sequence[Member], seed: int, ledger: Path) -> dict[str, Any]:
    """Run a storm from the command line; return what it says in the end."""
    roster = ledger.with_suffix(".json")
    save(roster, members)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "telecare.cli", "simulate", "storm", "--kind", kind, "--file", str(roster)),
        *("--mqtt", lab.mqtt_url, "--url", lab.url, "--token", lab.secrets.api_token, "--ledger", str(ledger)),
        *("--seed", str(seed), "--duration", str(LASTS_S), "--calm", "0", "--pendants", str(PENDANTS), "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, complaints = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, complaints.decode()
    result: dict[str, Any] = json.loads(output)
    return result


async def test_each_cause_is_one_incident_and_every_pendant_is_heard(
    lab: Lab, api: httpx.AsyncClient, tmp_path: Path
) -> None:
    """A power cut in two postcodes takes the homes' routers and the masts; elsewhere a network fails."""
    dark = [at(hub, n, IN_THE_DARK, SECTORS[n // HOMES]) for n, hub in enumerate(lab.hubs[: 2 * HOMES])]
    cut_off = [at(hub, n, FAILING) for n, hub in enumerate(lab.hubs[2 * HOMES :][: 2 * HOMES])]
    await register(lab, [*dark, *cut_off])
    results = await asyncio.gather(
        befalls(lab, "blackout", dark, seed_of(blackout, dark), tmp_path / "blackout.jsonl"),
        befalls(lab, "network", cut_off, seed_of(network_outage, cut_off), tmp_path / "network.jsonl"),
    )
    for result in results:
        assert result["waiting"] == 0
        for pressed in (result["pendants"], result["late"]):
            assert pressed["raised"] == pressed["acked"] > 0
        assert result["pendants"]["raised"] + result["late"]["raised"] == PENDANTS

    opened = [one["words"] for one in (await api.get("/api/v1/incidents")).json()["items"]]
    assert sorted(opened) == [f"mobile network {FAILING}", *(f"postcode sector {sector}" for sector in SECTORS)]
    for result in results:
        assert {one["words"] for one in result["incidents"]} <= {*opened}

    # Whoever pressed without a path is kept with the time at which they did.
    books = [read_ledger(tmp_path / f"{kind}.jsonl") for kind in ("blackout", "network")]
    for (hub_id, event_id), entry in ((key, entry) for book in books for key, entry in book.items()):
        raised_at = entry.raised_at or 0.0
        if entry.type != "pendant" or (entry.first_sent_at or 0.0) - raised_at < HAS_TO_WAIT_S:
            continue
        events = (await api.get(f"/api/v1/hubs/{hub_id}/events")).json()["items"]
        kept = next(one for one in events if one["event_id"] == event_id)
        pressed_at = datetime.fromisoformat(kept["payload"]["at"]).timestamp()
        assert pressed_at == pytest.approx(raised_at, abs=0.01)
        assert datetime.fromisoformat(kept["received_at"]).timestamp() - pressed_at > HAS_TO_WAIT_S / 2
