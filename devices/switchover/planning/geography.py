"""Degrees to metres, and where a home lies that nobody has measured. Pure."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

METRES_A_DEGREE = 111_320.0


@dataclass(frozen=True)
class Flat:
    """A plane that touches the earth at a point: near enough for a council."""

    latitude: float
    longitude: float

    def metres(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Return metres east and north of the point."""
        east = (longitude - self.longitude) * METRES_A_DEGREE * math.cos(math.radians(self.latitude))
        return round(east, 1), round((latitude - self.latitude) * METRES_A_DEGREE, 1)

    def degrees(self, east: float, north: float) -> tuple[float, float]:
        """Return latitude and longitude of a place on the plane."""
        longitude = east / (METRES_A_DEGREE * math.cos(math.radians(self.latitude)))
        return self.latitude + north / METRES_A_DEGREE, self.longitude + longitude


def sector_of(postcode: str) -> str:
    """Return a postcode without its last two letters: PX31 4."""
    return postcode[:-2].strip()


def district_of(postcode: str) -> str:
    """Return the first half of a postcode: PX31."""
    return postcode.split(" ", maxsplit=1)[0]


class Guesses:
    """The means of the homes whose places are known, by sector and by district."""

    def __init__(self, known: Iterable[tuple[str, float, float]]) -> None:
        groups: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        for postcode, latitude, longitude in known:
            for kind, key in (("sector", sector_of(postcode)), ("district", district_of(postcode))):
                groups[kind, key].append((latitude, longitude))
        self.means: Mapping[tuple[str, str], tuple[float, float, int]] = {
            key: (sum(lat for lat, _ in places) / len(places), sum(lon for _, lon in places) / len(places), len(places))
            for key, places in groups.items()
        }

    def of(self, postcode: str) -> tuple[float, float, str] | None:
        """Return latitude, longitude and how they were guessed; None when no home near is known."""
        for kind, key in (("sector", sector_of(postcode)), ("district", district_of(postcode))):
            found = self.means.get((kind, key))
            if found is not None:
                latitude, longitude, count = found
                homes = "1 home" if count == 1 else f"{count} homes"
                return latitude, longitude, f"guessed: the middle of {homes} in {key}"
        return None
