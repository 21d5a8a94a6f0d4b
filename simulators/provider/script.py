"""What a telephone makes of TwiML: what is said, and where a pressed key goes. Pure."""

from dataclasses import dataclass
from xml.etree import ElementTree as ET


@dataclass(frozen=True)
class Script:
    """`says` is what is read out, in order; `action` is where a key goes, if one is asked for."""

    says: tuple[str, ...]
    action: str | None


def read_script(twiml: str) -> Script:
    """Read TwiML; ET.ParseError when it is none."""
    root = ET.fromstring(twiml)  # noqa: S314 - the service under test writes it
    gather = root.find("Gather")
    says = tuple(" ".join((say.text or "").split()) for say in root.iter("Say"))
    return Script(says, gather.get("action") if gather is not None else None)
