"""The repositories that engine, service and sender use, over the simulated store: what they ask for and no more."""

import sys
import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID

from alarms.escalation.decide import decide
from alarms.escalation.domain import Address, ContactRule, Decision, Ladder, Party, State
from alarms.escalation.inputs import Input, TimerDue
from alarms.handling.domain import SYSTEM_HUB
from alarms.handling.models import Alarm
from alarms.handling.repository import Due, Lines
from alarms.notify.crowding import LIFE_SAFETY, crowded
from alarms.notify.delivery import LIFE_SAFETY_BELOW
from alarms.policy.repository import Governing
from telecare.kernel.errors import NotFoundError
from telecare.kernel.outbox import TECHNICAL_FROM, Candidate, OutboxMessage, Waiting
from telecare.kernel.transient import is_transient
from tests.simulation.storage import Key, Row, Store, Transaction

ATTRIBUTES = [attribute.key for attribute in Alarm.__mapper__.column_attrs if attribute.key != "person_born"]
OF_MESSAGE = [attribute.key for attribute in OutboxMessage.__mapper__.column_attrs]


def alarm_of(row: Row) -> Alarm:
    return Alarm(**{name: row.get(name) for name in ATTRIBUTES})


class Alarms:
    """Stands for `AlarmRepository`."""

    def __init__(self, session: Transaction) -> None:
        self.session = session

    async def lock(self, alarm_id: UUID) -> Alarm | None:
        await self.session.call()
        key = ("alarm", alarm_id)
        if self.session.get(key) is None:
            return None
        await self.session.lock(key)
        row = self.session.get(key)
        return alarm_of(row) if row else None

    async def require(self, alarm_id: UUID, _councils: Collection[str]) -> Alarm:
        await self.session.call()
        row = self.session.get(("alarm", alarm_id))
        if row is None:
            raise NotFoundError("There is no such alarm")
        return alarm_of(row)

    async def claim_due(self, but: Collection[UUID] = ()) -> Due | None:
        await self.session.call()
        now = self.session.store.now()
        due = [
            row
            for row in self.session.table("alarm")
            if row["next_due_at"] is not None and row["next_due_at"] <= now and row["id"] not in but
        ]
        for row in sorted(due, key=lambda row: (row["rank"], row["next_due_at"], row["id"])):
            key = ("alarm", row["id"])
            if self.session.is_free(key):
                self.session.take(key)
                return Due(alarm_of(row), now, await ContactPoints(self.session).parties_for(None))
        return None

    async def seconds_until_due(self) -> float | None:
        await self.session.call()
        due = [row["next_due_at"] for row in self.session.table("alarm") if row["next_due_at"] is not None]
        return (min(due) - self.session.store.now()).total_seconds() if due else None

    async def add(self, alarm: Alarm, lines: Lines, *, last: bool = False) -> None:  # noqa: ARG002 - the row is a call
        await self.session.call()
        alarm.case_id, alarm.log_seq = alarm.id, 0
        self._write(alarm, lines)

    async def save(self, alarm: Alarm, columns: Mapping[str, Any], lines: Lines, *, last: bool = False) -> None:
        if not last:
            await self.session.call()
        if self.session.store.locks.get(("alarm", alarm.id)) is not self.session:
            self.session.store.objections.append(f"{alarm.id} was written without its lock")
        for name, value in columns.items():
            setattr(alarm, name, value)
        self._write(alarm, lines)

    def _write(self, alarm: Alarm, lines: Lines) -> None:
        for n, kind in enumerate(lines.kinds):
            alarm.log_seq += 1
            line = {"alarm_id": alarm.id, "seq": alarm.log_seq, "at": lines.at, "kind": kind}
            self.session.put(("log", (alarm.id, alarm.log_seq)), {**line, "input": None if n else lines.input})
        self.session.put(("alarm", alarm.id), {name: getattr(alarm, name) for name in ATTRIBUTES})
        self.session.board = self.session.board or bool(lines.kinds)

    async def log_of(self, alarm_id: UUID) -> Sequence[Any]:
        await self.session.call()
        lines = [row for row in self.session.table("log") if row["alarm_id"] == alarm_id]
        return [SimpleNamespace(**row) for row in sorted(lines, key=lambda row: row["seq"])]

    async def count_lines(self, alarm_id: UUID, kind: str) -> int:
        return sum(line.kind == kind for line in await self.log_of(alarm_id))

    async def lock_fault(self, family: str, council_id: str | None) -> bool:
        await self.session.call()
        await self.session.lock(("fault", (family, council_id)))
        return any(
            row["hub_id"] == SYSTEM_HUB and row["family"] == family and row["handling"] != "closed"
            for row in self.session.table("alarm")
        )


class Outbox:
    """Stands for `OutboxRepository`."""

    def __init__(self, session: Transaction) -> None:
        self.session = session

    def add(self, rows: list[dict[str, Any]]) -> None:
        known = {row["effect_key"] for row in self.session.table("outbox")}
        now = self.session.store.now()
        for row in rows:
            if row["effect_key"] not in known:
                fresh = {
                    "id": self.session.store.new_id(),
                    "state": "pending",
                    "attempts": 0,
                    "created_at": now,
                    "due_at": now,
                }
                fresh |= {"lease_until": None, "born": self.session.store.loop.time(), **row}
                self.session.put(("outbox", fresh["id"]), fresh)

    async def lease(
        self,
        limit: int,
        lease: timedelta,
        *,
        below: int | None = None,
        except_channels: Collection[str] = (),
        except_addresses: Collection[str] = (),
    ) -> list[OutboxMessage]:
        await self.session.call()
        due = [
            row
            for row in self._due()
            if (below is None or row["rank"] < below)
            and row["channel"] not in except_channels
            and row["address"] not in except_addresses
        ]
        return self._take(due[:limit], lease)

    async def waiting(self, below: int) -> Waiting:
        await self.session.call()
        ranks = [row["rank"] for row in self._due()]
        return Waiting(
            grave=any(rank < below for rank in ranks),
            urgent=any(below <= rank < TECHNICAL_FROM for rank in ranks),
            technical=any(rank >= TECHNICAL_FROM for rank in ranks),
            recalls=False,
        )

    async def technical_by_council(
        self, each: int, _pace: timedelta, _channels: Collection[str], **_rest: Collection[str]
    ) -> list[Candidate]:
        await self.session.call()
        due = [row for row in self._due() if row["rank"] >= TECHNICAL_FROM]
        return [Candidate(row["council_id"], row["id"], row["channel"], row["address"]) for row in due[:each]]

    async def lease_these(self, ids: Sequence[UUID], limit: int, lease: timedelta) -> list[OutboxMessage]:
        await self.session.call()
        due = self._due()
        if ids:
            self._object_to_waiting(due)
        return self._take([row for row in due if row["id"] in ids][:limit], lease)

    def _object_to_waiting(self, due: list[Row]) -> None:
        """Object when a message of life-safety could have been taken all the while, and a technical one is."""
        store, began = self.session.store, self.session.began
        full_channels, full_addresses = crowded(self.session.owner.in_flight(), LIFE_SAFETY)
        for row in due:
            since = max(row["born"], store.freed.get(("outbox", row["id"]), 0.0), store.jumped_at)
            waits = since < began and (row["lease_until"] or row["due_at"]) <= store.now() - timedelta(seconds=1)
            full = row["channel"] in full_channels or row["address"] in full_addresses
            if row["rank"] < LIFE_SAFETY_BELOW and waits and not full:
                store.objections.append(f"{row['effect_key']} waits behind technical ones")

    async def take_recalls(self, _limit: int) -> list[tuple[str, str]]:
        return []

    async def finish(self, message: OutboxMessage, state: str, error: str | None = None, **_provider: Any) -> bool:
        return await self._change(message, ("sending", "cancelled"), state=state, last_error=error, lease_until=None)

    async def retry(self, message: OutboxMessage, after: timedelta, error: str) -> bool:
        due_at = self.session.store.now() + after
        changes = {"state": "pending", "due_at": due_at, "last_error": error, "lease_until": None}
        return await self._change(message, ("sending",), **changes)

    async def cancel_pending(self, subject_id: UUID) -> None:
        await self.session.call()
        theirs = [row["id"] for row in self.session.table("outbox") if row["subject_id"] == subject_id]
        for message_id in theirs:
            key = ("outbox", message_id)
            row = self.session.get(key)
            if row and row["state"] in {"pending", "sending"}:
                await self.session.lock(key)
                row = self.session.get(key)
                if row and row["state"] in {"pending", "sending"}:
                    self.session.put(key, {**row, "state": "cancelled", "lease_until": None})

    async def _change(self, message: OutboxMessage, states: Collection[str], **changes: Any) -> bool:
        await self.session.call()
        key: Key = ("outbox", message.id)
        await self.session.lock(key)
        row = self.session.get(key)
        if row is None or row["attempts"] != message.attempts or row["state"] not in states:
            return False
        self.session.put(key, {**row, **changes})
        return True

    def _due(self) -> list[Row]:
        now = self.session.store.now()
        due = [
            row
            for row in self.session.table("outbox")
            if (row["state"] == "pending" and row["due_at"] <= now)
            or (row["state"] == "sending" and row["lease_until"] <= now)
        ]
        free = [row for row in due if self.session.is_free(("outbox", row["id"]))]
        return sorted(free, key=lambda row: (row["rank"], row["due_at"], row["id"]))

    def _take(self, due: list[Row], lease: timedelta) -> list[OutboxMessage]:
        taken = []
        for row in due:
            key = ("outbox", row["id"])
            self.session.take(key)
            until = self.session.store.now() + lease
            leased = {**row, "state": "sending", "lease_until": until, "attempts": row["attempts"] + 1}
            self.session.put(key, leased)
            taken.append(OutboxMessage(**{name: leased.get(name) for name in OF_MESSAGE}))
        return taken


class Bundles:
    """Stands for `BundleRepository`; nothing is bundled here."""

    def __init__(self, _session: Transaction) -> None:
        pass

    async def merge_repeats(self) -> None:
        pass

    async def merge_calls(self) -> None:
        pass

    async def merge_technical(self) -> None:
        pass

    async def children(self, _parents: Collection[UUID]) -> dict[UUID, list[OutboxMessage]]:
        return {}


class ContactPoints:
    """Stands for `ContactPointRepository`: the store's table of addresses."""

    def __init__(self, session: Transaction) -> None:
        self.session = session

    async def parties_for(self, _council_id: str | None) -> dict[str, tuple[Party, ...]]:
        await self.session.call()
        parties: dict[str, tuple[Party, ...]] = {}
        for row in self.session.table("point"):
            rule = ContactRule(0, Address("webhook", row["address"], row["address"]))
            party = Party(str(row["id"]), row["address"], (rule,))
            parties[row["target"]] = (*parties.get(row["target"], ()), party)
        return parties


class Invitations:
    """Stands for `InvitationRepository`: nobody is asked to answer here."""

    def __init__(self, _session: Transaction) -> None:
        pass

    async def add(self, *_: Any) -> dict[str, Any]:
        return {}


class Policies:
    """Stands for `PolicyRepository`: there are none, so that ladders are the built-in ones."""

    def __init__(self, _session: Transaction) -> None:
        pass

    async def live(self, _council_id: str | None) -> Governing:
        return Governing([])

    async def governing(self, *_: Any) -> Governing:
        return Governing([])


class Responders:
    """Stands for `ResponderRepository`: who is behind no target any more is gone."""

    def __init__(self, _session: Transaction) -> None:
        pass

    async def parties(self, *_: Any) -> dict[UUID, Party]:
        return {}


async def simulated_now(session: Transaction) -> datetime:
    await session.call()
    return session.store.now()


class Journal:
    """Stands for a logger: keeps what went wrong that nobody made go wrong."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def info(self, *_: Any, **__: Any) -> None:
        pass

    debug = info
    warning = info

    def error(self, event: str, **said: Any) -> None:
        if event != "clock_jumped" or not self.store.offset:
            self.store.objections.append(f"{event} {said}")

    def exception(self, event: str, **said: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, MadeUpError) and not is_transient(error):
            self.store.objections.append(f"{event} {said}: {traceback.format_exc()}")


class MadeUpError(Exception):
    """A fault of ours that the simulation wanted."""


@contextmanager
def in_place_of_postgres(store: Store, ladders: Mapping[str, Ladder], poisoned: Collection[str]) -> Iterator[None]:
    """Let engine, service and sender work on the store while the block lasts.

    The core fails on the timers of alarms in `poisoned`.
    """

    def decide_or_fail(state: State | None, event: Input, now: datetime) -> Decision:
        if state is not None and state.alarm_id in poisoned and isinstance(event, TimerDue):
            raise MadeUpError("poison")
        return decide(state, event, now)

    stand_ins: dict[str, Any] = {
        "alarms.handling.engine.AlarmRepository": Alarms,
        "alarms.handling.engine.database_now": simulated_now,
        "alarms.handling.engine.time": SimpleNamespace(monotonic=store.loop.time),
        "alarms.handling.engine.log": Journal(store),
        "alarms.handling.service.AlarmRepository": Alarms,
        "alarms.handling.service.OutboxRepository": Outbox,
        "alarms.handling.service.PolicyRepository": Policies,
        "alarms.handling.service.InvitationRepository": Invitations,
        "alarms.handling.service.database_now": simulated_now,
        "alarms.handling.service.new_id": store.new_id,
        "alarms.handling.service.log": Journal(store),
        "alarms.handling.service.BY_CLASS": ladders,
        "alarms.handling.service.decide": decide_or_fail,
        "alarms.handling.targets.ContactPointRepository": ContactPoints,
        "alarms.handling.targets.ResponderRepository": Responders,
        "alarms.notify.sender.OutboxRepository": Outbox,
        "alarms.notify.sender.BundleRepository": Bundles,
        "alarms.notify.sender.log": Journal(store),
    }
    with ExitStack() as stack:
        for name, stand_in in stand_ins.items():
            stack.enter_context(patch(name, stand_in))
        yield
