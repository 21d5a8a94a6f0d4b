"""A person's contacts as the escalation core knows parties: the one place where the register and the ladder meet."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Address, ContactRule, Party
from devices.registry.context import person_contacts


async def contacts_of(session: AsyncSession, person_id: UUID) -> tuple[Party, ...]:
    """Return how a person's contacts can be told, in their order; e-mail is the only channel to them so far."""
    return tuple(
        Party(
            str(contact.id),
            contact.name,
            (ContactRule(0, Address("email", contact.email, contact.name)),) if contact.email else (),
            silent="there is no e-mail address",
        )
        for contact in await person_contacts(session, person_id)
    )
