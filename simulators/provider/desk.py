"""What the parts of the simulated provider share: what they were given, how they behave, and who waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from simulators.provider.behaviour import Answer, Behaviour, Plan, Service, When, sequence
from simulators.provider.reporter import Reporter
from simulators.provider.script import Script

SERVICE_ID = "26785a09-ab16-4eb0-8407-a37497a57506"
API_SECRET = "3d844edf-8d35-48ac-975b-e847b4f122b0"  # noqa: S105 - of a provider that delivers to nobody
API_KEY = f"simulated-{SERVICE_ID}-{API_SECRET}"
ACCOUNT_SID = "AC00000000000000000000000000000000"
AUTH_TOKEN = "simulated auth token"  # noqa: S105 - the same
CALLBACK_TOKEN = "simulated callback token"  # noqa: S105 - the same


@dataclass
class Shown:
    """One message as its receiver sees it: a text, a mail, a notification or a webhook."""

    id: str
    to: str
    text: str
    reference: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Call:
    """One call: what was heard so far, how it stands, and whether it has ended."""

    sid: str
    to: str
    script: Script
    status: str = "queued"
    heard: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Desk:
    """`attempts` are all requests, whatever they were answered; the other lists are what was taken."""

    def __init__(self, notify_callback: str | None) -> None:
        self.texts: list[Shown] = []
        self.mails: list[Shown] = []
        self.pushes: list[Shown] = []
        self.webhooks: list[Shown] = []
        self.calls: list[Call] = []
        self.attempts: list[tuple[Service, str]] = []
        self.reporter = Reporter(AUTH_TOKEN, notify_callback, CALLBACK_TOKEN, self.tell)
        self._plan = Plan()
        self._changed = asyncio.Condition()
        self._replanned = asyncio.Event()

    def behave(
        self, service: Service, behaviour: Behaviour, *, to: str | None = None, times: int | None = None
    ) -> None:
        """Set how a service behaves from now on; what hangs is looked at anew."""
        self._plan.set(service, behaviour, to=to, times=times)
        self._replanned.set()

    async def until(self, done: Callable[[], bool], timeout_s: float = 15.0) -> None:
        """Wait until something is true of what was received or reported."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(done)

    async def tell(self) -> None:
        """Wake those who wait: something came or was reported."""
        async with self._changed:
            self._changed.notify_all()

    async def behaviour(self, service: Service, to: str) -> Behaviour:
        """Return how this request is met; one that hangs waits here until another behaviour is set."""
        self.attempts.append((service, to))
        await self.tell()
        behaviour = self._plan.take(service, to)
        while behaviour.answer is Answer.HANG:
            self._replanned.clear()
            await self._replanned.wait()
            behaviour = self._plan.lasting(service, to)
        return behaviour

    async def report(
        self, behaviour: Behaviour, usual: tuple[str, ...], report: Callable[[str], Awaitable[None]]
    ) -> None:
        """Send the reports on a message: now, before the answer, or after it."""
        words = sequence(behaviour, usual)

        async def all_of_them(wait_s: float) -> None:
            await asyncio.sleep(wait_s)
            for word in words:
                await report(word)

        if behaviour.when is When.EARLY:
            await all_of_them(0)
        elif words:
            self.reporter.later(all_of_them(behaviour.late_s if behaviour.when is When.LATE else 0))
