"""A campaign as a spreadsheet, for the day on which the network is down: everything that one needs to ring. Pure."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import phonenumbers

from alarms.welfare.models import CampaignAttempt, CampaignPerson
from telecare.protection.welfare_repository import Reach

LONDON = ZoneInfo("Europe/London")
COLUMNS = (
    "rank", "state", "tier", "name", "place", "phone", "contacts", "speaking", "hazards", "access", "why", "attempts",
    "last_attempt", "person_id", "hub_id",
)  # fmt: skip
NOTHING = Reach(None, None, None, None, [])


def sheet(people: Sequence[CampaignPerson], reach: Mapping[UUID, Reach], attempts: Sequence[CampaignAttempt]) -> str:
    """Return the list as CSV that a spreadsheet program shows and never computes."""
    last = {attempt.person_id: attempt for attempt in attempts}
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for person in people:
        by = reach.get(person.person_id, NOTHING)
        tried = last.get(person.person_id)
        cells = (
            person.rank, person.state, person.tier, person.name, person.place, number(by.phone),
            "; ".join(contact_words(each) for each in by.contacts), by.communication, by.hazards, by.access_notes,
            person.why, person.attempts, "" if tried is None else attempt_words(tried), person.person_id, person.hub_id,
        )  # fmt: skip
        writer.writerow([_inert("" if cell is None else str(cell)) for cell in cells])
    return out.getvalue()


def contact_words(contact: Mapping[str, Any]) -> str:
    """Return a contact as one reads it out: name, what they are, number, key, minutes."""
    relation = f" ({contact['relation']})" if contact["relation"] else ""
    away = f", {contact['minutes_away']} min away" if contact["minutes_away"] is not None else ""
    key = ", holds a key" if contact["holds_key"] else ""
    return f"{contact['name']}{relation} {number(contact['phone'])}{away}{key}"


def attempt_words(attempt: CampaignAttempt) -> str:
    """Return an attempt in words."""
    note = f": {attempt.note}" if attempt.note else ""
    return f"{_local(attempt.at)} {attempt.by_name}, {attempt.channel}, {attempt.outcome}{note}"


def number(phone: str | None) -> str:
    """Return a telephone number as people dial it here: it begins no formula."""
    if phone is None:
        return "no number"
    try:
        parsed = phonenumbers.parse(phone, "GB")
    except phonenumbers.NumberParseException:
        return phone
    style = phonenumbers.PhoneNumberFormat
    home = parsed.country_code == 44  # noqa: PLR2004 - the United Kingdom
    return phonenumbers.format_number(parsed, style.NATIONAL if home else style.INTERNATIONAL)


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(LONDON):%Y-%m-%d %H:%M}"


def _inert(cell: str) -> str:
    """Return a cell that begins no formula: `=HYPERLINK(…)` in a name must stay a name."""
    return f"'{cell}" if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) else cell
