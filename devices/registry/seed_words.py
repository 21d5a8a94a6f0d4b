"""Names and streets of the fictional fleet. Every telephone number is from the ranges reserved for drama."""

GIVEN = (
    "Morag", "Agnes", "Isobel", "Jean", "Catriona", "Elspeth", "Margaret", "Una", "Rhona", "Senga", "Effie", "Wilma",
    "Angus", "Hamish", "Donald", "Alasdair", "Iain", "Murdo", "Archie", "Duncan", "Hector", "Kenneth", "Ruaridh", "Tam",
)  # fmt: skip
NICKNAMES = {
    "Agnes": "Nessie", "Isobel": "Bell", "Catriona": "Trina", "Elspeth": "Elsie", "Margaret": "Peggy",
    "Wilma": "Willie", "Hamish": "Jimmy", "Donald": "Donnie", "Alasdair": "Ally", "Murdo": "Murdie",
    "Archie": "Baldie", "Kenneth": "Kenny", "Ruaridh": "Rory",
}  # fmt: skip
FAMILY = (
    "Sinclair", "MacLeod", "Buchanan", "Drummond", "Lamont", "Galbraith", "Cameron", "MacInnes", "Rennie", "Baird",
    "Paterson", "Munro", "Guthrie", "Kerr", "Lockhart", "MacPhee", "Nairn", "Ogilvie", "Ramsay", "Tulloch",
)  # fmt: skip
STREETS = (
    "Harbour Row", "Kirk Wynd", "Shore Street", "Mill Brae", "Rowan Terrace", "Castle View", "Peat Road",
    "Station Lane", "Braeside Gardens", "Heather Court", "Loch Crescent", "Smithy Lane", "Old Manse Road",
    "Fergus Place",
)  # fmt: skip
RELATIONS = ("daughter", "son", "neighbour", "niece", "brother", "friend")
ROOMS = ("living room", "bedroom", "kitchen", "hall", "bathroom")
COMMUNICATION = (
    "Hard of hearing: speak slowly and loudly", "Speaks Gaelic first", "Stammers: give time",
    "Does not speak after a stroke: ask yes and no questions", "Low vision",
)  # fmt: skip
HAZARDS = ("Dog, friendly but jumps", "Home oxygen", "Steep outside steps", "Low ceiling on the stairs")
SAFES = (
    "left of the front door, knee height",
    "behind the downpipe, right of the door",
    "inside the porch, on the right",
)
NETWORKS = ("Skye Mobile", "Tay Mobile", "Forth Mobile")
PROVIDERS = ("Northlight Telecom", "Caledon Connect", "Firth Broadband")


class Place:
    """A council of the demo with its towns and made-up postcodes (none of these outcodes exists)."""

    def __init__(
        self, code: str, towns: tuple[tuple[str, str], ...], area_code: str, middles: tuple[tuple[float, float], ...]
    ) -> None:
        self.code = code
        self.towns = towns
        self.area_code = area_code
        self.middles = {town: middle for (town, _), middle in zip(towns, middles, strict=True)}


PLACES = (
    Place(
        "S12000035",
        (("Port Corran", "PX31"), ("Ardmore Bay", "PX34"), ("Glenshira", "PX38")),
        "01632",
        ((56.41, -5.47), (56.47, -5.32), (56.28, -5.05)),
    ),
    Place(
        "S12000017",
        (("Strathbeg", "QV15"), ("Kinlochard Mor", "QV21"), ("Invermuir", "QV27")),
        "0131",
        ((57.48, -4.22), (57.55, -4.45), (57.60, -3.95)),
    ),
    Place(
        "S12000049",
        (("Glasgow North Vennel", "ZG41"), ("Glasgow Clydeholm", "ZG52")),
        "0141",
        ((55.88, -4.24), (55.85, -4.31)),
    ),
)
