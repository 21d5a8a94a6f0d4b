"""Who watches over the service from outside while a scenario runs: its watchdog, and a dead man's switch."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from alarms.policy.scenario_checks import CheckPart
from alarms.policy.simulate import Said, Told
from simulators.provider.sink import SmtpSink, WebhookSink
from telecare.kernel.settings import Settings
from telecare.watch.watchdog import EVERY_S, Watchdog
from tests.scenarios.stage import Stage

if TYPE_CHECKING:
    from tests.scenarios.database_run import DatabaseRun

WATCHDOG = "watchdog"
"""What a file calls it where else the name of an alarm stands."""

PATIENCE_S = 150
"""The switch rings when it was told that all is not well, or has heard nothing for so long."""


class FromOutside(Stage):
    """The product's watchdog, with a connection and ways out of its own; the sinks stand for who is told."""

    apart = True

    def __init__(self, run: DatabaseRun) -> None:
        super().__init__(run)
        self._opened = AsyncExitStack()
        self._watchdog: Watchdog | None = None

    async def build(self) -> None:
        self._people = {f"{name}@council.example": name for name in self.run.scenario.watchdog}
        self._pinged: list[tuple[float, bool]] = []
        self._pages = 0
        if self._people:
            self._smtp = await self._opened.enter_async_context(SmtpSink())
            self._hook = await self._opened.enter_async_context(WebhookSink())
            self._watchdog = Watchdog(self._settings(), self.run.seconds)
            self._looks_at = self.run.now

    def _settings(self) -> Settings:
        return Settings(
            database_url=self.run.database.url,
            mqtt_url=f"mqtt://127.0.0.1:{self._hook.port}",  # somebody listens there: it stands for the broker
            watchdog_smtp_url=f"smtp://127.0.0.1:{self._smtp.port}",
            watchdog_mail_to=", ".join(self._people),
            canary_mqtt_url="mqtt://nobody@127.0.0.1" if self.run.scenario.canary else None,  # that it waits for one
            deadman_url=f"{self._hook.url}ping",
        )

    async def next(self) -> datetime | None:
        return self._looks_at if self._watchdog else None

    async def drive(self) -> bool:
        if self._watchdog is None or self.run.now < self._looks_at:
            return False
        self._looks_at = self.run.now + timedelta(seconds=EVERY_S)
        pings = len(self._hook.requests)
        await self._watchdog.step()
        self._pinged += [(self.run.seconds(), not ping.path.endswith("/fail")) for ping in self._hook.requests[pings:]]
        for mail in self._smtp.messages[self._pages :]:
            self._pages += 1
            self.run.timeline.said.append(
                Said(self.run.now, WATCHDOG, "paged", WATCHDOG, f"{mail.subject}\n{mail.text}")
            )
            for to in mail.recipients:
                told = Told(self.run.now, WATCHDOG, WATCHDOG, self._people[to], "email", mail.subject)
                self.run.timeline.told.append(told)
        return False

    async def check(self, wanted: CheckPart) -> list[str]:
        if wanted.dead_man is None:
            return []
        at, well = self._pinged[-1] if self._pinged else (0.0, True)
        found = "quiet" if well and self.run.seconds() - at <= PATIENCE_S else "rings"
        return [] if found == wanted.dead_man else [f"the dead man's switch {found}, not {wanted.dead_man}"]

    async def close(self) -> None:
        if self._watchdog is not None:
            self._watchdog._hang_up()
        await self._opened.aclose()
