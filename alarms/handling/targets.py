"""Who stands behind each target of an alarm at this moment: asked before the core decides, and passed to it."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Address, ContactRule, Ladder, Parties, Party, State, Target, TargetKind
from alarms.escalation.inputs import TimerDue
from alarms.handling.domain import CANARY_CHANNEL, CANARY_CLASS
from alarms.notify.repository import ContactPointRepository
from alarms.policy.calendar import local_at
from alarms.responders.repository import ResponderRepository
from alarms.rota.domain import RotaError
from alarms.rota.repository import RotaRepository

_TO_SINK = ContactRule(0, Address(CANARY_CHANNEL, CANARY_CHANNEL, "the canary's sink"))
CANARY_SINK: Parties = {Target.CANARY: (Party(CANARY_CHANNEL, "the canary's sink", (_TO_SINK,)),)}
"""Who stands behind the service's own test alarm: nobody who could be woken."""

ContactsOf = Callable[[AsyncSession, UUID], Awaitable[tuple[Party, ...]]]
"""Gives a person's contacts in their order of reach; the register is another house, so whoever starts us lends it."""


class Targets:
    """Looks parties up, live, in the transaction of whoever asks."""

    def __init__(self, contacts_of: ContactsOf) -> None:
        self._contacts_of = contacts_of

    async def timer_due(
        self, session: AsyncSession, council_id: str | None, standing: Parties, state: State, now: datetime
    ) -> tuple[TimerDue, list[str]]:
        """Return what the core must know when an alarm's moment has come, and the keys of rotas that cannot be read."""
        if state.class_ == CANARY_CLASS:
            return TimerDue(CANARY_SINK, {}, local_at(now)), []
        keyed, unreadable = await _keyed(session, council_id, state, now)
        parties = {**standing, **keyed}
        present = {party.id: party for listed in parties.values() for party in listed}
        asked = {turn.party for turn in state.rounds} | {acceptance.by.id for acceptance in state.acceptances}
        # Whoever was told goes on being told by their own rules, also after somebody else has come on.
        gone = [UUID(party_id) for party_id in asked - present.keys()]
        if gone:
            still = await ResponderRepository(session).parties(gone, state.class_, now)
            present |= {party.id: party for party in still.values()}
        going_on = {party_id: present[party_id] for party_id in sorted(asked & present.keys())}
        return TimerDue(parties, going_on, local_at(now)), unreadable

    async def standing(self, session: AsyncSession, council_id: str | None, person_id: UUID | None) -> Parties:
        """Return who stands behind the standing targets."""
        parties = await ContactPointRepository(session).parties_for(council_id)
        return await self.with_contacts(session, parties, person_id)

    async def with_contacts(self, session: AsyncSession, standing: Parties, person_id: UUID | None) -> Parties:
        """Return the same with the contacts of a person."""
        if person_id is None:
            return standing
        return {**standing, Target.CONTACTS: await self._contacts_of(session, person_id)}


async def _keyed(
    session: AsyncSession, council_id: str | None, state: State, now: datetime
) -> tuple[dict[str, tuple[Party, ...]], list[str]]:
    """Return who stands behind the targets of the ladder that have a key. Without such targets nothing is asked."""
    keys: dict[str, list[str]] = defaultdict(list)
    for target in targets_of(state.ladder):
        kind, colon, key = target.partition(":")
        if colon:
            keys[kind].append(key)
    if not keys:
        return {}, []
    ids, unreadable = await _members(session, council_id, keys, now)
    everybody = dict.fromkeys(one for members in ids.values() for one in members)
    reached = await ResponderRepository(session).reached(list(everybody), state.class_, now)
    parties = {responder_id: replace(one.party, silent=one.silence or "") for responder_id, one in reached.items()}
    behind = {target: tuple(parties[one] for one in members if one in parties) for target, members in ids.items()}
    return {target: _of_kind(target, listed) for target, listed in behind.items()}, unreadable


async def _members(
    session: AsyncSession, council_id: str | None, keys: Mapping[str, list[str]], now: datetime
) -> tuple[dict[str, tuple[UUID, ...]], list[str]]:
    """Return the responders behind each target, in their order, and the keys of rotas that cannot be read."""
    ids: dict[str, tuple[UUID, ...]] = {}
    unreadable: list[str] = []
    for key, found in (await RotaRepository(session).on_call_of(keys[TargetKind.ROTA], council_id, now)).items():
        if isinstance(found, RotaError):
            unreadable.append(key)
        else:
            ids[f"{TargetKind.ROTA}:{key}"] = found
    responders = ResponderRepository(session)
    if teams := keys[TargetKind.TEAM]:
        members = await responders.members_of_teams(teams, council_id)
        ids |= {f"{TargetKind.TEAM}:{key}": found for key, found in members.items()}
    for kind in (TargetKind.RESPONDER, TargetKind.WEBHOOK):
        if named := keys[kind]:
            ids |= {f"{kind}:{key}": (one,) for key, one in (await responders.by_keys(named, council_id)).items()}
    return ids, unreadable


def targets_of(ladder: Ladder) -> dict[str, None]:
    """Return every target that a ladder names, in its order."""
    named = [target for step in ladder.steps for target in (*step.targets, *step.otherwise)]
    return dict.fromkeys((*named, *ladder.catch_all))


def _of_kind(target: str, parties: tuple[Party, ...]) -> tuple[Party, ...]:
    """Return the parties by the ways that a target means: a receiver is told by webhook only."""
    if not target.startswith(f"{TargetKind.WEBHOOK}:"):
        return parties
    return tuple(
        replace(party, rules=tuple(rule for rule in party.rules if rule.to.channel == "webhook")) for party in parties
    )
