"""A message in a few words: for a text of two segments, and for a voice on the phone. Pure.

Both are made of the stored message when it is sent. What may be said to whom was decided when it was written: the brief
for a contact has no place (`alarms.notify.messages`).
"""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

SEGMENT: Final = 153
"""Septets in each of several segments (3GPP TS 23.040): the header that joins them takes the other 7."""
MOST: Final = 2 * SEGMENT

GSM_7: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_TWICE: Final = frozenset("^{}\\[~]|€")
"""Characters of the extension table, which take two septets (3GPP TS 23.038)."""

_PLAIN: Final = {
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{GRAVE ACCENT}": "'",
}

NOTHING_SAID: Final = "No summary provided"
"""What is said of an alarm that says nothing of itself (S23)."""

KEYS: Final = "Press 1 to accept. Press 3 to decline."


def septets(text: str) -> int:
    """Return how long a text is in a message of GSM-7."""
    return sum(2 if char in GSM_7_TWICE else 1 for char in text)


def to_gsm_7(text: str) -> str:
    """Return a text in GSM-7 only: one other character would make every one of them cost twice as much room."""
    return "".join(_gsm_7(char) for char in text)


def _gsm_7(char: str) -> str:
    if char in GSM_7 or char in GSM_7_TWICE:
        return char
    if char in _PLAIN:
        return _PLAIN[char]
    bare = "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))
    return bare if bare and all(part in GSM_7 or part in GSM_7_TWICE for part in bare) else "?"


def text_message(message: Mapping[str, Any]) -> str:
    """Return what a text says: what, who, where, and how to take it. At most two segments of GSM-7.

    The link and the reply code are never cut; the place gives way first, then what happened.
    """
    what, who, where = _parts(message)
    tail = _how_to_take_it(message)
    room = MOST - septets(tail)
    text = to_gsm_7(". ".join(part for part in (what, who, where) if part))
    if septets(text) > room and where:
        kept = to_gsm_7(". ".join(part for part in (what, who) if part))
        left = room - septets(kept) - septets(". ")
        text = f"{kept}. {cut(to_gsm_7(where), left)}" if left > len("...") else kept
    return cut(text, room) + tail


def speech(message: Mapping[str, Any]) -> str:
    """Return what a voice reads on the phone, once."""
    what, who, where = _parts(message)
    return ". ".join(part.rstrip(".") for part in (what, who, where) if part) + "."


def cut(text: str, room: int) -> str:
    """Return as much of a text as fits into so many septets, with dots where something is missing."""
    if septets(text) <= room:
        return text
    kept, left = [], room - len("...")
    for char in text:
        left -= septets(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "..." if room >= len("...") else ""


def _parts(message: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return what, who and where; a message without a brief (a code, a change of shift) is short, and said whole."""
    brief = message.get("brief") or {}
    what = " ".join(str(brief.get("what") or message.get("text") or message.get("subject") or "").split())
    what = what or NOTHING_SAID
    return what, str(brief.get("who") or "").strip(), str(brief.get("where") or "").strip()


def _how_to_take_it(message: Mapping[str, Any]) -> str:
    data = message.get("data") or {}
    link, code = data.get("accept_url"), data.get("reply_code")
    ways = []
    if link:
        ways.append(f"Take it: {link}")
    if code:
        ways.append(f"Reply {code}" if not ways else f"or reply {code}")
    return to_gsm_7(f". {' '.join(ways)}") if ways else ""


def bundle_of(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the one message that stands for several waiting for the same address; it names them all (S40).

    In a text only as many as fit are named, and it says how many are not.
    """
    subjects = [str(message.get("subject") or "").strip() or NOTHING_SAID for message in messages]
    head = f"{len(messages)} alarms wait"
    return {
        "label": messages[0].get("label", ""),
        "subject": head,
        "text": "\n\n----\n\n".join([f"{head}:", *(str(message.get("text") or "") for message in messages)]),
        "brief": {"what": f"{head}: {_named(subjects, MOST - len(head) - 2)}"},
        "data": {"alarms": [message.get("data") or {} for message in messages]},
        "bundle": True,
    }


def _named(subjects: Sequence[str], room: int) -> str:
    """Return subjects in a row; those for which there is no room are counted."""
    for shown in range(len(subjects), 0, -1):
        more = f"; and {len(subjects) - shown} more" if shown < len(subjects) else ""
        text = to_gsm_7("; ".join(subjects[:shown]) + more)
        if septets(text) <= room:
            return text
    more = f"; and {len(subjects) - 1} more" if len(subjects) > 1 else ""
    return cut(to_gsm_7(subjects[0]), room - len(more)) + more
