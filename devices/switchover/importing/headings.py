"""What councils call our columns. Standard library only: the reader of files knows by it where a table begins. Pure."""

import re

_FILLERS = re.compile(
    r"^(?:(?:service user|su|client|customer|tenant|resident|patient|user|person|citizen|alarm user|applicant|property"
    r"|home|current|primary|main)s? )+(?=\w)"
)

SYNONYMS: dict[str, str] = {
    "council": (
        "local authority; authority; la; la code; council code; council name; gss code; gss; ons code; "
        "lad; area code ons"
    ),
    "hub_id": (
        "hub; unit id; unit no; unit number; alarm id; alarm unit; alarm unit id; alarm no; alarm number; "
        "device id; equipment id; equipment no; equipment number; dispersed unit; pid; cid; scheme id; "
        "unit ref; telecare id; hub ref"
    ),
    "make": "manufacturer; hub make; unit make; alarm make; device make; equipment make; brand; supplier of unit",
    "model": (
        "hub model; unit model; alarm model; device model; equipment model; model name; unit type; hub type; alarm type"
    ),
    "make_and_model": "make and model; make model; equipment; device; equipment description; unit description",
    "connection": "connection type; connectivity; analogue digital; analogue or digital; alarm connection",
    "serial": (
        "serial no; serial number; s n; sn; hub serial; unit serial; unit serial number; device serial; "
        "asset no; asset number; serial num; hub serial number"
    ),
    "imei": "imei no; imei number; hub imei",
    "iccid": "sim; sim no; sim number; sim card; sim card number; iccid number; sim iccid",
    "mobile_network": "network; sim network; sim provider; sim operator; mobile operator",
    "installed_on": (
        "install date; installation date; installed; date installed; date of installation; install dt; "
        "fitted on; date fitted; start date; service start date; commenced"
    ),
    "pendant_ids": "pendants; pendant; pendant id; pendant no; pendant number; trigger id; triggers; pendant serial",
    "detectors": "sensors; peripherals; linked devices; detector list; linked detectors",
    "failed_handshakes": (
        "failed calls; handshake failures; failed handshake; failed handshake count; call failures; "
        "failed connections; failed dtmf; unsuccessful calls; no of failed calls; number of failed calls; "
        "failed calls in month"
    ),
    "handshakes_until": (
        "report month; month; period; period end; period ending; month ending; reporting period; reporting month; "
        "up to; report date; report period"
    ),
    "uprn": "uprn no; uprn number; unique property reference; unique property reference number; property reference",
    "address": (
        "address 1; address line 1; address1; addr1; addr 1; street; street address; first line of address; add1"
    ),
    "address_2": "address 2; address line 2; address2; addr2; addr 2; add2",
    "address_3": "address 3; address line 3; address3; addr3; addr 3; add3; locality",
    "full_address": "full address; postal address; whole address; address full; premises; address and postcode",
    "town": "city; town city; post town; posttown; town or city; settlement",
    "postcode": "post code; p code; pcode; postal code; zip; pc; p c",
    "latitude": "lat",
    "longitude": "long; lng; lon",
    "exchange": "telephone exchange; bt exchange; local exchange",
    "access_notes": (
        "access; access details; access information; entry notes; how to get in; property access; access info"
    ),
    "key_safe_location": "keysafe location; key safe; keysafe; key safe position; ks location",
    "key_safe_code": "keysafe code; key safe number; keysafe no; key safe no; ks code; keysafe number; keysafe",
    "line_number": (
        "telephone; telephone no; telephone number; tel; tel no; landline; landline no; landline number; "
        "home phone; phone no; phone number; line; home tel; home telephone; number; cli; telephone line; "
        "directory number; dn; line no; installation number; service number; contact number; contact no"
    ),
    "line_kind": (
        "line type; type of line; phone line type; line technology; technology; product; line product; "
        "service type; line status"
    ),
    "line_provider": (
        "provider; telco; phone provider; communications provider; cp; line supplier; telephone provider; "
        "telecom provider; carrier"
    ),
    "line_checked_on": (
        "line checked; line check date; date checked; checked on; date line checked; as at; checked; last checked"
    ),
    "migrates_on": (
        "migration date; planned migration date; planned migration; migration; migrates on; switchover "
        "date; digital switchover date; planned date; voip date; cease date; target migration date; date "
        "of migration"
    ),
    "full_name": (
        "name; full name; service user; client; customer; tenant; resident; surname and forename; person; clients name"
    ),
    "given_name": "first name; forename; firstname; given names; forenames; christian name; fname; first names",
    "family_name": "surname; last name; lastname; second name; sname; lname",
    "preferred_name": "known as; likes to be called; preferred; aka; prefers; preferred forename",
    "date_of_birth": "dob; d o b; birth date; birthdate; born; birthday; date birth",
    "phone": "mobile; mobile no; mobile number; mobile phone; mobile tel; other phone; cell; mob; person phone",
    "risk_tier": "risk; tier; risk level; risk band; risk category; priority; dependency",
    "risk_reason": (
        "risk reasons; reason for risk; medical; medical conditions; medical history; conditions; health; diagnosis"
    ),
    "lives_alone": "living alone; lives on own; alone; lone; single occupant; lives alone y n",
    "communication": "communication needs; hearing; hearing and speech; language; communication notes",
    "hazards": "warnings; alerts; hazard; risks to staff; staff warnings; dog; visit warnings; hazard notes",
}
"""By our name: other headings, as `normal` returns them."""

CONTACT_PARTS = {
    "name": "name;full name;contact;",
    "phone": (
        "phone;tel;telephone;number;no;phone no;phone number;tel no;telephone no;telephone number;mobile;contact no;"
        "contact number"
    ),
    "email": "email;e mail;email address",
    "relation": "relation;relationship;rel;relationship to client",
    "holds_key": "holds key;key holder;keyholder;has key;keys;key",
    "minutes_away": "minutes away;mins away;distance mins;travel time;minutes",
    "notes": "notes;comments;comment;note",
}
_CONTACT = re.compile(
    r"(?:(?:first|second|third) )?(?:emergency contact|contact|key ?holder|nok|next of kin|responder|family contact)s?"
    r" ?([1-9])? ?(.*)"
)
_ORDER = {"first": "1", "second": "2", "third": "3"}


def normal(heading: str) -> str:
    """Return a heading as headings are compared: small letters, words apart, no signs."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading)
    text = re.sub(r"['’]", "", text).casefold().replace("&", " and ")  # noqa: RUF001 - an apostrophe is meant
    return " ".join(re.findall(r"[^\W_]+", text))


def _known() -> dict[str, str]:
    found = {normal(name): name for name in SYNONYMS}
    for name, others in SYNONYMS.items():
        for other in others.split(";"):
            found.setdefault(normal(other), name)
    return found


KNOWN = _known()
_PARTS = {normal(other): part for part, others in CONTACT_PARTS.items() for other in others.split(";")}


def meaning(heading: str) -> str | None:
    """Return our name of a column by its heading, None when it is not known."""
    text = normal(heading)
    bare = _FILLERS.sub("", text)
    return KNOWN.get(text) or KNOWN.get(bare) or _contact(text)


def _contact(text: str) -> str | None:
    found = _CONTACT.fullmatch(text)
    if found is None:
        return None
    number = found[1] or _ORDER.get(text.split(maxsplit=1)[0], "1")
    part = _PARTS.get(found[2].strip())
    return f"contact{number}_{part}" if part else None
