"""Saves policies: looked through first, live at once or not at all, each version for good."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.policy.bound import DAYS, Outlook
from alarms.policy.check import Known, check, check_times
from alarms.policy.directory import Directory
from alarms.policy.document import PolicyDocument
from alarms.policy.models import Policy, PolicyVersion
from alarms.policy.reading import Fault, read
from alarms.policy.repository import PolicyRepository
from alarms.policy.schemas import OutlookOut
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, InvalidError, NotFoundError, RefusedError, StaleError
from telecare.kernel.lined_yaml import Lines


@dataclass(frozen=True)
class Looked:
    """What a look through a text found; `document` is None when it cannot be read."""

    document: PolicyDocument | None
    faults: tuple[Fault, ...]
    outlook: Outlook | None

    @property
    def ok(self) -> bool:
        """Whether it could be saved."""
        return self.document is not None and not any(fault.grave for fault in self.faults)


class PolicyService:
    """Looks policies through and saves them, in the transaction of `session`; `types` gives each alarm type's class."""

    def __init__(self, session: AsyncSession, types: dict[str, str]) -> None:
        self.session = session
        self.policies = PolicyRepository(session)
        self.directory = Directory(session)
        self.types = types

    async def refuse_if_named(self, target: str, council_id: str | None) -> None:
        """Raise RefusedError when a live policy names a target: it must outlive them (S13)."""
        if named := await self.policies.naming(target, council_id):
            words = ", ".join(f"“{key}”" for key in named)
            raise RefusedError(f"The policies {words} name {target}: change them first")

    async def look_through(self, text: str) -> Looked:
        """Return what is wrong with a text, the hours with nobody, and how long it can take."""
        reading = read(text)
        if reading.document is None:
            return Looked(None, reading.faults, None)
        return await self.look_at(reading.document, reading.lines)

    async def look_at(self, document: PolicyDocument, lines: Lines | None = None) -> Looked:
        """Do the same with a document."""
        lines = lines or Lines()
        known = Known(await self.directory.known(document.council), self.types)
        faults = check(document, lines, known)
        if any(fault.grave for fault in faults):
            return Looked(document, tuple(faults), None)
        now = await database_now(self.session)
        more, outlook = await self._times(document, lines, now)
        return Looked(document, (*faults, *more), outlook)

    async def create(self, text: str, note: str, by: str) -> tuple[Policy, PolicyVersion]:
        """Save a new policy, or raise InvalidError with every fault, or ConflictError when its key is taken."""
        looked = await self._sound(text)
        policy = await self.policies.create(looked.document.council, looked.document.key)
        if policy is None:
            raise ConflictError(f"There is a policy “{looked.document.key}” already: change that one instead")
        return policy, await self._keep(policy, looked, text, note, by)

    async def change(self, policy: Policy, as_of: int, text: str, note: str, by: str) -> PolicyVersion:
        """Save the next version of a policy; alarms that are open keep theirs until they are rerouted (R24)."""
        looked = await self._sound(text)
        locked = await self.policies.get(policy.id, lock=True)
        if locked is None or locked.retired_at is not None:
            raise NotFoundError("There is no such policy")
        if locked.version != as_of:
            detail = f"Somebody has saved version {locked.version} since: look at it first"
            raise StaleError(detail, version=locked.version)
        document = looked.document
        if (document.key, document.council) != (locked.key, locked.council_id):
            raise InvalidError("A policy keeps its key and its council: make a new one instead")
        locked.version += 1
        await self.session.flush()
        return await self._keep(locked, looked, text, note, by)

    async def _sound(self, text: str) -> "_Sound":
        looked = await self.look_through(text)
        if not looked.ok or looked.document is None or looked.outlook is None:
            grave = [fault for fault in looked.faults if fault.grave]
            errors = [
                {"where": f"body.text, line {fault.line}", "what": f"{fault.where}: {fault.what}".removeprefix(": "),
                 "mend": fault.mend, "line": fault.line}
                for fault in grave
            ]  # fmt: skip
            raise InvalidError(f"The policy is not saved: {grave[0]}", errors=errors)
        return _Sound(looked.document, looked.outlook)

    async def _keep(self, policy: Policy, looked: "_Sound", text: str, note: str, by: str) -> PolicyVersion:
        return await self.policies.add_version(
            policy,
            text=text,
            document=looked.document.model_dump(mode="json", by_alias=True),
            outlook=OutlookOut.of(looked.outlook).model_dump(mode="json"),
            note=note,
            created_by=by,
        )

    async def _times(self, document: PolicyDocument, lines: Lines, now: datetime) -> tuple[list[Fault], Outlook]:
        ladder = document.ladder(0)
        targets = {t for step in ladder.steps for t in (*step.targets, *step.otherwise)} | {*ladder.catch_all}
        until = now + timedelta(days=DAYS + 1)
        behind = await self.directory.stands_behind(document.council, targets, now - timedelta(hours=1), until)
        return check_times(document, lines, now, behind)


@dataclass(frozen=True)
class _Sound:
    document: PolicyDocument
    outlook: Outlook
