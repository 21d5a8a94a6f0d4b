"""A person's contacts as the escalation core knows parties: the one place where the register and the ladder meet."""

from collections.abc import Collection, Iterator
from uuid import UUID

import phonenumbers
from phonenumbers import PhoneNumberType
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Address, ContactRule, Party
from alarms.handling.targets import ContactsOf
from alarms.notify.domain import Channel
from devices.registry.context import person_contacts
from devices.registry.domain import Reach
from telecare.kernel.settings import Settings

CALL_AFTER_S = 60
"""A contact who says nothing to a mail or a text for this long is rung up."""

_TEXTED = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.UNKNOWN})


def contacts_by(settings: Settings) -> ContactsOf:
    """Return how contacts are found, with the channels that these settings set up."""
    channels = set_up(settings)

    async def contacts_of(session: AsyncSession, person_id: UUID) -> tuple[Party, ...]:
        return tuple(party_of(contact, channels) for contact in await person_contacts(session, person_id))

    return contacts_of


def set_up(settings: Settings) -> frozenset[Channel]:
    """Return the channels by which contacts can be told."""
    notify = settings.notify_api_key.get_secret_value() and settings.notify_sms_template
    twilio = settings.twilio_account_sid and settings.twilio_auth_token.get_secret_value()
    found = {Channel.EMAIL}
    if notify or (twilio and settings.twilio_sms_from):
        found.add(Channel.SMS)
    if twilio and settings.twilio_voice_from:
        found.add(Channel.VOICE)
    return frozenset(found)


def party_of(contact: Reach, channels: Collection[Channel]) -> Party:
    """Return a contact with the ways to them: mail and text at once, a call when they do not answer."""
    rules = tuple(ContactRule(after_s, Address(way, to, contact.name)) for after_s, way, to in _ways(contact, channels))
    return Party(str(contact.id), contact.name, rules, silent="there is no way to them that is set up")


def _ways(contact: Reach, channels: Collection[Channel]) -> Iterator[tuple[int, Channel, str]]:
    if contact.email and Channel.EMAIL in channels:
        yield 0, Channel.EMAIL, contact.email
    texts = contact.phone is not None and Channel.SMS in channels and _takes_texts(contact.phone)
    if contact.phone and texts:
        yield 0, Channel.SMS, contact.phone
    if contact.phone and Channel.VOICE in channels:
        yield CALL_AFTER_S if contact.email or texts else 0, Channel.VOICE, contact.phone


def _takes_texts(number: str) -> bool:
    """Say whether a number may be a mobile: one that the numbering plan does not know is given the benefit."""
    try:
        return phonenumbers.number_type(phonenumbers.parse(number, "GB")) in _TEXTED
    except phonenumbers.NumberParseException:
        return False
