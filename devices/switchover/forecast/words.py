"""The forecast in sentences. Pure."""

from datetime import date

from devices.switchover.forecast.domain import History, Pool
from devices.switchover.forecast.forecast import Forecast, Need

FEW_VISITS = 100
"""Below this many visits the rates lean on what is usual elsewhere."""


def homes(count: int) -> str:
    """Return a number of homes."""
    return "1 home" if count == 1 else f"{count:,} homes"


def day(at: date) -> str:
    """Return a day as people write it: 31 January 2027."""
    return f"{at.day} {at:%B %Y}"


def outlook(found: Forecast) -> str:
    """Say how many homes remain on the last day."""
    band = found.at_deadline
    if band.high == 0:
        return f"On this pace no home remains on {day(band.day)}."
    verb = "remains" if band.middle == 1 else "remain"
    return (
        f"On this pace {homes(band.middle)} {verb} on {day(band.day)}; "
        f"in 8 of 10 futures between {band.low:,} and {band.high:,}."
    )


def needed(need: Need) -> list[str]:
    """Say what it takes, and what remains even so."""
    if need.engineers == 0:
        return [_even_so(need, "No home waits for an engineer then.")]
    said = (
        "No number of engineers gets everybody visited by then"
        if need.engineers is None
        else f"You need {need.engineers:g} more engineer{'' if need.engineers == 1 else 's'} a day"
    )
    if need.saturdays and need.enough:
        count = "this day" if len(need.saturdays) == 1 else f"these {len(need.saturdays)} days"
        said += f", or {count}: {_list(need.saturdays)}"
    elif need.saturdays:
        said += f"; all {len(need.saturdays)} Saturdays until then are not enough by themselves"
    return [_even_so(need, f"{said}.")]


def basis(pool: Pool, past: History) -> str:
    """Say what the forecast rests on."""
    if not past.visits:
        return (
            f"No visit to any of the {homes(pool.remaining)} has come to something yet: "
            "every rate is what is usual elsewhere, so the range is wide."
        )
    made = "1 visit" if past.visits == 1 else f"{past.visits:,} visits"
    if past.visits < FEW_VISITS:
        return f"This rests on {made} alone and leans on what is usual elsewhere, so the range is wide."
    return f"This rests on {made} on {len(past.days):,} days."


def _even_so(need: Need, said: str) -> str:
    if not need.beyond:
        return said
    return f"{said} About {homes(need.beyond)} would remain even so: not agreed with yet, out, or without signal."


def _list(days: tuple[date, ...]) -> str:
    named = [f"{at:%a} {at.day} {at:%b}" for at in days]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
