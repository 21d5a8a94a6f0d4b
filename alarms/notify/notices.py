"""Messages that are about no alarm: one that proves an address, one that says who comes on or who covers whom."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from alarms.escalation.domain import Address
from alarms.escalation.ranks import TECHNICAL


class Notice(StrEnum):
    """What such a message is for; it stands as the outbox's `target`, so that no alarm is told of its result."""

    VERIFICATION = "verification"
    HANDOVER = "handover"
    COVER = "cover"


def notice_row(
    notice: Notice,
    effect_key: str,
    to: Address,
    *,
    about: UUID,
    council_id: str | None,
    subject: str,
    text: str,
    data: dict[str, Any],
    rank: int = TECHNICAL,
) -> dict[str, Any]:
    """Return a row for the outbox; unless it is said, it goes after every alarm's message of a higher class."""
    return {
        "effect_key": effect_key,
        "subject_id": about,
        "council_id": council_id,
        "rank": rank,
        "target": notice,
        "channel": to.channel,
        "address": to.address,
        "message": {
            "label": to.label,
            "subject": subject,
            "text": text,
            "data": {**data, "kind": notice.value, "effect_key": effect_key},
        },
    }
