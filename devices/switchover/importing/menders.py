"""What is done to a cell so that it can be taken: each mend is said in words, and what cannot be told is refused. Pure.

A mender takes what was typed and returns what it is read as, and how when that is more than trimming. Mending twice is
mending once. What the register then accepts is decided by `devices.registry.fields`, as for everybody.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from devices.registry.councils import COUNCILS, FORMER_CODES, present_code
from devices.registry.domain import MOST_HANDSHAKES
from devices.registry.fields import phone as strict_phone
from devices.registry.fields import postcode as strict_postcode
from devices.switchover.importing.days import NO_EVIDENCE, Evidence, read_day, read_month

NOTHING = frozenset(
    {"n/a", "na", "n.a.", "none", "nil", "null", "#n/a", "-", "--", "---", ".", "?", "tbc", "tba", "unknown",
     "not known", "ex directory", "ex-directory", "no phone", "no landline", "blank", "x"}
)  # fmt: skip
"""What people write into a cell that has nothing to say."""

_ROUNDED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
_FLOAT = re.compile(r"(\d+)[.,]0+")
_YES = frozenset({"yes", "y", "true", "t", "1", "x", "✓", "✔", "ticked", "on"})
_NO = frozenset({"no", "n", "false", "f", "0", "unticked", "off"})
_TITLES = frozenset(
    {"mr", "mrs", "ms", "miss", "mx", "dr", "rev", "revd", "sir", "lady", "lord", "prof", "master", "fr", "sr"}
)
_PARTICLES = frozenset(
    {"van", "von", "de", "der", "den", "la", "le", "st", "st.", "mac", "mc", "o'", "nic", "ni", "di", "da"}
)
_PHONE_END = re.compile(r"\s*[/;|\n]\s*|\s+(?:or|and)\s+", re.IGNORECASE)
_REMARK = re.compile(r"\(([^()]*[^\W\d_]{2}[^()]*)\)|[-–:,]?\s*([^\W\d_]{2}[^\d]*)$")  # noqa: RUF001 - an en dash is meant
_DIGITS = re.compile(r"\D")
_BLANKS = re.compile(r"[ \t\u00a0\u2007\u202f\ufeff]+")
_LINE_ENDS = re.compile(r"[\r\n\x0b\x0c\x85\u2028\u2029]+")
_IMEI_DIGITS = 15


@dataclass(frozen=True)
class Mended:
    """What a cell is read as; `words` say how when it was more than trimmed. An empty value says nothing."""

    value: str
    words: str = ""


@dataclass(frozen=True)
class Setting:
    """What else is needed to read cells: the day it is, and how each column writes its days."""

    today: date
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    council: str = ""
    """Whose rows these are when they do not say."""


Mender = Callable[[str, str, Setting], Mended]
"""Takes what was typed, the column by our name, and the setting; ValueError says what is wrong and how to mend it."""


def plain(typed: str) -> str:
    """Return a cell without the blanks around it and the wide ones inside."""
    if typed.isascii() and "  " not in typed and "\t" not in typed:
        return typed.strip()
    return _BLANKS.sub(" ", typed).strip()


def says_nothing(typed: str) -> bool:
    """Say whether people write this where they have nothing to say."""
    return plain(typed).casefold() in NOTHING


def mend_text(typed: str, _field: str, _setting: Setting) -> Mended:
    """Take a text as it stands."""
    return Mended(plain(typed))


def mend_line(typed: str, _field: str, _setting: Setting) -> Mended:
    """Take a text of one line: several lines become one."""
    if typed.isprintable():
        return Mended(plain(typed).rstrip(", "))
    lines = [plain(line).rstrip(", ") for line in _LINE_ENDS.split(typed) if plain(line)]
    value = ", ".join(line for line in lines if line)
    return Mended(value, "several lines were put into one" if len(lines) > 1 else "")


def mend_number(typed: str, _field: str, _setting: Setting) -> Mended:
    """Take a number that is a name, such as an id: a spreadsheet program's `.0` goes."""
    value = plain(typed)
    if _ROUNDED.fullmatch(value):
        raise ValueError("a spreadsheet program has rounded this number: make the column text and enter it again")
    if found := _FLOAT.fullmatch(value):
        return Mended(found[1], "a spreadsheet program had added decimals")
    return Mended(value)


def mend_digits(typed: str, field: str, setting: Setting) -> Mended:
    """Take a number that is written in groups."""
    number = mend_number(typed, field, setting)
    value = re.sub(r"[\s,'-]", "", number.value)
    if value != number.value and value.isdecimal():
        return Mended(value, "written in groups")
    return number


def mend_imei(typed: str, field: str, setting: Setting) -> Mended:
    """Take an IMEI: 15 digits, of which the last proves the others."""
    mended = mend_digits(typed, field, setting)
    value = mended.value.replace("/", "")
    if not (value.isascii() and value.isdecimal() and len(value) == _IMEI_DIGITS):
        raise ValueError("an IMEI has 15 digits")
    if _luhn(value):
        raise ValueError("this IMEI has a wrong digit: its last one does not prove the others")
    return Mended(value, mended.words)


def mend_iccid(typed: str, field: str, setting: Setting) -> Mended:
    """Take the number of a SIM: 18 to 20 digits that begin with 89."""
    mended = mend_digits(typed, field, setting)
    value = mended.value.upper().removesuffix("F")
    if not re.fullmatch(r"89[0-9]{16,18}", value):
        raise ValueError("the number of a SIM has 18 to 20 digits and begins with 89")
    return Mended(value, mended.words)


def _luhn(digits: str) -> int:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled) % 10


def mend_day(typed: str, field: str, setting: Setting) -> Mended:
    """Take a day in any of the ways in which they are written in Britain."""
    found = setting.evidence.get(field, NO_EVIDENCE)
    day, words = read_day(typed, setting.today, found, born=field == "date_of_birth")
    return Mended(day.isoformat(), words)


def mend_month(typed: str, field: str, setting: Setting) -> Mended:
    """Take a day, or a month for its last day."""
    if found := read_month(typed):
        return Mended(found.isoformat(), "the last day of the month")
    return mend_day(typed, field, setting)


def mend_count(typed: str, field: str, setting: Setting) -> Mended:
    """Take how many times something was counted."""
    mended = mend_digits(typed, field, setting)
    if not (mended.value.isascii() and mended.value.isdecimal()) or int(mended.value) > MOST_HANDSHAKES:
        raise ValueError(f"write how many calls as a whole number of 0 to {MOST_HANDSHAKES:,}, such as 29")
    return mended


def mend_phone(typed: str, _field: str, _setting: Setting) -> Mended:
    """Take a telephone number in any style; of several the first, and what stands beside it is said."""
    text = mend_number(typed, _field, _setting).value
    parts = [part for part in _PHONE_END.split(text) if part.strip()]
    words = []
    if len(parts) > 1 and all(sum(map(str.isdigit, part)) >= 6 for part in parts[:2]):  # noqa: PLR2004 - digits of a number
        text = parts[0]
        words.append(f"the first of several was taken; beside it stood {', '.join(parts[1:])}")
    if found := _REMARK.search(text):
        remark = (found[1] or found[2]).strip()
        if not re.fullmatch(r"(ext|extension|x)\W*", remark, re.IGNORECASE):
            text = (text[: found.start()] + text[found.end() :]).strip()
            words.append(f"beside it stood “{remark}”")
    text = re.sub(r"^(tel|phone|mobile|mob|home|t|m|h)\s*[.:]?\s*(?=[+(\d])", "", text, flags=re.IGNORECASE)
    text = text.replace("(0)", "") if text.startswith(("+", "00")) else text
    digits = _DIGITS.sub("", text)
    try:
        value = strict_phone(text)
        if not words and any(map(str.isalpha, typed)):
            words.append("what else stood there was left out")
    except ValueError:
        value, repaired = _repaired(text, digits)
        words.append(repaired)
    return Mended(value, "; ".join(words))


def _repaired(text: str, digits: str) -> tuple[str, str]:
    """Return the number that was meant, where only one can be."""
    letters = re.sub(r"[^A-Za-z]", "", text)
    tries = []
    if not letters:
        if len(digits) in {9, 10} and not digits.startswith("0"):
            tries.append(("0" + digits, "the first zero was missing"))
        if digits.startswith("44"):
            tries.append(("+" + digits.replace("440", "44", 1), "the country was written without its +"))
        tries.append((digits, "written with other signs between the digits"))
    elif set(letters.upper()) <= set("OIL"):
        swapped = re.sub("[Oo]", "0", re.sub("[IiLl]", "1", text))
        tries.append((swapped, "a letter stood for a digit"))
    for candidate, words in tries:
        try:
            return strict_phone(candidate), words
        except ValueError:
            continue
    return strict_phone(text), ""


def mend_postcode(typed: str, _field: str, _setting: Setting) -> Mended:
    """Take a postcode however it is padded; a letter where only a digit can be is one that was mistyped."""
    text = re.sub(r"[\W_]+", "", typed).upper()
    try:
        value = strict_postcode(text)
    except ValueError:
        inward = text[-3:-2].translate({ord("O"): "0", ord("I"): "1", ord("L"): "1", ord("S"): "5"})
        value = strict_postcode(text[:-3] + inward + text[-2:])
        return Mended(value, "a letter stood for a digit")
    return Mended(value, "" if plain(typed).upper() == value else "written with other blanks")


def mend_yes_no(typed: str, _field: str, _setting: Setting) -> Mended:
    """Take a yes or no."""
    word = plain(typed).casefold()
    if word in _YES:
        return Mended("yes", "" if word in {"yes", "y", "true", "1"} else f"“{plain(typed)}” is a yes")
    if word in _NO:
        return Mended("no", "" if word in {"no", "n", "false", "0"} else f"“{plain(typed)}” is a no")
    raise ValueError("write yes or no")


def mend_minutes(typed: str, field: str, setting: Setting) -> Mended:
    """Take a number of minutes."""
    value = mend_number(typed, field, setting)
    if found := re.fullmatch(r"(\d{1,3})\s*(?:m|min|mins|minutes?)\.?", value.value, re.IGNORECASE):
        return Mended(found[1], "its unit is minutes")
    return value


def mend_council(typed: str, _field: str, _setting: Setting) -> Mended:
    """Take a council by its name or by a code, also one of before."""
    asked = plain(typed)
    code = present_code(asked)
    if asked == code:
        return Mended(code)
    former = asked.upper() in FORMER_CODES
    return Mended(code, f"{asked} was the code of {COUNCILS[code]} before" if former else f"this is {COUNCILS[code]}")


def mend_email(typed: str, _field: str, _setting: Setting) -> Mended:
    """Take an e-mail address out of what mail programs put around it."""
    value = plain(typed)
    if found := re.fullmatch(r"(?:.*<)?(?:mailto:)?([^<>\s]+@[^<>\s;,]+)>?[;,.]?", value, re.IGNORECASE):
        return Mended(found[1], "" if found[1] == value else "what stood around it was left out")
    return Mended(value)


_LINES = {
    "pstn": ("analogue", "analog", "pots", "copper", "landline", "wlr", "bt line", "traditional"),
    "voip_router": (
        "voip", "digital voice", "digital", "fttp", "sogea", "all ip", "ip", "router", "broadband", "voip via router",
    ),
    "voip_ata": ("ata", "adapter", "adaptor", "voip via ata", "voip adapter"),
    "none": ("no line", "no landline", "ceased", "disconnected"),
}  # fmt: skip
_CONNECTIONS = {
    "analogue": ("analog", "pstn", "landline"),
    "digital_ready": ("digital ready", "digitally ready", "dual", "hybrid", "analogue digital ready"),
    "digital": ("ip", "gsm", "cellular", "mobile", "sim", "end to end digital", "full digital", "4g", "lte"),
}


def _chosen(words: Mapping[str, tuple[str, ...]], fault: str) -> Mender:
    known = {_word(other): key for key, others in words.items() for other in (key, *others)}

    def mend(typed: str, _field: str, _setting: Setting) -> Mended:
        word = _word(typed)
        if word not in known:
            raise ValueError(fault)
        same = word == _word(known[word])
        return Mended(known[word], "" if same else f"“{plain(typed)}” is {known[word].replace('_', ' ')}")

    return mend


def _word(typed: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", typed.casefold()))


mend_line_kind = _chosen(_LINES, "write pstn, voip_router, voip_ata or none")
mend_connection = _chosen(_CONNECTIONS, "write analogue, digital_ready or digital")


def mend_tier(typed: str, _field: str, _setting: Setting) -> Mended:
    """Take a tier by its letter; what other lists call high or low is for people to translate."""
    value = plain(typed).upper()
    if found := re.fullmatch(r"(?:RISK |TIER |LEVEL |BAND )*([A-D])(?:\s*[-–:(].*)?", value):  # noqa: RUF001
        return Mended(found[1], "" if found[1] == value else f"“{plain(typed)}” is tier {found[1]}")
    raise ValueError("write A, B, C or D: A is to be helped within 15 minutes, D on the next working morning")


def mend_ids(typed: str, _field: str, _setting: Setting) -> Mended:
    """Take a list of ids with blanks between them."""
    value = " ".join(part for part in re.split(r"[\s,;|/]+", typed) if part)
    return Mended(value, "" if value == plain(typed) else "its ids were written with other signs between them")


def mend_detectors(typed: str, _field: str, _setting: Setting) -> Mended:
    """Take a list of detectors with bars between them."""
    parts = [plain(part) for part in re.split(r"[|;\n]+", typed) if plain(part)]
    value = " | ".join(parts)
    return Mended(
        value, "" if re.sub(r"\s*\|\s*", " | ", plain(typed)) == value else "written with other signs between them"
    )


def mend_name(typed: str, _field: str, _setting: Setting) -> Mended:
    """Take a name: without a title, and not in capitals alone."""
    line = mend_line(typed, _field, _setting)
    name = line.value.strip(", ")
    said = [line.words] if line.words else []
    while (parts := name.split(" ", 1))[0].rstrip(".,").casefold() in _TITLES and len(parts) > 1:
        said.append(f"the title {parts[0]} was left out")
        name = parts[1].strip(", ")
    if name.isupper() and sum(map(str.isalpha, name)) > 2:  # noqa: PLR2004 - initials are capitals
        name = _capitalised(name)
        said.append("written in capitals")
    return Mended(name, "; ".join(said))


def _capitalised(name: str) -> str:
    lowered = re.sub(r"[^\W\d_]+", lambda found: found[0].capitalize(), name.lower())
    lowered = re.sub(r"(?<=['’])S\b", "s", lowered)  # noqa: RUF001 - an apostrophe is meant
    return re.sub(r"\bMc([a-z])", lambda found: "Mc" + found[1].upper(), lowered)


def split_name(typed: str, setting: Setting) -> tuple[str, str, str]:
    """Return given name, family name and how they were told apart: `Mrs Morag MacDonald`, `MACDONALD, Morag`."""
    text = plain(mend_line(typed, "", setting).value)
    family, comma, given = text.partition(",")
    if comma and given.strip():
        given, how = mend_name(given, "", setting).value, "the part before the comma is the family name"
        return given, mend_name(family, "", setting).value, how
    words = mend_name(text.strip(", "), "", setting).value.split(" ")
    if len(words) == 1:
        raise ValueError("this is one name: give the given name and the family name")
    start = len(words) - 1
    while start > 1 and words[start - 1].casefold() in _PARTICLES:
        start -= 1
    return " ".join(words[:start]), " ".join(words[start:]), "the last word is the family name"


def split_address(typed: str, setting: Setting) -> tuple[str, str, str, str]:
    """Return address, town, postcode and how they were told apart, from one cell with all of them."""
    parts = [part.strip() for part in mend_line(typed, "", setting).value.split(",") if part.strip()]
    code = ""
    if parts and (found := re.search(r"\b([A-Za-z]{1,2}\d[A-Za-z\d]?)\s*(\d[A-Za-z]{2})\W*$", parts[-1])):
        code = strict_postcode(found[1] + found[2])
        parts[-1] = parts[-1][: found.start()].strip()
        parts = [part for part in parts if part]
    if not code or len(parts) < 2:  # noqa: PLR2004 - a street and a town
        raise ValueError("write the address, the town and the postcode with commas between them")
    return ", ".join(parts[:-1]), parts[-1], code, "one cell held address, town and postcode"
