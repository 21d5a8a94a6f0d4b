"""What may stand behind a target of the ladder: targets, channels and addresses. Pure."""

import ipaddress
import json
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
    SMS = "sms"
    VOICE = "voice"
    PUSH = "push"
    APPRISE = "apprise"


# The form that HTML calls a valid e-mail address; it leaves no room for a second header.
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_URL = re.compile(r"https?://[!-~]+")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_APPRISE = re.compile(r"[a-z][a-z0-9+]{1,30}://[!-~]+")


def address_fault(channel: Channel, address: str) -> str | None:
    """Say what is wrong with an address, or nothing.

    Webhooks go wherever an administrator points them, hosts of the council's own network included: a partner's receiver
    often is one. They are POSTs of a fixed form, follow no redirect and show nobody the reply.
    """
    if channel is Channel.EMAIL:
        return None if _EMAIL.fullmatch(address) else "this is not an e-mail address"
    if channel in {Channel.SMS, Channel.VOICE}:
        return None if _PHONE.fullmatch(address) else "write the number with its country: +441234567890"
    if channel is Channel.APPRISE:
        return None if _APPRISE.fullmatch(address) else "an Apprise address has the form service://…"
    if channel is Channel.PUSH:
        endpoint = _push_endpoint(address)
        return "this is not the subscription of a browser" if endpoint is None else _url_fault(endpoint)
    return _url_fault(address)


def _push_endpoint(address: str) -> str | None:
    """Return where the push service of a browser's subscription is; None when it is none that can be encrypted to."""
    try:
        subscription = json.loads(address)
        keys = subscription["keys"]
        whole = all(isinstance(keys[name], str) and keys[name] for name in ("p256dh", "auth"))
        endpoint = subscription["endpoint"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return endpoint if whole and isinstance(endpoint, str) else None


def _url_fault(address: str) -> str | None:
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
