"""One simulated afternoon: two processes, each with an engine and a sender, hubs, operators, providers, and mishaps.

`Afternoon(seed).run()` returns what must not be; nothing, when all is well. All of it follows from the seed.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from alarms.escalation.codec import dump_state, replay
from alarms.escalation.domain import FOREVER, Handling, Holder, Ladder, RuleError, Step, Target
from alarms.escalation.inputs import (
    Acked,
    Attended,
    Closed,
    Delivered,
    Escalated,
    Fate,
    Held,
    Input,
    Released,
    Renewed,
    Repeated,
    Rerouted,
    VoiceLost,
)
from alarms.handling.domain import SYSTEM_HUB, Opening, Subject
from alarms.handling.engine import Engine
from alarms.handling.service import AlarmService, Origin, record_delivery
from alarms.notify.delivery import Permanent, Result, Sent, Temporary
from alarms.notify.sender import Sender
from telecare.kernel.errors import ProblemError
from telecare.kernel.outbox import OutboxMessage
from tests.simulation.clockwork import SimulatedLoop
from tests.simulation.repositories import MadeUpError, in_place_of_postgres
from tests.simulation.storage import Key, KilledError, Row, SimulatedDatabase, Store

CHAOS_S = 12.0
LOOK_S = 2.0
LOOKS = 60
ANSWER_S = 2.0
LEASE_MARGIN_S = 1.0
PROCESSES = 2

QUEUE, SECOND = (Target.QUEUE,), (Target.SECOND_QUEUE,)
SUPERVISOR, DUTY = (Target.SUPERVISOR,), (Target.DUTY_MANAGER,)
ALL = (Target.QUEUE, Target.SUPERVISOR, Target.DUTY_MANAGER)
LIFE = Ladder("life", 1, (Step(QUEUE, 1), Step(SECOND, 1), Step(SUPERVISOR, 2), Step(DUTY, 2)), ALL, 5, 6, 2, hold_s=2)
LADDERS = {
    "L": LIFE,
    "U": Ladder("urgent", 1, (Step(QUEUE, 2), Step(SUPERVISOR, 4)), ALL, 8, 10, 3, loops=1),
    "T": Ladder("technical", 1, (Step(QUEUE, 3), Step(SUPERVISOR, 20)), ALL, 20, 20, 5),
    "I": Ladder("information", 1, (Step(QUEUE, 20),), ALL, 20, 20, 5),
}
OTHER_LADDERS = (
    Ladder("another", 2, (Step(SUPERVISOR, 0), Step((*DUTY, Target.PARTNER_ARC), 2, retries=1)), ALL, 5, 5, 2),
    Ladder("again and again", 1, (Step(DUTY, 3), Step(SUPERVISOR, 3)), ALL, 5, 5, 2, loops=FOREVER),
    Ladder("nobody", 1, (Step((Target.PARTNER_ARC,), 30),), (Target.PARTNER_ARC,), 5, 5, 2),
)
OPENINGS = [Opening(kind, class_, rank, kind, kind) for kind, class_, rank in (
    ("smoke", "L", 0), ("pendant", "L", 10), ("pendant", "L", 10), ("flood", "U", 30), ("mains_fail", "T", 50),
)]  # fmt: skip
OPERATORS = [Holder(str(UUID(int=n)), name) for n, name in enumerate("ABC", 1)]


class Machine:
    """One process: dies when the afternoon says so, and is started again."""

    def __init__(self, afternoon: "Afternoon") -> None:
        self.afternoon = afternoon
        self.dead = False
        self.database = SimulatedDatabase(afternoon.store, self)
        self.stop, self.woken = asyncio.Event(), asyncio.Event()
        self.engine = Engine(self.database, afternoon.nobody)
        channels = {"webhook": Provider(afternoon, self)}
        self.sender = Sender(
            self.database, channels, record_delivery, timeout_s=ANSWER_S, margin_s=LEASE_MARGIN_S, pace_s=0
        )
        works = (self.engine.run(self.stop), self.sender.run(self.stop, self.woken))
        self.tasks = [afternoon.loop.create_task(work) for work in works]

    def wake(self) -> None:
        self.engine.woken.set()
        self.woken.set()

    def in_flight(self) -> Collection[OutboxMessage]:
        return self.sender._in_flight

    def may_die(self) -> None:
        if self.afternoon.happens(0.002):
            self.die()
            raise KilledError

    def lost_connection(self) -> None:
        self.afternoon.excuse(self)

    def die(self) -> None:
        self.dead = True
        self.afternoon.kills += 1
        self.afternoon.excuse(self)
        self.database.drop()
        for task in self.tasks:
            task.cancel()
        self.afternoon.loop.call_later(self.afternoon.chance.uniform(0.1, 3), self.afternoon.start_anew, self)


class Outsider:
    """Whoever uses the service from outside the two processes; a request may be cut off as well."""

    dead = False

    def __init__(self, afternoon: "Afternoon") -> None:
        self.afternoon = afternoon

    def in_flight(self) -> Collection[OutboxMessage]:
        return ()

    def may_die(self) -> None:
        if self.afternoon.happens(0.005):
            raise KilledError

    def lost_connection(self) -> None:
        pass


class Provider:
    """Accepts, rejects, says 503, hangs before or after it took the message, or its caller dies of it."""

    def __init__(self, afternoon: "Afternoon", machine: Machine) -> None:
        self.afternoon = afternoon
        self.machine = machine

    async def send(self, address: str, effect_key: str, _message: Mapping[str, Any]) -> Result:
        chance = self.afternoon.chance
        await asyncio.sleep(chance.expovariate(1 / 0.05))
        if self.machine.dead:
            raise KilledError
        if address in self.afternoon.dead_addresses:
            return Permanent("nobody here")
        if not self.afternoon.chaos or chance.random() < 0.5:
            self.afternoon.take(effect_key)
            return Sent()
        fate = chance.choice(["reject", "503", "fault", "hang", "hang after", "fault after", "die after"])
        if fate.endswith("after"):
            self.afternoon.take(effect_key)
            self.afternoon.excuses[effect_key] += 1
        if fate.startswith("hang"):
            await asyncio.sleep(3600)
        if fate == "die after":
            self.machine.die()
            raise KilledError
        if fate.startswith("fault"):
            raise MadeUpError(fate)
        return Permanent("no") if fate == "reject" else Temporary("503")


class Afternoon:
    """All of it, from one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.loop = SimulatedLoop()
        self.store = Store(self.loop, self.chance)
        self.store.check = self.check_row
        self.store.on_commit.append(self.notify)
        self.chaos = True
        self.machines: list[Machine] = []
        self.handed: Counter[str] = Counter()
        self.excuses: Counter[str] = Counter()
        self.kills = 0
        self.poisoned: set[str] = set()
        self.raised: list[str] = []
        # Some afternoons are quiet, so that what then goes wrong needs no mishap.
        self.mishaps = self.chance.choice([0.0, 0.5, 1.0, 3.0])
        self.dead_addresses = {"http://supervisor/"} if self.chance.random() < 0.2 else set()

    def run(self) -> list[str]:
        for target in (Target.SUPERVISOR, Target.DUTY_MANAGER):
            row = {"id": self.store.new_id(), "target": target, "address": f"http://{target}/"}
            self.store.rows["point", row["id"]] = row
        with in_place_of_postgres(self.store, LADDERS, self.poisoned):
            try:
                self.loop.run_until_complete(self.pass_by())
            finally:
                self.end()
        return self.store.objections

    async def pass_by(self) -> None:
        self.machines = [Machine(self) for _ in range(PROCESSES)]
        self.store.faults = 0.002 * self.mishaps
        people = [self.loop.create_task(self.hub(n)) for n in range(self.chance.randint(3, 8))]
        people += [self.loop.create_task(self.operator(by)) for by in OPERATORS]
        people.append(self.loop.create_task(self.clock()))
        await asyncio.sleep(CHAOS_S)
        self.chaos, self.store.faults = False, 0.0
        await asyncio.sleep(2 * LOOK_S)
        overdue = self.overdue_and_poisoned()
        await asyncio.sleep(LOOK_S)
        left_alone = overdue & self.overdue_and_poisoned()
        self.store.objections += [f"{alarm_id} cannot be driven, and is left alone" for alarm_id, _ in left_alone]
        self.poisoned.clear()
        await asyncio.gather(*people)
        for _ in range(LOOKS):
            if not self.waiting():
                break
            await asyncio.sleep(LOOK_S)
        self.store.objections += self.waiting()
        self.check_alarms()

    def end(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        with contextlib.suppress(BaseException):
            self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    # What happens.

    def happens(self, often: float) -> bool:
        return self.chaos and self.chance.random() < often * self.mishaps

    def notify(self) -> None:
        """Wake who waits; a notice may be lost (R21)."""
        for machine in self.machines:
            if not machine.dead and (not self.chaos or self.chance.random() < 0.7):
                self.loop.call_soon(machine.wake)

    def start_anew(self, dead: Machine) -> None:
        self.machines = [machine for machine in self.machines if machine is not dead] + [Machine(self)]

    async def nobody(self, _session: Any, _person_id: UUID) -> tuple[()]:
        return ()

    async def hub(self, n: int) -> None:
        """Raise an alarm, and repeat it until it is known to be taken in; what is known is taken in once."""
        await asyncio.sleep(self.chance.uniform(0, CHAOS_S * 0.7))
        opening, hub_id = self.chance.choice(OPENINGS), f"hub-{n}"
        while True:
            try:
                async with SimulatedDatabase(self.store, Outsider(self)).transaction() as session:
                    await session.lock(("hub", hub_id))
                    if not any(row["hub_id"] == hub_id for row in session.table("alarm")):
                        now = self.store.now()
                        alarm_id = await AlarmService(session).open(opening, Subject(), Origin(hub_id, None, now), now)
                        if self.happens(0.2):
                            self.poisoned.add(str(alarm_id))
            except (ConnectionError, TimeoutError, KilledError):
                await asyncio.sleep(0.5)
            else:
                self.raised.append(hub_id)
                return

    async def operator(self, by: Holder) -> None:
        while self.chaos:
            await asyncio.sleep(self.chance.expovariate(1 / 2))
            alarms = [row for row in self.store.table("alarm") if row["handling"] != Handling.CLOSED]
            if not alarms:
                continue
            alarm = self.chance.choice(alarms)
            as_of = self.chance.choice([None, alarm["version"]])
            with contextlib.suppress(ConnectionError, TimeoutError, KilledError, RuleError, ProblemError):
                async with SimulatedDatabase(self.store, Outsider(self)).transaction() as session:
                    event = self.deed(by)
                    if self.chance.random() < 0.5:
                        await asyncio.sleep(self.chance.uniform(0, 2))  # what they see is older than what is
                    await AlarmService(session).command(alarm["id"], event, councils=frozenset(), as_of=as_of)

    def deed(self, by: Holder) -> Input:
        deeds = [
            partial(Acked, by),
            partial(Acked, by, take_over=True),
            partial(Renewed, by),
            partial(Released, by),
            partial(Escalated, by),
            partial(Held, by, ""),
            partial(Attended, by, "C", 5),
            partial(Repeated, "Again", 10),
            partial(VoiceLost, "Gone", 5),
            partial(Closed, by, "reassured"),
            partial(Closed, by, "reassured"),
            partial(Rerouted, self.chance.choice(OTHER_LADDERS), "Elsewhere"),
            partial(Delivered, "S", "webhook", Fate.NOT_REACHED, "", "http://supervisor/"),
        ]
        return self.chance.choice(deeds)()

    async def clock(self) -> None:
        """Let the clock of the database jump (R19)."""
        await asyncio.sleep(self.chance.uniform(0, CHAOS_S))
        if self.happens(0.15):
            jump = self.chance.choice([-30, -11, 11, 3600])
            if jump > 0:  # it ends the leases of what is on its way or just being taken, as if their senders had died
                on_its_way = (row for row in self.store.table("outbox") if row["state"] in {"pending", "sending"})
                self.excuses.update(row["effect_key"] for row in on_its_way)
            self.store.jump(timedelta(seconds=jump))

    # What must be.

    def take(self, effect_key: str) -> None:
        """Hand a message over."""
        self.handed[effect_key] += 1
        if self.handed[effect_key] > 1 + self.excuses[effect_key]:
            self.store.objections.append(f"{effect_key} was handed over {self.handed[effect_key]} times, for no reason")

    def excuse(self, machine: Machine) -> None:
        """Whatever it had in hand may go out once more: its result may be lost."""
        self.excuses.update(message.effect_key for message in machine.in_flight())

    def check_row(self, store: Store, key: Key, row: Row) -> None:
        table, _ = key
        if table == "alarm" and (row["handling"] == Handling.CLOSED) != (row["next_due_at"] is None):
            store.objections.append(f"{row['id']} is {row['handling']} and its next moment is {row['next_due_at']}")
        if table == "outbox" and row["state"] in {"pending", "sending"}:
            alarm = store.rows["alarm", row["subject_id"]]
            if alarm["handling"] == Handling.CLOSED:
                store.objections.append(f"{row['effect_key']} is {row['state']} after the alarm was closed")

    def waiting(self) -> list[str]:
        """Return what is not done yet: alarms of which nobody has heard, messages on their way."""
        heard = {key.partition(":")[0] for key in self.handed}
        found = []
        for row in self.store.table("alarm"):
            known = str(row["id"]) in heard or row["first_acked_at"] is not None
            if (
                row["class_"] == "L"
                and not known
                and row["handling"] != Handling.CLOSED
                and row["hub_id"] != SYSTEM_HUB
            ):
                found.append(f"nobody has heard of {row['id']}: {row['next_step']}")
            if row["next_due_at"] is not None and row["next_due_at"] < self.store.now() - timedelta(seconds=5):
                found.append(f"{row['id']} is overdue since {row['next_due_at']}")
        late = self.store.now() - timedelta(seconds=5)
        messages = [row for row in self.store.table("outbox") if row["state"] in {"pending", "sending"}]
        found += [
            f"{row['effect_key']} is not sent" for row in messages if (row["lease_until"] or row["due_at"]) < late
        ]
        return found

    def overdue_and_poisoned(self) -> set[tuple[str, datetime]]:
        """Return alarms on which the core fails and whose moment has come: somebody must see to them at once (R17)."""
        moments = {(str(row["id"]), row["next_due_at"]) for row in self.store.table("alarm")}
        now = self.store.now()
        return {(name, due) for name, due in moments if name in self.poisoned and due is not None and due < now}

    def check_alarms(self) -> None:
        """Each hub's alarm is there once; what counts as sent was; each log has no gap and leads to the state."""
        for row in self.store.table("outbox"):
            if row["state"] == "sent" and not self.handed[row["effect_key"]]:
                self.store.objections.append(f"{row['effect_key']} counts as sent and never was")
        hubs = Counter(row["hub_id"] for row in self.store.table("alarm") if row["hub_id"] != SYSTEM_HUB)
        if hubs != Counter(self.raised):
            self.store.objections.append(f"raised {sorted(self.raised)}, there are {hubs}")
        for row in self.store.table("alarm"):
            lines = sorted((line for line in self.store.table("log") if line["alarm_id"] == row["id"]), key=_seq)
            if [line["seq"] for line in lines] != list(range(1, row["log_seq"] + 1)):
                self.store.objections.append(f"the log of {row['id']} has a gap")
            state = replay((line["at"], line["input"]) for line in lines if line["input"] is not None)
            if state is None or dump_state(state) != row["state"]:
                self.store.objections.append(f"the log of {row['id']} does not lead to its state")


def _seq(line: Row) -> int:
    seq: int = line["seq"]
    return seq
