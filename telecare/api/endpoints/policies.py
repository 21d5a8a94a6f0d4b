"""Escalation policies: look through, try out, save, retire, and move open alarms to the version of now."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Holder
from alarms.handling.service import AlarmService
from alarms.handling.targets import Targets
from alarms.handling.what_if import Question, what_if
from alarms.intake.types import TYPES
from alarms.policy.compare import differences
from alarms.policy.models import Policy
from alarms.policy.reading import read
from alarms.policy.repository import PolicyRepository
from alarms.policy.scenario import ScenarioError, read_scenario
from alarms.policy.schemas import (
    LintIn,
    LintOut,
    PolicyChange,
    PolicyIn,
    PolicyOut,
    PolicyWithText,
    ReroutedOut,
    SimulateIn,
    TimelineOut,
)
from alarms.policy.service import PolicyService
from alarms.policy.simulate import AlarmType, ScenarioRun
from devices.registry.homes import PersonRepository
from devices.registry.models import Person
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository, unknown_councils
from telecare.api.deps import Needs, Services, ServicesDep, Transaction
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.contacts import contacts_by
from telecare.kernel.db import database_now
from telecare.kernel.errors import ForbiddenError, InvalidError, NotFoundError, RefusedError

router = api_router("/policies", "policies")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_ALARMS))]
Supervisor = Annotated[Actor, Depends(Needs(Permission.SUPERVISE))]
Administrator = Annotated[Actor, Depends(Needs(Permission.ADMINISTER))]

CLASSES = {name: str(row.class_) for name, row in TYPES.items()}
ALARM_TYPES = {name: AlarmType(str(row.class_), row.rank, row.words) for name, row in TYPES.items()}


@router.get("")
async def list_policies(
    session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None
) -> Page[PolicyOut]:
    """List the policies that are live, newest first."""
    before = decode_cursor(cursor, UUID)
    policies = PolicyRepository(session)
    listed = await policies.page(actor.councils, before[0] if before else None, limit + 1)
    versions = await policies.versions([(policy.id, policy.version) for policy in listed])
    return page_of(listed, limit, lambda one: PolicyOut.of(one, versions[one.id]), lambda one: (one.id,))


@router.post("", status_code=201)
async def create_policy(body: PolicyIn, session: Transaction, actor: Administrator) -> PolicyWithText:
    """Save a new policy: live with the next alarm, or refused with the line of each fault."""
    await _check_council(body.text, session, actor)
    policy, version = await PolicyService(session, CLASSES).create(body.text, body.note, actor.name)
    await AuditRepository(session).add(
        actor, "policy_created", "policy", policy.id, policy.council_id, details={"key": policy.key}
    )
    return PolicyWithText.of(policy, version)


@router.post("/lint")
async def lint_policy(body: LintIn, session: Transaction, actor: Viewer) -> LintOut:  # noqa: ARG001 - logged in
    """Look a policy through without saving it: its faults, and the longest time until a human, hour by hour."""
    looked = await PolicyService(session, CLASSES).look_through(body.text)
    return LintOut.of(looked.faults, looked.outlook)


@router.post("/simulate")
async def simulate_policy(body: SimulateIn, session: Transaction, services: ServicesDep, actor: Viewer) -> TimelineOut:
    """Say who would be told when: of an alarm at a moment with the rota of that moment, or of a whole scenario."""
    if body.scenario is not None:
        try:
            scenario = read_scenario(body.scenario)
            timeline = ScenarioRun(scenario, ALARM_TYPES).run()
        except ScenarioError as error:
            errors = [
                {"where": f"body.scenario, line {fault.line}", "what": str(fault), "mend": fault.mend}
                for fault in error.faults
            ]
            raise InvalidError("This is no scenario", errors=errors) from error
        return TimelineOut.of(timeline, differences=differences(scenario, timeline))
    return await _what_if(body, session, services, actor)


@router.get("/{policy_id}")
async def get_policy(
    policy_id: UUID,
    session: Transaction,
    actor: Viewer,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="an earlier one")] = None,
) -> PolicyWithText:
    """Show a policy as it was written; retired ones stay readable."""
    policy = await _require(policy_id, session, actor)
    row = await PolicyRepository(session).version(policy_id, version or policy.version)
    if row is None:
        raise NotFoundError(f"The policy has no version {version}")
    return PolicyWithText.of(policy, row)


@router.get("/{policy_id}/versions")
async def list_versions(policy_id: UUID, session: Transaction, actor: Viewer) -> list[PolicyOut]:
    """List every version of a policy, the newest first: who saved it, when and why."""
    policy = await _require(policy_id, session, actor)
    return [PolicyOut.of(policy, row) for row in await PolicyRepository(session).history(policy_id)]


@router.put("/{policy_id}")
async def change_policy(
    policy_id: UUID, body: PolicyChange, session: Transaction, actor: Administrator
) -> PolicyWithText:
    """Save the next version. Open alarms keep the one they were raised with until they are rerouted."""
    policy = await _require(policy_id, session, actor)
    _check_governs(actor, policy.council_id)
    version = await PolicyService(session, CLASSES).change(policy, body.as_of, body.text, body.note, actor.name)
    await AuditRepository(session).add(
        actor, "policy_changed", "policy", policy.id, policy.council_id, details={"version": version.version}
    )
    return PolicyWithText.of(policy, version)


@router.delete("/{policy_id}", status_code=204)
async def retire_policy(policy_id: UUID, session: Transaction, actor: Administrator) -> None:
    """Let no new alarm go by it. Refused while open alarms run on it (S13)."""
    policy = await _require(policy_id, session, actor)
    _check_governs(actor, policy.council_id)
    running = await AlarmService(session).running_on(policy.key, policy.council_id)
    if running:
        raise RefusedError(f"{len(running)} open alarms run on this policy: end or reroute them first")
    await PolicyRepository(session).retire(policy_id)
    await AuditRepository(session).add(actor, "policy_retired", "policy", policy_id, policy.council_id)


@router.post("/{policy_id}/reroute")
async def reroute_alarms(
    policy_id: UUID, session: Transaction, services: ServicesDep, actor: Supervisor
) -> ReroutedOut:
    """Let every open alarm that runs on this policy begin anew with the policy that fits it now, one by one."""
    policy = await _require(policy_id, session, actor)
    _check_governs(actor, policy.council_id)
    moved = []
    for alarm_id in await AlarmService(session).running_on(policy.key, policy.council_id):
        by = Holder(str(actor.id), actor.name)
        async with services.database.transaction() as own:
            if await AlarmService(own, services.settings.public_url).reroute(alarm_id, by):
                moved.append(alarm_id)
    await AuditRepository(session).add(
        actor, "alarms_rerouted", "policy", policy_id, policy.council_id, details={"alarms": len(moved)}
    )
    return ReroutedOut(alarms=moved)


async def _what_if(body: SimulateIn, session: AsyncSession, services: Services, actor: Actor) -> TimelineOut:
    if body.type not in ALARM_TYPES:
        errors = [{"where": "body.type", "what": "no type of alarm has this name"}]
        raise InvalidError(f"“{body.type}” is no type of alarm", errors=errors)
    if not actor.sees(body.council_id):
        raise ForbiddenError("You may ask about your own councils only")
    if body.at is not None and body.at.tzinfo is None:
        errors = [{"where": "body.at", "what": "a time needs its offset, such as 2027-01-03T03:12:00+00:00"}]
        raise InvalidError("The time has no offset", errors=errors)
    draft = None
    if body.text is not None:
        reading = read(body.text)
        if reading.document is None:
            raise InvalidError(f"The policy cannot be read: {reading.faults[0]}")
        draft = reading.document
    person = await _visible_person(body, session, actor)
    question = Question(
        type=body.type,
        known=ALARM_TYPES[body.type],
        at=body.at or await database_now(session),
        council_id=body.council_id or (person.council_id if person else None),
        person_id=person.id if person else None,
        tier=body.tier or (person.risk_tier if person else None),
        answered_at_step=body.answered_at_step,
        lasts=timedelta(minutes=body.minutes),
    )
    answer = await what_if(session, Targets(contacts_by(services.settings)), question, draft)
    name = f"{answer.ladder.name}, version {answer.ladder.version}"
    return TimelineOut.of(answer.timeline, name, answer.unreadable)


async def _visible_person(body: SimulateIn, session: AsyncSession, actor: Actor) -> Person | None:
    """Return the person whose contacts the answer names; that somebody asked is written to the audit."""
    if body.person_id is None:
        return None
    if not actor.may(Permission.SEE_PEOPLE):
        raise ForbiddenError("Your role cannot see people, and the answer would name a person's contacts")
    person = await PersonRepository(session, actor.councils).require(body.person_id)
    if body.council_id not in (None, person.council_id):
        errors = [{"where": "body.person_id", "what": "this person is not served by this council"}]
        raise InvalidError("The person is of another council", errors=errors)
    await AuditRepository(session).add(actor, "policy_simulated", "person", person.id, person.council_id)
    return person


async def _require(policy_id: UUID, session: AsyncSession, actor: Actor) -> Policy:
    policy = await PolicyRepository(session).get(policy_id)
    if policy is None or not actor.sees(policy.council_id):
        raise NotFoundError(f"There is no policy {policy_id}")
    return policy


async def _check_council(text: str, session: AsyncSession, actor: Actor) -> None:
    """Say which council is wrong before anything is saved; a text that cannot be read is told on by the service."""
    document = read(text).document
    if document is None:
        return
    _check_governs(actor, document.council)
    if document.council is not None and await unknown_councils(session, {document.council}):
        raise InvalidError(f"There is no council {document.council}")


def _check_governs(actor: Actor, council_id: str | None) -> None:
    if actor.councils and council_id not in actor.councils:
        raise ForbiddenError("You may change the policies of your own councils only")
