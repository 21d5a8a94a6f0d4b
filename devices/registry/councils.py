"""The 32 councils of Scotland, by whatever code or name other systems have for them. Pure.

A code changes when a boundary does, and spreadsheets live longer than codes: what was Fife is Fife.
"""

import difflib
import re

COUNCILS = {
    "S12000005": "Clackmannanshire",
    "S12000006": "Dumfries and Galloway",
    "S12000008": "East Ayrshire",
    "S12000010": "East Lothian",
    "S12000011": "East Renfrewshire",
    "S12000013": "Na h-Eileanan Siar",
    "S12000014": "Falkirk",
    "S12000017": "Highland",
    "S12000018": "Inverclyde",
    "S12000019": "Midlothian",
    "S12000020": "Moray",
    "S12000021": "North Ayrshire",
    "S12000023": "Orkney Islands",
    "S12000026": "Scottish Borders",
    "S12000027": "Shetland Islands",
    "S12000028": "South Ayrshire",
    "S12000029": "South Lanarkshire",
    "S12000030": "Stirling",
    "S12000033": "Aberdeen City",
    "S12000034": "Aberdeenshire",
    "S12000035": "Argyll and Bute",
    "S12000036": "City of Edinburgh",
    "S12000038": "Renfrewshire",
    "S12000039": "West Dunbartonshire",
    "S12000040": "West Lothian",
    "S12000041": "Angus",
    "S12000042": "Dundee City",
    "S12000045": "East Dunbartonshire",
    "S12000047": "Fife",
    "S12000048": "Perth and Kinross",
    "S12000049": "Glasgow City",
    "S12000050": "North Lanarkshire",
}
"""Present GSS codes; a test proves that the schema comes with the same."""

FORMER_CODES = {
    "S12000001": "S12000033",
    "S12000002": "S12000034",
    "S12000003": "S12000041",
    "S12000004": "S12000035",
    "S12000007": "S12000042",
    "S12000009": "S12000045",
    "S12000012": "S12000036",
    "S12000015": "S12000047",
    "S12000016": "S12000049",
    "S12000022": "S12000050",
    "S12000024": "S12000048",
    "S12000025": "S12000038",
    "S12000031": "S12000039",
    "S12000032": "S12000040",
    "S12000037": "S12000049",
    "S12000043": "S12000049",
    "S12000044": "S12000050",
    "S12000046": "S12000049",
}
"""Codes of before the boundary changes, with the present ones. 1 to 32 were the councils of 1996 by their names."""

_OTHER_NAMES = dict.fromkeys(
    ("western isles", "comhairle nan eilean siar", "eilean siar", "na h eileanan an iar"), "S12000013"
)
_CODE = re.compile(r"S12\d{6}")
_FILLERS = frozenset({"the", "of", "city", "council", "islands"})


class UnknownCouncilError(ValueError):
    """No council has this code or name; the text names those that are near."""


def present_code(code_or_name: str) -> str:
    """Return the present GSS code for a code, old or new, or a name such as `Perth & Kinross Council`."""
    asked = " ".join(code_or_name.split())
    code = asked.upper()
    if code in COUNCILS:
        return code
    if code in FORMER_CODES:
        return FORMER_CODES[code]
    found = _BY_NAME.get(_plain(asked))
    if found is None:
        raise UnknownCouncilError(f"no council is called {asked[:60]!r}{_near(asked)}")
    return found


def _plain(name: str) -> str:
    """Return a name as it is compared: Glasgow, Glasgow City and City of Glasgow Council are one."""
    words = re.findall(r"[^\W_]+", name.casefold().replace("&", " and "))
    return " ".join(word for word in words if word not in _FILLERS)


_BY_NAME = {_plain(name): code for code, name in COUNCILS.items()} | _OTHER_NAMES


def _near(asked: str) -> str:
    if _CODE.fullmatch(asked.upper()):
        near = difflib.get_close_matches(asked.upper(), COUNCILS, n=3, cutoff=0.85)
    else:
        near = [_BY_NAME[name] for name in difflib.get_close_matches(_plain(asked), _BY_NAME, n=3, cutoff=0.6)]
    listed = " or ".join(f"{COUNCILS[code]} ({code})" for code in dict.fromkeys(near))
    return f"; did you mean {listed}?" if listed else "; give its GSS code, such as S12000035, or its name"
