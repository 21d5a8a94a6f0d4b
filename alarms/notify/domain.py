"""What may stand behind a target of the ladder: targets, channels and addresses. Pure."""

import ipaddress
import re
from enum import StrEnum
from urllib.parse import urlsplit


class ContactTarget(StrEnum):
    """The targets of the ladder that have contact points; the others are the board and the person's own contacts."""

    SUPERVISOR = "supervisor"
    PARTNER_ARC = "partner_arc"
    DUTY_MANAGER = "duty_manager"


class Channel(StrEnum):
    """How they are told."""

    EMAIL = "email"
    WEBHOOK = "webhook"


# The form that HTML calls a valid e-mail address; it leaves no room for a second header.
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_URL = re.compile(r"https?://[!-~]+")


def address_fault(channel: Channel, address: str) -> str | None:
    """Say what is wrong with an address, or nothing.

    Webhooks go wherever an administrator points them, hosts of the council's own network included: a partner's receiver
    often is one. They are POSTs of a fixed form, follow no redirect and show nobody the reply.
    """
    if channel is Channel.EMAIL:
        return None if _EMAIL.fullmatch(address) else "this is not an e-mail address"
    if not _URL.fullmatch(address):
        return "a webhook is an http:// or https:// address"
    try:
        parts = urlsplit(address)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        return "this address has no usable host and port"
    if _is_link_local(parts.hostname or ""):
        return "this address is the machine's own surroundings (link-local), not a receiver"
    if "@" in parts.netloc:
        return "no user or password in the address: it is shown in logs; bodies are signed instead"
    return None


def _is_link_local(host: str) -> bool:
    """Say whether this is an address where clouds tell a machine its own secrets (169.254.169.254 and the like)."""
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False
