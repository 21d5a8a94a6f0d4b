"""By which rule hubs are missed: how often they beat, for how long a beat may be late, how many may be missed.

Set for a hub, a model or a council, the closest counts. Hubs are told nothing by it: that is a command.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path
from sqlalchemy.ext.asyncio import AsyncSession

from devices.presence.rule_repository import RuleRepository, SetHere
from devices.presence.rule_schemas import HeartbeatRuleIn, HubRuleOut, SetHereOut
from devices.presence.rules import Level
from devices.registry.fields import CouncilRef
from devices.registry.repository import HubRepository
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction, check_council
from telecare.api.endpoints.hubs import HubId
from telecare.api.routing import api_router
from telecare.kernel.errors import ForbiddenError, RefusedError

router = api_router("", "heartbeat rules")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_FLEET))]
Editor = Annotated[Actor, Depends(Needs(Permission.EDIT_FLEET))]
Administrator = Annotated[Actor, Depends(Needs(Permission.ADMINISTER))]
Code = Annotated[CouncilRef, Path(description="a GSS code, also a former one, or a name")]

_KINDS = {Level.HUB: "hub", Level.MODEL: "device_model", Level.COUNCIL: "council"}


@router.get("/hubs/{hub_id}/heartbeat-rule")
async def get_rule_of_hub(hub_id: HubId, session: Transaction, actor: Viewer) -> HubRuleOut:
    """Show by which rule a hub is missed, and from where each part of it comes."""
    await HubRepository(session, actor.councils).require(hub_id)
    return await _of_hub(session, hub_id)


@router.put("/hubs/{hub_id}/heartbeat-rule")
async def put_rule_of_hub(hub_id: HubId, body: HeartbeatRuleIn, session: Transaction, actor: Editor) -> HubRuleOut:
    """Set by which rule a hub is missed. What is shorter counts at once; what is longer takes no verdict back."""
    hub = await HubRepository(session, actor.councils).row(hub_id)
    await _put(session, actor, Level.HUB, hub_id, body, hub.council_id)
    return await _of_hub(session, hub_id)


@router.put("/device-models/{model_id}/heartbeat-rule")
async def put_rule_of_model(
    model_id: UUID, body: HeartbeatRuleIn, session: Transaction, actor: Administrator
) -> SetHereOut:
    """Set by which rule hubs of a model are missed that have none of their own. All councils share models."""
    if actor.councils:
        raise ForbiddenError("All councils share models: an administrator of all of them decides on one")
    return await _put(session, actor, Level.MODEL, model_id, body)


@router.get("/councils/{council}/heartbeat-rule")
async def get_rule_of_council(council: Code, session: Transaction, actor: Viewer) -> SetHereOut:
    """Show what a council has set for its hubs."""
    check_council(actor, council)
    return _shown(await RuleRepository(session).set_here(Level.COUNCIL, council))


@router.put("/councils/{council}/heartbeat-rule")
async def put_rule_of_council(
    council: Code, body: HeartbeatRuleIn, session: Transaction, actor: Administrator
) -> SetHereOut:
    """Set by which rule a council's hubs are missed where neither they nor their model have one."""
    check_council(actor, council)
    return await _put(session, actor, Level.COUNCIL, council, body, council)


async def _put(
    session: AsyncSession,
    actor: Actor,
    level: Level,
    key: str | UUID,
    body: HeartbeatRuleIn,
    council_id: str | None = None,
) -> SetHereOut:
    rules = RuleRepository(session)
    was = await rules.set_here(level, key, lock=True)
    slower = await rules.slower(level, key)
    await rules.put(level, key, body.rule)
    if not body.sure:
        _check_heard(await rules.slower(level, key), slower)
    details: dict[str, Any] = {"from": was._asdict(), "to": body.rule._asdict()}
    await AuditRepository(session).add(
        actor, "heartbeat_rule_set", _KINDS[level], key, council_id, reason=body.reason, details=details
    )
    return _shown(body.rule)


def _check_heard(slower: int, before: int) -> None:
    """Raise RefusedError where more hubs would look silent by what they say themselves."""
    if slower > before:
        says = "hub says that it beats" if slower == 1 else "hubs say that they beat"
        raise RefusedError(
            f"{slower} {says} less often and would look silent: ask for the interval first, or say that you are sure"
        )


async def _of_hub(session: AsyncSession, hub_id: str) -> HubRuleOut:
    rules = RuleRepository(session)
    return HubRuleOut.of(hub_id, await rules.set_here(Level.HUB, hub_id), await rules.in_force(hub_id))


def _shown(here: SetHere) -> SetHereOut:
    return SetHereOut(**here._asdict())
