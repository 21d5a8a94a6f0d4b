"""Who and where a message is about: what the register knows, in the words that an operator needs."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.domain import Subject, UnderTest
from alarms.intake.domain import OLDEST_PLAUSIBLE
from devices.registry.context import hub_context
from devices.registry.domain import HubContext, HubStatus
from telecare.wire.payloads import Message

MOVE_SLACK = timedelta(seconds=1)
DUPLICATE_ID = "duplicate_id"
OTHER_UNKNOWN = "and where the other one is nobody knows"


async def find_subject(session: AsyncSession, hub_id: str, message: Message, now: datetime) -> Subject:
    """Ask the register once."""
    return subject_of(await hub_context(session, hub_id, asked_at(message, now)), message)


def asked_at(message: Message, now: datetime) -> datetime | None:
    """Return for which moment to ask where the hub was; a device time that nobody can believe is not asked about."""
    believable = message.at is not None and now - OLDEST_PLAUSIBLE < message.at < now - MOVE_SLACK
    return message.at if believable else None


def subject_of(context: HubContext | None, message: Message) -> Subject:
    """Return the subject: the person and home of the hub, or as much as is known (C13, C14, C23)."""
    if context is None:
        return Subject(room=message.room, notes=("Nobody knows this hub: find out where it is",))
    registered = context.rooms.get(message.device_id or "")
    room = message.room or (registered[1] if registered else None)
    home = context.then or context.now
    if home is None:
        last = f"; last known at {context.last.place}" if context.last else ""
        state = {HubStatus.STOCK: "in stock", HubStatus.RETIRED: "retired"}.get(context.status, "not installed")
        return Subject(
            council_id=context.council_id,
            room=room,
            place=context.last.place if context.last else None,
            notes=(f"The register has this hub as {state}{last}. Find out who needs help",),
            known=True,
            under_test=_under_test(context),
        )
    notes: tuple[str, ...] = ()
    if context.then is not None:
        present = f"now at {context.now.place}" if context.now else "not installed anywhere now"
        notes = (f"The hub has moved since: it was at {home.place} when this happened, {present}. Check both",)
    if message.type == DUPLICATE_ID:
        before = context.last.place if context.last else home.place
        other = OTHER_UNKNOWN if before == home.place else f"the other may be where it was before, at {before}"
        notes = (*notes, f"Two units speak under this id: one is at {home.place}, {other}. Check both")
    return Subject(
        council_id=context.council_id,
        person_id=home.person_id,
        premises_id=home.premises_id,
        person_name=home.person_name,
        place=home.place,
        room=room,
        notes=notes,
        known=True,
        placed=True,
        tier=home.risk_tier.value,
        under_test=_under_test(context),
    )


def _under_test(context: HubContext) -> UnderTest | None:
    """Return the test window over the hub; what happened before it was moved to where it is has none."""
    window = context.window
    if window is None or context.then is not None:
        return None
    kinds = {device: kind for device, (kind, _) in context.rooms.items()}
    return UnderTest(window.starts_at, window.ends_at, window.devices, window.by, kinds)
