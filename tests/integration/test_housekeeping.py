"""What is swept, and that one kind that cannot be swept keeps none of the others."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from alarms.escalation.domain import Address
from alarms.notify import report_repository
from alarms.notify.models import DeliveryReport
from alarms.notify.notice_repository import BLANK
from alarms.notify.notices import Notice, notice_row
from devices.commands import repository as commands
from telecare.housekeeping import Housekeeping
from telecare.kernel.db import Database, write_now
from telecare.kernel.ids import new_id
from telecare.kernel.outbox import OutboxRepository
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


async def test_a_code_is_taken_out_of_a_message_that_has_left_or_run_out(
    database: Database, settings: Settings
) -> None:
    async with database.transaction() as session:
        for number, (state, minutes) in enumerate(
            [("sent", 10), ("failed", 10), ("pending", 10), ("pending", -1), ("sending", -1)]
        ):
            to = Address("email", f"u{number}@fife.example", f"U{number}")
            data = {"code": f"00000{number}", "expires_at": f"{datetime.now(UTC) + timedelta(minutes=minutes)}"}
            about = {"about": new_id(), "council_id": None, "subject": "Your code", "text": f"It is 00000{number}."}
            OutboxRepository(session).add([notice_row(Notice.VERIFICATION, f"v:{number}", to, **about, data=data)])
            await write_now(session)
            change = text(
                "UPDATE outbox SET state = :state, lease_until = CASE WHEN :leased THEN now() END "
                "WHERE effect_key = :key"
            )
            await session.execute(change, {"state": state, "leased": state == "sending", "key": f"v:{number}"})
    await Housekeeping(settings, database).sweep()
    query = "SELECT state, message #>> '{data,code}', message ->> 'text', message ->> 'label' FROM outbox ORDER BY 4"
    async with database.transaction() as session:
        rows = (await session.execute(text(query))).all()
    assert [(row[0], row[1]) for row in rows] == [
        ("sent", None), ("failed", None), ("pending", "000002"), ("cancelled", None), ("sending", "000004"),
    ]  # fmt: skip
    assert [row[2] for row in rows] == [BLANK, BLANK, "It is 000002.", BLANK, "It is 000004."]
