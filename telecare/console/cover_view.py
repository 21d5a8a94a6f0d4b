"""Covers in words: what the board says while one is on, and what a list says of each. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alarms.cover.domain import CoverWhy
from alarms.cover.models import Cover
from alarms.cover.service import in_minutes
from telecare.access.domain import Actor
from telecare.console import view

WHY = {
    CoverWhy.LAG: "nobody took an alarm",
    CoverWhy.DECLARED: "declared",
    CoverWhy.EXERCISE: "exercise",
}


@dataclass(frozen=True)
class Banner:
    """What a board says of a cover that is on: `words` first, then `why`."""

    cover: Cover
    words: str
    why: str


def banners(covers: Sequence[Cover], actor: Actor, now: datetime) -> list[Banner]:
    """Return the covers of which somebody must know, in their own words."""
    ours = actor.councils
    concerned = [cover for cover in covers if not ours or ours & {cover.council_id, cover.partner_id}]
    return [Banner(cover, _words(cover, actor, now), why(cover)) for cover in concerned]


def why(cover: Cover) -> str:
    """Return why a cover began."""
    reason = f": {cover.reason}" if cover.reason else ""
    if cover.why == CoverWhy.LAG:
        return f"nobody there had taken an alarm for {in_minutes(cover.lag_s or 0)}{reason}"
    if cover.why == CoverWhy.EXERCISE:
        return f"an exercise{reason}"
    return f"asked for by {cover.started_by.partition(':')[2]}{reason}"


def _words(cover: Cover, actor: Actor, now: datetime) -> str:
    covered, partner = view.council(cover.council_id), view.council(cover.partner_id)
    since = f"since {view.clock(cover.started_at, now)[:-3]}"
    if cover.council_id in actor.covered:
        return f"Covering for {covered} {since}"
    if cover.council_id in actor.councils and cover.partner_id not in actor.councils:
        return f"{partner} covers for you {since}: they see your alarms"
    return f"{partner} covers for {covered} {since}"
