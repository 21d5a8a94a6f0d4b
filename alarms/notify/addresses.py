"""How an address is written down, and what of it may be shown. Pure."""

import json
import re
from urllib.parse import urlsplit

import phonenumbers

from alarms.notify.domain import Channel, address_fault

REST = "…"

# Reserved for drama and never given to anybody: real in every test and in the demo, unknown to the numbering plan.
_DRAMA = re.compile(r"\+44(1632960|7700900)\d{3}")


def written(channel: Channel, address: str) -> str:
    """Return an address as it is kept: telephone numbers in E.164; ValueError says in words what is wrong with it."""
    address = _phone(address) if channel in {Channel.SMS, Channel.VOICE} else address.strip()
    fault = address_fault(channel, address)
    if fault is not None:
        raise ValueError(fault)
    return address


def shown(channel: Channel, address: str) -> str:
    """Return an address as lists and logs may show it.

    An Apprise address is the key to somebody's account, and the subscription of a browser lets who has it write to that
    browser: of these only the service is shown.
    """
    if channel is Channel.APPRISE:
        return f"{address.partition('://')[0]}://{REST}"
    if channel is Channel.PUSH:
        try:
            host = urlsplit(json.loads(address)["endpoint"]).hostname
        except (ValueError, LookupError, TypeError):
            host = None
        return f"{host or 'browser'}/{REST}"
    return address


def masked(channel: Channel, address: str) -> str:
    """Return as much of an address as lets those who know it recognise it, for pages that many look at."""
    if channel in {Channel.SMS, Channel.VOICE}:
        return f"{REST}{address[-3:]}"
    if channel is Channel.EMAIL:
        name, _, host = address.rpartition("@")
        return f"{name[:1]}{REST}@{host}"
    if channel is Channel.WEBHOOK:
        parts = urlsplit(address)
        return f"{parts.scheme}://{parts.hostname}/{REST}"
    return shown(channel, address)


def _phone(text: str) -> str:
    """Return a telephone number in E.164; a number without a country is British."""
    try:
        number = phonenumbers.parse(text, "GB")
    except phonenumbers.NumberParseException as error:
        raise ValueError("this is not a telephone number") from error
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if number.extension or not (phonenumbers.is_valid_number(number) or _DRAMA.fullmatch(e164)):
        raise ValueError("this is not a telephone number with its area code, such as 0131 496 0000")
    return e164
