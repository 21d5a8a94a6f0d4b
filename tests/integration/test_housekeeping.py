"""What is swept, and that one kind that cannot be swept keeps none of the others."""

import pytest
from sqlalchemy import select, text

from alarms.notify import report_repository
from alarms.notify.models import DeliveryReport
from devices.commands import repository as commands
from telecare.housekeeping import Housekeeping
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings


async def test_one_kind_that_fails_keeps_none_of_the_others(database: Database, settings: Settings) -> None:
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE idempotent_reply RENAME TO elsewhere"))
        for statement in (
            (
                "INSERT INTO board_change (seq, at, alarm_id) "
                "SELECT n, now() - n * interval '1 day', gen_random_uuid() FROM generate_series(1, 5) n"
            ),
            (
                "INSERT INTO heartbeat (id, hub_id, received_at, payload) "
                "SELECT gen_random_uuid(), 'h', now() - n * interval '3 days', '{}' FROM generate_series(1, 5) n"
            ),
        ):
            await session.execute(text(statement))
    await Housekeeping(settings, database).sweep()
    async with database.transaction() as session:
        left = "SELECT (SELECT count(*) FROM board_change), (SELECT count(*) FROM heartbeat)"
        assert (await session.execute(text(left))).one() == (1, 2)


async def test_reports_commands_and_sessions_go_when_they_are_old_and_done(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_repository, "PRUNE_BATCH", 2)
    monkeypatch.setattr(commands, "PRUNE_BATCH", 2)
    async with database.transaction() as session:
        for statement in (
            (
                "INSERT INTO delivery_report (id, provider, provider_ref, word, report, status, received_at) "
                "SELECT gen_random_uuid(), 'p', status || days, 'sent', '{}', status, now() - days * interval '1 day' "
                "FROM unnest(ARRAY['applied', 'orphan', 'held']) status, unnest(ARRAY[29, 31, 90, 91]) days"
            ),
            "INSERT INTO council (code, name) VALUES ('S12000047', 'Fife') ON CONFLICT DO NOTHING",
            "INSERT INTO device_model (id, make, name, connection) VALUES (gen_random_uuid(), 'm', 'm', 'digital')",
            (
                "INSERT INTO hub (hub_id, council_id, model_id, connection) "
                "SELECT 'h', 'S12000047', id, 'digital' FROM device_model"
            ),
            (
                "INSERT INTO hub_command (id, council_id, hub_id, command, state, requested_by, created_at, sent_at, "
                "expires_at, finished_at) SELECT gen_random_uuid(), 'S12000047', 'h', 'ping', "
                "CASE WHEN days = 200 THEN 'sent' ELSE 'expired' END, 'system', now() - interval '300 days', now(), "
                "now(), CASE WHEN days = 200 THEN NULL ELSE now() - days * interval '1 day' END "
                "FROM unnest(ARRAY[10, 89, 91, 92, 93, 200]) days"
            ),
            (
                "INSERT INTO app_user (id, username, display_name, role, password_hash) "
                "VALUES (gen_random_uuid(), 'ann', 'Ann', 'operator', 'x')"
            ),
            (
                "INSERT INTO session (token_hash, user_id, csrf_token, expires_at) "
                "SELECT decode(days::text, 'escape'), id, 't', now() + days * interval '1 day' "
                "FROM app_user, unnest(ARRAY[-1, 1]) days"
            ),
        ):
            await session.execute(text(statement))
    await Housekeeping(settings.model_copy(update={"delivery_report_days": 30}), database).sweep()
    async with database.transaction() as session:
        left = select(DeliveryReport.provider_ref).order_by(DeliveryReport.provider_ref)
        reports = list((await session.execute(left)).scalars())
        assert reports == ["applied29", "held29", "held31", "held90", "held91", "orphan29"]
        ended = "SELECT count(*) FILTER (WHERE state = 'expired'), count(*) FILTER (WHERE state = 'sent')"
        assert (await session.execute(text(f"{ended} FROM hub_command"))).one() == (2, 1)
        assert (await session.execute(text("SELECT count(*) FROM session"))).scalar_one() == 1
