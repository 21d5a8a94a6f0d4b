"""How far a message got once a provider had taken it."""

from enum import StrEnum


class DeliveryState(StrEnum):
    """What providers report, each outranking those before it: a late or repeated report takes nothing back.

    That a call or a text was delivered outranks that it failed: of two reports the one that knows of a person counts.
    """

    HANDED_OVER = "handed_over"
    SENT = "sent"
    FAILED = "failed"
    NOT_REACHED = "not_reached"
    DELIVERED = "delivered"
