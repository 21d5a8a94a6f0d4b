"""Awards, progress and money in words. Pure."""

from devices.switchover.awards.domain import COST_WORDS, Award, CostItem
from devices.switchover.awards.report import TotalOut
from devices.switchover.awards.schemas import AwardOut
from telecare.console.view import Badge

NAMES = {
    Award.BRONZE: "Bronze",
    Award.SILVER: "Silver",
    Award.GOLD_1: "Gold 1",
    Award.GOLD_2: "Gold 2",
    Award.PLATINUM: "Platinum",
}
NONE, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
ITEMS = [(item, COST_WORDS[item]) for item in CostItem]
DONE = {
    "attested": "It is attested in your name.",
    "withdrawn": "The attestation is withdrawn.",
    "entered": "The council's figures are kept.",
}
"""What a page says after something was done."""


def badge(award: AwardOut) -> Badge:
    """Return how an award stands."""
    if award.now:
        return Badge("●", "Met", "good")
    return Badge("◐", "Was met", "warn") if award.first_on else Badge("○", "Not yet", "quiet")


def share(part: int, whole: int) -> str:
    """Return a share in per cent, rounded down: 49.9 % is not half."""
    return f"{1000 * part // whole / 10:.1f} %" if whole else NONE


def pounds(pence: int | None) -> str:
    """Return an amount as people write it."""
    if pence is None:
        return NONE
    sign = MINUS if pence < 0 else ""
    return f"{sign}£{abs(pence) // 100:,}.{abs(pence) % 100:02d}"


def held(all_: TotalOut) -> str:
    """Return in how many councils each award is met now."""
    return ", ".join(f"{count} {NAMES[award]}" for award, count in all_.awards_now.items() if count) or NONE
