"""A small transactional store with row locks: stands for PostgreSQL in the simulation, and for nothing else.

Reads see what is committed and what the own transaction wrote. A lock is held until the transaction ends; who waits for
it sees the row as it is then. At each call the process may be killed or the connection lost, also just after a commit.
"""

import asyncio
import copy
import random
from collections.abc import AsyncIterator, Callable, Collection, Hashable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self
from uuid import UUID

EPOCH = datetime(2027, 3, 28, 0, 50, tzinfo=UTC)
LOCK_TIMEOUT_S = 5.0

Row = dict[str, Any]
Key = tuple[str, Hashable]
"""Table and primary key."""


class KilledError(BaseException):
    """The process of whoever asks is no more."""


class Owner(Protocol):
    """The process that a transaction belongs to."""

    dead: bool

    def may_die(self) -> None:
        """Die now, if chance will have it."""

    def in_flight(self) -> Collection[Any]:
        """Return the messages that its sender has in hand."""

    def lost_connection(self) -> None:
        """Take note that a transaction failed, its outcome unknown."""


class Store:
    """All tables. `check` is called with each row as it is committed; `faults` is how often a call fails."""

    def __init__(self, loop: asyncio.AbstractEventLoop, chance: random.Random) -> None:
        self.loop = loop
        self.chance = chance
        self.rows: dict[Key, Row] = {}
        self.locks: dict[Key, Transaction] = {}
        self.waiting: dict[Key, list[asyncio.Future[None]]] = {}
        self.freed: dict[Key, float] = {}
        self.offset = timedelta()
        self.jumped_at = 0.0
        self.faults = 0.0
        self.objections: list[str] = []
        self.check: Callable[[Store, Key, Row], None] = lambda *_: None
        self.on_commit: list[Callable[[], None]] = []

    def new_id(self) -> UUID:
        """Return the next id: by chance, but the same in each run."""
        return UUID(int=self.chance.getrandbits(128), version=4)

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.loop.time()) + self.offset

    def table(self, name: str) -> list[Row]:
        return [row for (table, _), row in self.rows.items() if table == name]

    def jump(self, by: timedelta) -> None:
        """Set the clock of the database forward or back."""
        self.offset += by
        self.jumped_at = self.loop.time()

    def release(self, key: Key) -> None:
        del self.locks[key]
        self.freed[key] = self.loop.time()
        for future in self.waiting.pop(key, []):
            if not future.done():
                future.set_result(None)


class Transaction:
    """What the code under test takes for its session."""

    def __init__(self, store: Store, owner: Owner) -> None:
        self.store = store
        self.owner = owner
        self.info: dict[str, Any] = {}
        self.written: dict[Key, Row] = {}
        self.held: set[Key] = set()
        self.began = store.loop.time()
        self.board = False
        self.over = False

    async def call(self) -> None:
        """Go to the server and back: anything may happen on the way."""
        await asyncio.sleep(self.store.chance.expovariate(1 / 0.004))
        if self.owner.dead or self.over:
            raise KilledError
        self.owner.may_die()
        if self.store.chance.random() < self.store.faults:
            self.owner.lost_connection()
            self.rollback()
            raise ConnectionError("the server has gone away")

    def get(self, key: Key) -> Row | None:
        row = self.written.get(key) or self.store.rows.get(key)
        return None if row is None else copy.copy(row)

    def table(self, name: str) -> list[Row]:
        keys = [key for key in {**self.store.rows, **self.written} if key[0] == name]
        return [self.written.get(key) or self.store.rows[key] for key in keys]

    def put(self, key: Key, row: Row) -> None:
        self.written[key] = row

    def is_free(self, key: Key) -> bool:
        return self.store.locks.get(key, self) is self

    def take(self, key: Key) -> None:
        self.store.locks[key] = self
        self.held.add(key)

    async def lock(self, key: Key) -> None:
        """Wait for a row until it is ours; TimeoutError as from the server's lock_timeout."""
        async with asyncio.timeout(LOCK_TIMEOUT_S):
            while not self.is_free(key):
                future: asyncio.Future[None] = self.store.loop.create_future()
                self.store.waiting.setdefault(key, []).append(future)
                await future
        if self.over:
            raise KilledError
        self.take(key)

    def commit(self) -> None:
        for key, row in self.written.items():
            self.store.rows[key] = row
        for key, row in self.written.items():
            self.store.check(self.store, key, row)
        self.end()
        if self.board:
            for wake in self.store.on_commit:
                wake()

    def rollback(self) -> None:
        self.written.clear()
        self.end()

    def end(self) -> None:
        self.over = True
        for key in self.held:
            self.store.release(key)
        self.held.clear()


class SimulatedDatabase:
    """Stands for `telecare.kernel.db.Database` of one process."""

    def __init__(self, store: Store, owner: Owner) -> None:
        self.store = store
        self.owner = owner
        self.open: set[Transaction] = set()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        transaction = Transaction(self.store, self.owner)
        self.open.add(transaction)
        try:
            await transaction.call()
            yield transaction
            await transaction.call()  # whatever happens here, nothing is written
            transaction.commit()
            transaction.over = False
            await transaction.call()  # and here it is, though nobody may ever know
        except BaseException:
            if not transaction.over:
                transaction.rollback()
            raise
        finally:
            self.open.discard(transaction)

    @asynccontextmanager
    async def chain(self) -> AsyncIterator[Self]:
        """Transactions one after the other: here each is one of its own, so a chain is no shorter."""
        yield self

    def drop(self) -> None:
        """Let the server see that its client is gone."""
        for transaction in list(self.open):
            transaction.rollback()
