"""Campaigns as people and the service work on them, in the transaction of `session`, with an audit entry for each act.

The campaign's row is locked before its people, they before a hub, and that before an alarm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.inputs import Cleared
from alarms.handling.domain import Subject
from alarms.handling.service import AlarmService, Origin
from alarms.intake.repository import IntakeRepository
from alarms.policy.calendar import LONDON
from alarms.welfare.domain import (
    OPEN,
    SETTLES,
    Cause,
    Channel,
    Outcome,
    PersonState,
    Progress,
    Ranked,
    after,
    again_at,
    campaign_alarm,
    gap_words,
    help_alarm,
    refusal,
)
from alarms.welfare.models import CampaignAttempt, CampaignPerson, WelfareCampaign
from alarms.welfare.repository import WelfareRepository
from telecare.kernel.audits import Audits
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, ForbiddenError, NotFoundError, RefusedError
from telecare.kernel.logging import get_logger

log = get_logger("welfare")

SYSTEM = "system"
ALL_DONE = "Everybody is accounted for"


@dataclass(frozen=True)
class Worker:
    """Who works on a list: the id, the name, how the audit calls them, and whether they are a supervisor."""

    id: UUID
    name: str
    label: str
    supervisor: bool = False


@dataclass(frozen=True)
class Gap:
    """A gap of ours, from and to."""

    id: UUID
    started_at: datetime
    ended_at: datetime


class WelfareService:
    """Makes campaigns, gives out their people one by one, and keeps what came of it."""

    def __init__(self, session: AsyncSession, audits: Audits, public_url: str | None = None) -> None:
        self.session = session
        self.campaigns = WelfareRepository(session)
        self.alarms = AlarmService(session, public_url)
        self._audits = audits

    async def make(
        self,
        council_id: str,
        cause: Cause,
        reason: str,
        gap: tuple[datetime, datetime],
        people: Sequence[Ranked],
        by: str,
    ) -> WelfareCampaign:
        """Make a campaign about these people, and have a human told of it."""
        campaign = await self.campaigns.add(
            council_id=council_id, cause=cause, reason=reason, gap_from=gap[0], gap_to=gap[1], made_by=by
        )
        await self.campaigns.save_ranks(campaign, people)
        await self._tell(campaign, len(people))
        details = {"cause": cause, "people": len(people), "from": gap[0].isoformat(), "to": gap[1].isoformat()}
        await self._audits.add(by, "welfare_made", "welfare", campaign.id, council_id, reason, details)
        log.warning(
            "welfare_made", campaign_id=str(campaign.id), council_id=council_id, cause=cause, people=len(people)
        )
        return campaign

    async def make_for_gap(self, council_id: str, gap: Gap, people: Sequence[Ranked]) -> WelfareCampaign:
        """Make the campaign for a gap of ours, or let the one grow that is about the same outage."""
        known = await self.campaigns.overlapping(council_id, gap.started_at, gap.ended_at)
        if known is None:
            window = (gap.started_at, gap.ended_at)
            campaign = await self.make(council_id, Cause.DEAF_PERIOD, gap_words(*window), window, people, SYSTEM)
        else:
            campaign = known
            campaign.gap_from = min(campaign.gap_from, gap.started_at)
            campaign.gap_to = max(campaign.gap_to, gap.ended_at)
            campaign.reason = gap_words(campaign.gap_from, campaign.gap_to)
            await self.session.flush()
            await self.campaigns.reopen_settled_before(campaign)
            await self.campaigns.save_ranks(campaign, people)
        await self.campaigns.add_gap(campaign, gap.id, gap.started_at, gap.ended_at)
        return campaign

    async def keep(self, campaign: WelfareCampaign, people: Sequence[Ranked], now: datetime) -> None:
        """Rank anew whoever is left, settle whoever is proven, and end the campaign when that was all.

        The campaign is locked. An alarm that somebody closed while people are left is opened again after a while.
        """
        campaign.looked_at = now
        await self.session.flush()
        await self.campaigns.save_ranks(campaign, people)
        for person_id in await self.campaigns.prove(campaign.id):
            details = {"campaign": str(campaign.id)}
            await self._audits.add(SYSTEM, "welfare_proven", "person", person_id, campaign.council_id, details=details)
        left = (await self.progress(campaign)).left
        if left == 0:
            await self._end(campaign, SYSTEM, ALL_DONE)
        elif await self.campaigns.alarm_is_gone(campaign.alarm_id):
            await self._tell(campaign, left)

    async def progress(self, campaign: WelfareCampaign) -> Progress:
        """Return how far a campaign is."""
        return (await self.campaigns.progress([campaign.id]))[campaign.id]

    async def take_next(self, campaign: WelfareCampaign, by: Worker) -> CampaignPerson | None:
        """Give somebody the next person, whom nobody else gets meanwhile; None when there is nobody just now."""
        _check_open(campaign)
        person_id = await self.campaigns.take_next(campaign.id, by.id, by.name)
        if person_id is None:
            # Whoever ranks a campaign anew has every row of it, and to pass them all by would look like an empty list.
            await self.campaigns.get(campaign.id, lock=True)
            person_id = await self.campaigns.take_next(campaign.id, by.id, by.name)
        if person_id is None:
            return None
        await self._note_taken(campaign, person_id, by)
        return await self.campaigns.person(campaign.id, person_id)

    async def take(self, campaign: WelfareCampaign, person_id: UUID, by: Worker) -> CampaignPerson:
        """Give somebody this person; ConflictError while another one has them."""
        _check_open(campaign)
        person = await self._lock(campaign, person_id)
        now = await database_now(self.session)
        _check_not_anothers(person, by, now)
        await self.campaigns.hold(person, by.id, by.name)
        await self._note_taken(campaign, person_id, by)
        return person

    async def release(self, campaign: WelfareCampaign, person_id: UUID, by: Worker) -> CampaignPerson:
        """Give a person back to the list."""
        person = await self._lock(campaign, person_id)
        _check_not_anothers(person, by, await database_now(self.session))
        _let_go(person)
        await self.session.flush()
        return person

    async def attempt(
        self, campaign_id: UUID, person_id: UUID, channel: Channel, outcome: Outcome, note: str, by: Worker
    ) -> CampaignAttempt:
        """Write down an attempt and what follows: an alarm for whoever needs help, the end when it was the last.

        ForbiddenError for what only a supervisor decides, RefusedError for what does not fit, ConflictError while
        somebody else has the person.
        """
        campaign = await self.campaigns.get(campaign_id, lock=True)
        if campaign is None:
            raise NotFoundError(f"There is no welfare campaign {campaign_id}")
        _check_open(campaign)
        person = await self._lock(campaign, person_id)
        now = await database_now(self.session)
        _check_not_anothers(person, by, now)
        state = PersonState(person.state)
        words = refusal(state, outcome, note, supervisor=by.supervisor)
        if words is not None:
            raise ForbiddenError(words) if outcome is Outcome.UNREACHABLE and not by.supervisor else RefusedError(words)
        if outcome is Outcome.NEEDS_HELP and state is not PersonState.NEEDS_HELP:
            person.alarm_id = await self._call_for_help(person, note, by)
        if state is not PersonState.NEEDS_HELP:
            _put(person, after(state, outcome), outcome, note, by, now)
        _let_go(person)
        person.attempts += outcome is not Outcome.MISTAKE
        await self.session.flush()
        made = await self.campaigns.add_attempt(
            person, at=now, by=by.label, by_name=by.name, channel=channel, outcome=outcome, note=note.strip() or None
        )
        details = {"campaign": str(campaign.id), "channel": channel, "outcome": outcome}
        council_id = campaign.council_id
        await self._audits.add(by.label, "welfare_attempt", "person", person_id, council_id, note or None, details)
        if person.state not in OPEN and (await self.progress(campaign)).left == 0:
            await self._end(campaign, SYSTEM, ALL_DONE)
        return made

    async def close(self, campaign_id: UUID, by: Worker, why: str) -> WelfareCampaign:
        """End a campaign although people are left: a supervisor does, with the reason."""
        campaign = await self.campaigns.get(campaign_id, lock=True)
        if campaign is None:
            raise NotFoundError(f"There is no welfare campaign {campaign_id}")
        _check_open(campaign)
        if not by.supervisor:
            raise ForbiddenError("A supervisor closes a campaign while people are left, with the reason")
        if not why.strip():
            raise RefusedError("Say why it ends while people are left")
        await self._end(campaign, by.label, why.strip())
        return campaign

    async def _end(self, campaign: WelfareCampaign, by: str, why: str) -> None:
        progress = await self.progress(campaign)
        campaign.closed_at, campaign.closed_by, campaign.closed_why = await database_now(self.session), by, why
        await self.session.flush()
        details = {"percent": progress.percent, "left": progress.left}
        await self._audits.add(by, "welfare_closed", "welfare", campaign.id, campaign.council_id, why, details)
        log.warning("welfare_closed", campaign_id=str(campaign.id), percent=progress.percent, left=progress.left)
        if campaign.alarm_id is not None:
            await self.alarms.clear_if_open(campaign.alarm_id, Cleared(f"The welfare check is over: {why}"))

    async def _tell(self, campaign: WelfareCampaign, people: int) -> None:
        opening = campaign_alarm(campaign.id, people, Cause(campaign.cause), campaign.reason)
        alarm_id, _is_new = await self.alarms.open_or_find(opening, campaign.council_id)
        campaign.alarm_id = alarm_id
        await self.session.flush()

    async def _call_for_help(self, person: CampaignPerson, note: str, by: Worker) -> UUID:
        now = await IntakeRepository(self.session).lock_hub(person.hub_id)
        subject = Subject(
            council_id=person.council_id,
            person_id=person.person_id,
            premises_id=person.premises_id,
            person_name=person.name,
            place=person.place,
            known=True,
            placed=True,
            tier=person.tier,
        )
        opening = help_alarm(by.name, note)
        return await self.alarms.open(opening, subject, Origin(person.hub_id, None, now), now)

    async def _lock(self, campaign: WelfareCampaign, person_id: UUID) -> CampaignPerson:
        person = await self.campaigns.person(campaign.id, person_id, lock=True)
        if person is None:
            raise NotFoundError("This person is not in the campaign")
        return person

    async def _note_taken(self, campaign: WelfareCampaign, person_id: UUID, by: Worker) -> None:
        details = {"campaign": str(campaign.id)}
        await self._audits.add(
            by.label, "welfare_taken", "person", person_id, campaign.council_id, campaign.reason, details
        )


def _check_open(campaign: WelfareCampaign) -> None:
    if campaign.closed_at is not None:
        raise ConflictError("This campaign is over")


def _check_not_anothers(person: CampaignPerson, by: Worker, now: datetime) -> None:
    if person.held_until is not None and person.held_until > now and person.held_by != by.id:
        raise ConflictError(f"{person.held_name} has this person until {person.held_until.astimezone(LONDON):%H:%M:%S}")


def _let_go(person: CampaignPerson) -> None:
    person.held_by = person.held_name = person.held_until = None


def _put(person: CampaignPerson, state: PersonState, outcome: Outcome, note: str, by: Worker, now: datetime) -> None:
    """Let a person have this state, and what it says of who settled it."""
    person.again_at = again_at(person.tier, now) if state is PersonState.TRYING else None
    if state in OPEN:
        person.settled_at = person.settled_by = person.settled_why = None
    elif state != person.state or outcome in SETTLES:
        person.settled_at, person.settled_by, person.settled_why = now, by.label, note.strip() or None
    person.state = state
