"""What an alarm asks of responders and rotas, and who is told of a hand-over."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select, text

from alarms.notify.domain import Channel
from alarms.responders.domain import DISABLED, Rule, Urgency
from alarms.responders.models import Responder
from alarms.responders.repository import ResponderRepository
from alarms.responders.service import ResponderService
from alarms.rota.document import RotationDocument
from alarms.rota.domain import RotaError
from alarms.rota.handover import queue_handovers
from alarms.rota.models import RotaPlan
from alarms.rota.repository import RotaRepository
from alarms.rota.service import RotaService
from alarms.rota.tasks import HandoverNotices
from telecare.kernel.db import Database, database_now
from telecare.kernel.outbox import OutboxMessage
from tests.homes import ARGYLL, FIFE

AT = datetime(2026, 1, 6, 12, tzinfo=UTC)


class Desk:
    """Responders and rotas, made in the database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def responder(self, key: str, council: str | None = FIFE, *addresses: str, active: bool = True) -> UUID:
        async with self.database.transaction() as session:
            service = ResponderService(session)
            made = await service.create(key=key, name=key.title(), council_id=council, active=active)
            for address in addresses or (f"{key}@fife.example",):
                await service.add_method(made, Channel.EMAIL, address, None)
            return made.id

    async def rota(self, key: str, *members: UUID, council: str | None = FIFE, **values: Any) -> UUID:
        layer = {"kind": "rotation", "unit": "daily", "starts_at": "2026-01-05T09:00", "members": members, **values}
        async with self.database.transaction() as session:
            layers = [RotationDocument.model_validate(layer)]
            columns = {"key": key, "name": key.title(), "council_id": council, "zone": "Europe/London"}
            return (await RotaService(session).create(layers, **columns)).id

    async def sql(self, statement: str, **values: Any) -> None:
        async with self.database.transaction() as session:
            await session.execute(text(statement), values)

    async def outbox(self) -> list[OutboxMessage]:
        async with self.database.transaction() as session:
            return list((await session.execute(select(OutboxMessage).order_by(OutboxMessage.id))).scalars())


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def test_a_key_means_the_councils_own_before_the_shared_one(desk: Desk, database: Database) -> None:
    own, shared, other = [await desk.responder("duty", council) for council in (FIFE, None, ARGYLL)]
    only_shared = await desk.responder("chief", None)
    async with database.transaction() as session:
        found = ResponderRepository(session)
        assert await found.by_keys({"duty", "chief", "nobody"}, FIFE) == {"duty": own, "chief": only_shared}
        assert await found.by_keys({"duty"}, ARGYLL) == {"duty": other}
        assert await found.by_keys({"duty"}, "S12000049") == await found.by_keys({"duty"}, None) == {"duty": shared}


async def test_teams_give_their_members_in_order_and_an_empty_one_is_not_an_unknown_one(
    desk: Desk, database: Database
) -> None:
    isla, rory = await desk.responder("isla"), await desk.responder("rory")
    async with database.transaction() as session:
        service = ResponderService(session)
        await service.create_team([rory, isla], key="wardens", name="W", council_id=FIFE)
        await service.create_team([], key="wardens", name="W", council_id=None)
        found = await service.responders.members_of_teams({"wardens", "nobody"}, FIFE)
        assert found == {"wardens": (rory, isla)}
        assert await service.responders.members_of_teams({"wardens"}, ARGYLL) == {"wardens": ()}


async def test_parties_come_in_two_statements_whatever_their_number(desk: Desk, database: Database) -> None:
    people = [await desk.responder(f"r{n}", FIFE, f"r{n}@fife.example", f"r{n}@home.example") for n in range(12)]
    away, gone = await desk.responder("away", active=False), await desk.responder("gone")
    statements: list[str] = []
    async with database.transaction() as session:
        await ResponderRepository(session).remove(gone)

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            statements.append(statement)

        event.listen(database.engine.sync_engine, "before_cursor_execute", note)
        parties = await ResponderRepository(session).parties([*people, away, gone], "L", AT)
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert len(statements) == 2
    assert list(parties) == people
    assert all(len(party.rules) == 2 for party in parties.values())


async def test_rules_quiet_hours_and_a_reply_of_stop_are_read_live(desk: Desk, database: Database) -> None:
    isla = await desk.responder("isla")
    await desk.sql("UPDATE responder SET quiet_from = '22:00', quiet_to = '07:00'")
    night = datetime(2026, 7, 6, 22, 30, tzinfo=UTC)  # 23:30 in London
    async with database.transaction() as session:
        service = ResponderService(session)
        responder = await session.get_one(Responder, isla)
        (method,) = await service.responders.methods_of(isla)
        await service.set_rules(responder, [Rule(method.id, 0, Urgency.LIFE_SAFETY), Rule(method.id, 9, Urgency.OTHER)])
        found = await service.responders.reached([isla], "L", night)
        assert [rule.to.address for rule in found[isla].party.rules] == ["isla@fife.example"]
        assert (await service.responders.reached([isla], "T", night))[isla].silence == "quiet hours until 07:00"
        assert (await service.responders.reached([isla], "T", AT))[isla].party.rules[0].after_s == 9
        (stopped,) = await service.responders.disable_address("email", "isla@fife.example", "a reply of STOP")
        assert stopped.id == method.id
        assert (await service.responders.reached([isla], "L", night))[isla].silence == DISABLED


async def test_bad_rotas_do_not_stop_the_good_one_and_broken_is_not_empty(desk: Desk, database: Database) -> None:
    """S11, R26."""
    isla, rory = await desk.responder("isla"), await desk.responder("rory")
    await desk.rota("good", isla, rory)
    await desk.rota("empty")
    await desk.rota("broken", isla)
    await desk.rota("zoneless", isla)
    chief = await desk.responder("chief", None)
    await desk.rota("good", chief, council=None)
    await desk.sql('UPDATE rota SET plan = \'{"layers": [{"kind": "rotation"}]}\' WHERE key = \'broken\'')
    await desk.sql("UPDATE rota SET zone = 'Europe/Atlantis' WHERE key = 'zoneless'")
    async with database.transaction() as session:
        keys = {"good", "empty", "broken", "zoneless", "unknown"}
        found = await RotaRepository(session).on_call_of(keys, FIFE, AT)
        assert {key: value for key, value in found.items() if isinstance(value, tuple)} == {
            "good": (rory,),
            "empty": (),
        }
        assert {key for key, value in found.items() if isinstance(value, RotaError)} == {"broken", "zoneless"}
        assert await RotaRepository(session).on_call_of({"good"}, ARGYLL, AT) == {"good": (chief,)}


async def test_who_was_removed_is_on_no_more(desk: Desk, database: Database) -> None:
    """R25: the order of the others does not move."""
    isla, rory = await desk.responder("isla"), await desk.responder("rory")
    await desk.rota("nights", isla, rory)
    await desk.sql("UPDATE responder SET removed_at = now() WHERE id = :id", id=rory)
    async with database.transaction() as session:
        rotas = RotaRepository(session)
        assert await rotas.on_call_of({"nights"}, FIFE, AT) == {"nights": ()}
        assert await rotas.on_call_of({"nights"}, FIFE, AT + timedelta(days=1)) == {"nights": (isla,)}


async def test_who_comes_on_is_told_once_whoever_looks(desk: Desk, database: Database) -> None:
    isla, rory = await desk.responder("isla"), await desk.responder("rory")
    rota_id = await desk.rota("nights", isla, rory)
    change = datetime(2026, 1, 6, 9, tzinfo=UTC)
    for later in (1, 2):
        async with database.transaction() as session:
            now = change + timedelta(minutes=later)
            assert await queue_handovers(session, now - timedelta(minutes=15), now) == 1
    (message,) = await desk.outbox()
    assert (message.address, message.target, message.rank) == ("rory@fife.example", "handover", 50)
    assert message.message["text"] == (
        "You are on call for Nights since 09:00 on Tuesday 06 January, until 09:00 on Wednesday 07 January."
    )
    assert str(rota_id) in message.effect_key


async def test_a_hand_over_that_was_undone_since_is_not_told(desk: Desk, database: Database) -> None:
    isla, rory = await desk.responder("isla"), await desk.responder("rory")
    await desk.rota("nights", isla)
    async with database.transaction() as session:
        rotas, plan = RotaService(session), (await session.execute(select(RotaPlan))).scalar_one()
        times = {"starts_at": AT - timedelta(minutes=5), "ends_at": AT - timedelta(minutes=1)}
        row = {"kind": "add", "member_id": rory, "instead_of_id": None, "why": "storm", "made_by": "a test", **times}
        await rotas.override(plan, **row)
        assert await queue_handovers(session, AT - timedelta(minutes=15), AT) == 0


async def test_the_task_finds_what_has_just_changed(desk: Desk, database: Database) -> None:
    isla, rory = await desk.responder("isla"), await desk.responder("rory")
    async with database.transaction() as session:
        now = await database_now(session)
    starts = (now - timedelta(days=1, minutes=3)).strftime("%Y-%m-%dT%H:%M")
    rota_id = await desk.rota("nights", isla, rory, starts_at=starts)
    await desk.sql("UPDATE rota SET zone = 'UTC' WHERE id = :id", id=rota_id)
    assert await HandoverNotices(database).look() == 1
    assert [message.address for message in await desk.outbox()] == ["rory@fife.example"]
