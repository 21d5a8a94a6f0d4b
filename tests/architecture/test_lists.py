"""Each list of states stands twice, as an enumeration and as a CHECK of the database: the two agree."""

import re
from enum import StrEnum
from pathlib import Path

import pytest
from sqlalchemy import text

from alarms.cover.domain import CoverWhy
from alarms.escalation.domain import Condition, Handling
from alarms.incidents.domain import GroupKind, IncidentState
from alarms.incidents.domain import MemberState as IncidentMemberState
from alarms.intake.types import AlarmClass
from alarms.notify.domain import Channel, ContactTarget
from alarms.notify.reports import ReportStatus
from alarms.responders.domain import Urgency
from alarms.rota.domain import OverrideKind
from alarms.welfare.domain import Cause as WelfareCause
from alarms.welfare.domain import Channel as WelfareChannel
from alarms.welfare.domain import Outcome as WelfareOutcome
from alarms.welfare.domain import PersonState, Standing
from devices.commands.domain import CommandName, CommandState, UpdateStep
from devices.firmware.domain import ImageState, MemberState, RolloutState
from devices.jobs.domain import JobKind, JobState
from devices.presence.domain import Presence
from devices.registry.domain import Connection, HubStatus, LineKind, Radio, RiskTier
from devices.switchover.awards.domain import CostItem
from devices.switchover.exposure.domain import ExposureCause
from devices.switchover.importing.domain import FileKind, FileState, RowStatus
from devices.switchover.planning.domain import PlanState
from devices.switchover.programmes.domain import Cause
from devices.switchover.telco.domain import CheckState, MatchResult, NoticeKind, NoticeStatus, Purpose
from devices.switchover.visits.domain import ContactChannel, ContactOutcome, EvidenceKind, VisitState
from telecare.access.broker import BrokerRole
from telecare.access.domain import UserRole
from telecare.kernel.db import Database
from telecare.kernel.outbox import OutboxState
from telecare.kernel.pure.progress import DeliveryState
from telecare.protection.domain import Protection

ROOT = Path(__file__).parent.parent.parent

LISTS: dict[str, type[StrEnum]] = {
    "ck_import_file_kind": FileKind,
    "ck_import_file_state": FileState,
    "ck_import_mapping_kind": FileKind,
    "ck_import_row_status": RowStatus,
    "ck_cover_why": CoverWhy,
    "ck_switchover_plan_state": PlanState,
    "ck_incident_kind": GroupKind,
    "ck_incident_state": IncidentState,
    "ck_incident_member_state": IncidentMemberState,
    "ck_welfare_campaign_cause": WelfareCause,
    "ck_campaign_person_state": PersonState,
    "ck_campaign_person_standing": Standing,
    "ck_campaign_attempt_channel": WelfareChannel,
    "ck_campaign_attempt_outcome": WelfareOutcome,
    "ck_alarm_handling": Handling,
    "ck_alarm_condition": Condition,
    "ck_alarm_class": AlarmClass,
    "ck_outbox_state": OutboxState,
    "ck_outbox_delivery": DeliveryState,
    "ck_delivery_report_status": ReportStatus,
    "ck_contact_point_channel": Channel,
    "ck_contact_point_target": ContactTarget,
    "ck_contact_method_channel": Channel,
    "ck_contact_rule_urgency": Urgency,
    "ck_rota_override_kind": OverrideKind,
    "ck_hub_presence_state": Presence,
    "ck_presence_period_state": Presence,
    "ck_person_risk_tier": RiskTier,
    "ck_person_protection_state": Protection,
    "ck_person_protection_tier": RiskTier,
    "ck_protection_period_state": Protection,
    "ck_protection_period_tier": RiskTier,
    "ck_hub_connection": Connection,
    "ck_hub_status": HubStatus,
    "ck_job_kind": JobKind,
    "ck_job_state": JobState,
    "ck_job_tier": RiskTier,
    "ck_hub_command_command": CommandName,
    "ck_hub_command_state": CommandState,
    "ck_hub_command_step": UpdateStep,
    "ck_firmware_image_state": ImageState,
    "ck_firmware_rollout_state": RolloutState,
    "ck_firmware_hub_state": MemberState,
    "ck_device_model_connection": Connection,
    "ck_device_model_radio": Radio,
    "ck_switchover_cost_item": CostItem,
    "ck_telco_batch_purpose": Purpose,
    "ck_telco_batch_number_result": MatchResult,
    "ck_telco_notice_kind": NoticeKind,
    "ck_telco_notice_status": NoticeStatus,
    "ck_telco_check_state": CheckState,
    "ck_exposure_cause": ExposureCause,
    "ck_exposure_line_kind": LineKind,
    "ck_line_kind": LineKind,
    "ck_switchover_programme_cause": Cause,
    "ck_visit_state": VisitState,
    "ck_visit_resumes": VisitState,
    "ck_visit_log_from_state": VisitState,
    "ck_visit_log_to_state": VisitState,
    "ck_visit_contact_channel": ContactChannel,
    "ck_visit_contact_outcome": ContactOutcome,
    "ck_visit_evidence_kind": EvidenceKind,
    "ck_app_user_role": UserRole,
    "ck_api_token_role": UserRole,
    "ck_broker_account_role": BrokerRole,
}


@pytest.mark.parametrize("constraint", LISTS)
async def test_enumeration_and_check_agree(database: Database, constraint: str) -> None:
    async with database.transaction() as session:
        query = text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
        definition = (await session.execute(query, {"name": constraint})).scalar_one()
    assert set(re.findall(r"'([^']+)'::", definition)) == {str(member) for member in LISTS[constraint]}


async def test_every_tenants_row_carries_its_council(database: Database) -> None:
    """A table that belongs to no council says so here, by name."""
    shared = {
        "alembic_version", "council", "device_model", "app_user", "session", "api_token", "broker_account",
        "idempotent_reply", "board_head", "heartbeat", "hub_live", "canary",
        # They are their hub's, which carries it, or the service's own.
        "hub_presence", "presence_period", "listening", "deaf_period", "hub_boot", "job_look", "watcher",
        # One cause may have homes in many councils: who sees it is its councils' and members' to say.
        "incident",
        # An image is of a model, which all councils share; a wave is its rollout's.
        "firmware_image", "firmware_wave", "telemetry_hour",
        "telemetry_progress",
        # That something of a hub or a person has changed: it is there for a moment, and nobody sees it.
        "protection_change",
        # A programme lists its councils, a wave is its programme's; each unit and visit is of one council.
        "switchover_programme", "switchover_wave",
    }  # fmt: skip
    query = """
        SELECT t.table_name FROM information_schema.tables t
         WHERE t.table_schema = 'public'
           AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = quote_ident(t.table_name)::regclass)
           AND NOT EXISTS (
               SELECT FROM information_schema.columns c
                WHERE c.table_name = t.table_name AND c.column_name = 'council_id')
    """
    async with database.transaction() as session:
        assert set((await session.execute(text(query))).scalars()) == shared


def test_every_table_stands_in_the_list_of_tables() -> None:
    listed = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("## Tables")[2].partition("\n## ")[0]
    tables = {
        name
        for room in ("alarms", "devices", "telecare")
        for path in (ROOT / room).rglob("*.py")
        for name in re.findall(r'__tablename__ = "(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert tables - set(re.findall(r"`(\w+)`", listed)) == set()


def test_migrations_know_the_tables_of_every_room() -> None:
    """What they do not import is no table to them where nothing else has imported it."""
    known = (ROOT / "migrations" / "env.py").read_text(encoding="utf-8")
    rooms = {
        ".".join(path.relative_to(ROOT).parent.parts)
        for room in ("alarms", "devices", "telecare")
        for path in (ROOT / room).rglob("models.py")
        if "(Base)" in path.read_text(encoding="utf-8")
    }
    assert {room for room in rooms if f"from {room} import models" not in known} == set()
