"""Who can be sent in a demo: wardens of two councils, a team and two rotas. All fictional."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.notify.domain import Channel
from alarms.responders.domain import Rule, Urgency
from alarms.responders.service import ResponderService
from alarms.rota.document import RotationDocument, WeeklyDocument
from alarms.rota.service import RotaService

CALL_AFTER_S = 30
ARGYLL, HIGHLAND = "S12000035", "S12000017"
WARDENS = (
    (ARGYLL, "eilidh-maclean", "Eilidh MacLean"),
    (ARGYLL, "hamish-orr", "Hamish Orr"),
    (ARGYLL, "catriona-weir", "Catriona Weir"),
    (HIGHLAND, "struan-kerr", "Struan Kerr"),
    (HIGHLAND, "morven-sim", "Morven Sim"),
)


async def add_responders(session: AsyncSession) -> None:
    """Put them in, once; the same at each start of a folder."""
    service, ids = ResponderService(session), dict[str, UUID]()
    for council, key, name in WARDENS:
        row = {"key": key, "name": name, "council_id": council, "user_id": None, "active": True}
        responder = await service.responders.create(**row)
        if responder is None:
            return  # they are there since the first start
        ids[key] = responder.id
        text = await service.add_method(responder, Channel.SMS, f"+4477009001{len(ids):02d}", f"{name}, mobile")
        call = await service.add_method(responder, Channel.VOICE, f"+4477009001{len(ids):02d}", f"{name}, call")
        await service.add_method(responder, Channel.EMAIL, f"{key}@responders.example", f"{name}, e-mail")
        urgent = Urgency.LIFE_SAFETY
        await service.set_rules(responder, [Rule(text.id, 0, urgent), Rule(call.id, CALL_AFTER_S, urgent)])
    argyll = [ids[key] for council, key, _ in WARDENS if council == ARGYLL]
    highland = [ids[key] for council, key, _ in WARDENS if council == HIGHLAND]
    await service.create_team(argyll, key="mobile-wardens", name="Mobile wardens", council_id=ARGYLL)
    rotas = RotaService(session)
    plans: tuple[tuple[str, str, list[RotationDocument | WeeklyDocument]], ...] = (
        (ARGYLL, "Wardens on call", [_turns("hourly", argyll, "2026-01-05T00:00")]),
        (
            HIGHLAND,
            "Out of hours",
            [_turns("weekly", highland, "2026-01-05T09:00", only=_OUT_OF_HOURS), _days(highland[0])],
        ),
    )
    for council, name, layers in plans:
        key = name.lower().replace(" ", "-")
        await rotas.create(layers, key=key, name=name, council_id=council, zone="Europe/London")


_WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]
_OUT_OF_HOURS = [
    {"days": _WORKDAYS, "from": "17:00", "to": "09:00"},
    {"days": ["sat", "sun"], "from": "09:00", "to": "09:00"},
]


def _turns(unit: str, members: list[UUID], starts_at: str, **more: Any) -> RotationDocument:
    values = {"kind": "rotation", "unit": unit, "starts_at": starts_at, "members": members, **more}
    return RotationDocument.model_validate(values)


def _days(member: UUID) -> WeeklyDocument:
    rule = {"member": member, "days": _WORKDAYS, "from": "09:00", "to": "17:00"}
    return WeeklyDocument.model_validate({"kind": "weekly", "name": "Office", "rules": [rule]})
