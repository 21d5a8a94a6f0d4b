"""What all councils share: the councils themselves and the models of hubs."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from devices.registry.councils import FORMER_CODES
from devices.registry.repository import ModelRepository
from devices.registry.schemas import CouncilOut, ModelIn, ModelOut, ModelPatch
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.paging import Page
from telecare.api.routing import api_router
from telecare.kernel.errors import ConflictError, ForbiddenError, NotFoundError

councils = api_router("/councils", "councils")
router = api_router("/device-models", "device models")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_FLEET))]
Administrator = Annotated[Actor, Depends(Needs(Permission.ADMINISTER))]
Editor = Annotated[Actor, Depends(Needs(Permission.EDIT_FLEET))]


@councils.get("")
async def list_councils(session: Transaction, _actor: Viewer) -> Page[CouncilOut]:
    """List the 32 councils of Scotland with their GSS codes."""
    former = {new: [old for old, now in FORMER_CODES.items() if now == new] for new in FORMER_CODES.values()}
    rows = await ModelRepository(session).councils()
    items = [CouncilOut(code=row.code, name=row.name, former_codes=former.get(row.code, [])) for row in rows]
    return Page(items=items, next=None)


@router.get("")
async def list_models(session: Transaction, _actor: Viewer) -> Page[ModelOut]:
    """List the models of hubs."""
    return Page(items=[ModelOut.model_validate(row) for row in await ModelRepository(session).models()], next=None)


@router.post("", status_code=201)
async def add_model(body: ModelIn, session: Transaction, actor: Editor) -> ModelOut:
    """Add a model of hub."""
    model = await ModelRepository(session).add(**body.model_dump())
    if model is None:
        raise ConflictError(f"There is a model {body.make} {body.name} already")
    await AuditRepository(session).add(actor, "model_added", "device_model", model.id)
    return ModelOut.model_validate(model)


@router.patch("/{model_id}")
async def change_model(model_id: UUID, body: ModelPatch, session: Transaction, actor: Administrator) -> ModelOut:
    """Change when a model retires and how long its battery is good for. All councils share models."""
    if actor.councils:
        raise ForbiddenError("All councils share models: an administrator of all of them decides on one")
    model = await ModelRepository(session).get(model_id)
    if model is None:
        raise NotFoundError(f"There is no model {model_id}")
    changes = body.model_dump(mode="json", exclude_unset=True)
    for name, value in body.model_dump(exclude_unset=True).items():
        setattr(model, name, value)
    await session.flush()
    await AuditRepository(session).add(actor, "model_changed", "device_model", model_id, details=changes)
    return ModelOut.model_validate(model)
