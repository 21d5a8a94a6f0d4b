"""Looks after responders: adds and proves the ways to reach them, sets their rules, fills teams."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Address
from alarms.notify.addresses import written
from alarms.notify.domain import Channel
from alarms.notify.notice_repository import NoticeRepository
from alarms.notify.notices import Notice, notice_row
from alarms.responders.domain import CODE_DIGITS, CODE_MINUTES, CODE_TRIES, CodeCheck, Rule, Urgency, code_check
from alarms.responders.models import ContactMethod, Responder, Team
from alarms.responders.repository import ResponderRepository, TeamRepository
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, InvalidError, NotFoundError, RefusedError
from telecare.kernel.ids import new_id
from telecare.kernel.outbox import OutboxRepository

MOST_METHODS = 20
CODE_EVERY = timedelta(minutes=1)
"""Nobody's telephone is rung more often than this by somebody who tries an address."""


class ResponderService:
    """Responders in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.responders = ResponderRepository(session)
        self.teams = TeamRepository(session)

    async def create(self, **columns: Any) -> Responder:
        """Add a responder; ConflictError when the council has one of this key."""
        responder = await self.responders.create(**columns)
        if responder is None:
            raise ConflictError(f"There is a responder with the key {columns['key']} already")
        return responder

    async def add_method(
        self, responder: Responder, channel: Channel, address: str, label: str | None
    ) -> ContactMethod:
        """Add a way to reach a responder, behind the others; InvalidError when it is none."""
        try:
            address = written(channel, address)
        except ValueError as error:
            errors = [{"where": "body.address", "what": str(error)}]
            raise InvalidError("The address cannot be used", errors=errors) from error
        methods = await self.responders.methods_of(responder.id)
        if len(methods) >= MOST_METHODS:
            raise RefusedError(f"{MOST_METHODS} contact methods are the most that a responder may have")
        method = await self.responders.add_method(
            responder_id=responder.id,
            council_id=responder.council_id,
            channel=channel,
            address=address,
            label=label or f"{responder.name}, {channel}",
            position=max((each.position for each in methods), default=0) + 1,
        )
        if method is None:
            raise ConflictError("The responder has this address on this channel already")
        return method

    async def add_own_browser(self, responder: Responder, subscription: str) -> ContactMethod:
        """Add the browser in which a responder holds their own link: proven by that, and told at once for life-safety.

        A browser that is there already stays as it is.
        """
        known = {method.address: method for method in await self.responders.methods_of(responder.id)}
        if (method := known.get(subscription)) is not None:
            return method
        method = await self.add_method(responder, Channel.PUSH, subscription, f"{responder.name}, a browser")
        method.verified_at = await database_now(self.session)
        await self.session.flush()
        rules = [
            Rule(rule.method_id, rule.after_s, Urgency(rule.urgency))
            for rule in await self.responders.rules_of(responder.id)
        ]
        if any(rule.urgency is Urgency.LIFE_SAFETY for rule in rules):
            await self.responders.replace_rules(responder, [*rules, Rule(method.id, 0, Urgency.LIFE_SAFETY)])
        return method

    async def require_method(self, responder: Responder, method_id: UUID) -> ContactMethod:
        """Return one of a responder's methods, locked; NotFoundError when it is not theirs."""
        method = await self.responders.lock_method(responder.id, method_id)
        if method is None:
            raise NotFoundError(f"The responder has no contact method {method_id}")
        return method

    async def switch(self, method: ContactMethod, *, disabled: bool, why: str | None) -> None:
        """Switch a method off with a reason, or on again."""
        if not disabled:
            method.disabled_at = method.disabled_why = None
        elif method.disabled_at is None:
            method.disabled_at = await database_now(self.session)
            method.disabled_why = why or "switched off"
        await self.session.flush()

    async def send_code(self, method: ContactMethod) -> None:
        """Send a fresh code to a method; one sent before no longer counts. Only its hash is kept."""
        now = await database_now(self.session)
        if method.disabled_at is not None:
            raise RefusedError("This contact method is switched off: switch it on first")
        life = timedelta(minutes=CODE_MINUTES)
        if method.code_expires_at is not None and method.code_expires_at - life > now - CODE_EVERY:
            raise RefusedError("A code was sent less than a minute ago: wait for it, or try again in a minute")
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        method.code_hash, method.code_expires_at, method.code_tries = _hash(method.id, code), now + life, 0
        await self.session.flush()
        await NoticeRepository(self.session).forget_codes_of(method.id)
        text = (
            f"Your code for telecare alarms is {code}. It is good for {CODE_MINUTES} minutes. "
            "If you did not expect it, tell the alarm service: somebody has entered your address."
        )
        row = notice_row(
            Notice.VERIFICATION,
            f"{Notice.VERIFICATION}:{new_id()}",
            Address(method.channel, method.address, method.label),
            about=method.id,
            council_id=method.council_id,
            subject="Your code for telecare alarms",
            text=text,
            data={"code": code, "expires_at": method.code_expires_at.isoformat()},
        )
        OutboxRepository(self.session).add([row])

    async def verify(self, method: ContactMethod, code: str) -> CodeCheck:
        """Take a code that somebody typed in. The caller must commit whatever comes of it: a wrong one is counted."""
        now = await database_now(self.session)
        sent, expires = method.code_hash, method.code_expires_at
        found = code_check(
            matches=sent is not None and hmac.compare_digest(sent, _hash(method.id, code)),
            expired=expires is not None and expires <= now,
            tries=None if sent is None else method.code_tries,
        )
        if found is CodeCheck.RIGHT:
            method.verified_at = now
            method.code_hash = method.code_expires_at = None
            await NoticeRepository(self.session).forget_codes_of(method.id)
        elif found is CodeCheck.WRONG:
            method.code_tries += 1
        await self.session.flush()
        return found

    async def set_rules(self, responder: Responder, rules: Sequence[Rule]) -> None:
        """Put these rules in place of all; InvalidError when one names a method that is not the responder's."""
        theirs = {method.id for method in await self.responders.methods_of(responder.id)}
        errors = [
            {"where": f"body.{place}.method_id", "what": "the responder has no such contact method"}
            for place, rule in enumerate(rules)
            if rule.method_id not in theirs
        ]
        if errors:
            raise InvalidError("A rule names a contact method that is not the responder's", errors=errors)
        await self.responders.replace_rules(responder, rules)

    async def create_team(self, members: Sequence[UUID], **columns: Any) -> Team:
        """Add a team with its members; ConflictError when the council has one of this key."""
        team = await self.teams.create(**columns)
        if team is None:
            raise ConflictError(f"There is a team with the key {columns['key']} already")
        await self.put_members(team, members)
        return team

    async def put_members(self, team: Team, members: Sequence[UUID]) -> None:
        """Put these members in place of all; InvalidError when one may not serve the team's council."""
        await self.check_members(members, team.council_id, "body.members")
        await self.teams.put_members(team, members)

    async def check_members(self, members: Sequence[UUID], council_id: str | None, where: str) -> None:
        """Raise InvalidError when somebody is no responder of this council or of all."""
        unknown = await self.responders.not_for(members, council_id) if members else set()
        if unknown:
            whose = "of this council or of all" if council_id else "of all councils"
            errors = [{"where": where, "what": f"no responder {whose} has the id {each}"} for each in sorted(unknown)]
            raise InvalidError("A member is no responder who can serve here", errors=errors)


def tries_left(method: ContactMethod) -> int:
    """Return how many wrong codes a method still takes; 0 when none is out."""
    return CODE_TRIES - method.code_tries if method.code_hash is not None else 0


def _hash(method_id: UUID, code: str) -> bytes:
    return hashlib.sha256(method_id.bytes + code.encode()).digest()
