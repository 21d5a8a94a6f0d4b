"""A delivery with what was read of it, and the plainer forms of one on which the service fails."""

import time
from dataclasses import dataclass, replace
from datetime import timedelta

from alarms.intake.service import Incoming
from alarms.intake.trial import Signal
from telecare.ingest.lane import Delivery
from telecare.kernel.ids import new_id
from telecare.kernel.logging import get_logger
from telecare.wire.payloads import MAX_PAYLOAD, Message, read_message
from telecare.wire.topics import CANARY_HUB, CANARY_TYPE, Address, read_topic

log = get_logger("ingest")

NO_HEARTBEAT = "a heartbeat that is no JSON object, is too long or comes from an id that no hub can have"


@dataclass(frozen=True)
class Letter:
    """A delivery with what was read of it.

    `plain`: nothing but its bytes is used; `bare`: neither is it asked who it is and what is open.
    """

    delivery: Delivery
    address: Address
    message: Message
    incoming: Incoming
    plain: bool = False
    bare: bool = False


def read_letter(delivery: Delivery) -> Letter:
    """Read a delivery of the alarm or event lane; never raises."""
    address = read_topic(delivery.topic.decode("utf-8", "replace"))
    if address.lane not in {"alarm", "event"}:
        return letter_of(delivery, address, Message(unreadable=NO_HEARTBEAT if address.lane == "heartbeat" else None))
    try:
        message = read_message(delivery.payload)
    except Exception as error:
        log.exception("message_not_read", hub_id=address.hub_id)
        message = _failed_on(error)
    return letter_of(delivery, address, message)


def letter_of(delivery: Delivery, address: Address, message: Message) -> Letter:
    """Return the letter that this message makes of a delivery."""
    return Letter(delivery, address, message, incoming_of(delivery, address, message))


def plainer(letter: Letter, error: Exception) -> Letter | None:
    """Return a letter on which the service failed in a form with less in it that can fail; None after the plainest."""
    if letter.bare:
        return None
    bytes_only = letter_of(letter.delivery, letter.address, _failed_on(error))
    return replace(bytes_only, plain=True, bare=letter.plain)


def incoming_of(delivery: Delivery, address: Address, message: Message) -> Incoming:
    """Return what the intake stores of a delivery: the first 64 KiB of its bytes and what was read of them."""
    return Incoming(
        id=new_id(),
        lane=address.lane,
        topic=delivery.topic.decode("utf-8", "replace").replace("\x00", "�")[:300],
        hub_id=address.hub_id,
        payload=delivery.payload[:MAX_PAYLOAD],
        payload_size=len(delivery.payload),
        event_id=message.event_id,
        dedup_key=message.dedup_key,
        boot_id=message.boot_id,
        seq=message.seq,
        device_id=message.device_id,
        path=message.path,
        signal=Signal(
            lane=address.lane,
            type=message.type,
            test=message.test,
            device_at=message.at,
            problems=message.problems,
            unreadable=message.unreadable,
            text=message.text,
            council=message.council,
            oversize=len(delivery.payload) > MAX_PAYLOAD,
            known_id=address.well_formed,
            device_id=message.device_id,
            attempt=message.attempt,
            canary=(address.hub_id, address.lane, message.type) == (CANARY_HUB, "alarm", CANARY_TYPE),
        ),
    )


def aged(incoming: Incoming, delivery: Delivery) -> Incoming:
    """Return it with how long we have had it in hand: the clock of the service level starts at first receipt."""
    return replace(incoming, age=timedelta(seconds=max(0.0, time.monotonic() - delivery.at)))


def _failed_on(error: Exception) -> Message:
    return Message(unreadable=f"the service failed on it ({type(error).__name__})")
