"""The canary: an alarm a minute that goes the whole way, from a hub's log-in to whoever would be told.

Broker, ingest, intake, engine, outbox and sender do with it what they do with a pendant; at the end stands a sink that
writes down when it came. It is nobody's alarm: no board, feed, figure or list shows it, and it ends by itself. It takes
the lane of life-safety, behind all of that: what is measured is the way of those alarms.
"""

import asyncio
import json
import queue
import ssl
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import UUID

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.inputs import Cleared
from alarms.handling.domain import CANARY_CHANNEL
from alarms.handling.service import AlarmService, record_delivery
from alarms.notify.delivery import Result, Sent
from telecare.kernel.db import Database
from telecare.kernel.ids import new_id
from telecare.kernel.logging import get_logger
from telecare.kernel.metrics import REGISTRY
from telecare.kernel.outbox import OutboxMessage
from telecare.kernel.settings import Settings
from telecare.kernel.transient import is_transient
from telecare.kernel.waiting import first_of
from telecare.watch.repository import CanaryRepository
from telecare.wire.topics import CANARY_HUB, CANARY_TYPE, from_hub

log = get_logger("canary")

LOOK_S = 1.0
PUBLISH_WITHIN_S = 5.0

SENT = Counter("telecare_canaries_sent", "Canaries that this process has sent", registry=REGISTRY)


class CanarySender:
    """Sends one canary a minute, however many processes do this: whose turn it is the database says."""

    def __init__(self, settings: Settings, url: str, database: Database) -> None:
        self._database = database
        self._every = timedelta(seconds=settings.canary_every_s)
        self._look_s = min(LOOK_S, settings.canary_every_s / 4)
        self._url = urlsplit(url)
        self._ca_file = settings.mqtt_ca_file

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; one that cannot be sent is a missed one, which the watchdog counts."""
        while not stop.is_set():
            try:
                await self.step()
            except Exception as error:
                if isinstance(error, OSError) or is_transient(error):
                    log.warning("canary_not_sent", error=repr(error)[:200])
                else:
                    log.exception("canary_not_sent")
            await first_of(stop, timeout_s=self._look_s)

    async def step(self) -> UUID | None:
        """Send a canary when it is time for one; return its id."""
        canary_id = new_id()
        async with self._database.transaction() as session:
            if not await CanaryRepository(session).begin(canary_id, self._every):
                return None
        # It is written down before it leaves: one that gets lost on the first metre is missed as well.
        await asyncio.to_thread(publish, self._url, self._ca_file, canary_id)
        SENT.inc()
        return canary_id


def publish(url: SplitResult, ca_file: Path | None, canary_id: UUID) -> None:
    """Log in as a hub does, hand the alarm to the broker, and leave; OSError when it is not taken in time.

    A log-in for each is on purpose: a certificate that has run out keeps every new hub away, and shows nowhere else.
    """
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=CANARY_HUB, protocol=mqtt.MQTTv311, reconnect_on_failure=False
    )
    client.connect_timeout = PUBLISH_WITHIN_S
    answered: queue.SimpleQueue[Any] = queue.SimpleQueue()
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answered.put(reason)
    if url.username:
        client.username_pw_set(unquote(url.username), unquote(url.password or ""))
    if url.scheme == "mqtts":
        client.tls_set_context(ssl.create_default_context(cafile=ca_file))
    client.connect(url.hostname or "localhost", url.port or (8883 if url.scheme == "mqtts" else 1883))
    client.loop_start()
    try:
        reason = answered.get(timeout=PUBLISH_WITHIN_S)
        if reason.is_failure:
            raise ConnectionRefusedError(f"the broker refused the canary's account: {reason}")
        payload = json.dumps({"event_id": str(canary_id), "type": CANARY_TYPE})
        told = client.publish(from_hub(CANARY_HUB, "alarm"), payload, qos=1)
        told.wait_for_publish(PUBLISH_WITHIN_S)
        if not told.is_published():
            raise TimeoutError("the broker did not take the canary")
    except queue.Empty as error:
        raise TimeoutError("the broker did not answer") from error
    finally:
        client.disconnect()
        client.loop_stop()


class CanarySink:
    """Where a canary arrives: the channel that stands for mail and webhook, and writes down when it was handed over."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def send(self, _address: str, _effect_key: str, message: Mapping[str, Any]) -> Result:
        """Note the arrival of the canary that this message is about."""
        async with self._database.transaction() as session:
            await CanaryRepository(session).arrive(UUID(message["data"]["alarm_id"]))
        return Sent("arrived")


async def record_result(session: AsyncSession, message: OutboxMessage, ok: bool, detail: str) -> None:
    """Tell the alarm what became of a message; a canary that has arrived has nothing more to say and ends."""
    await record_delivery(session, message, ok, detail)
    if message.channel == CANARY_CHANNEL and ok:
        alarms = AlarmService(session)
        alarm = await alarms.alarms.lock(message.subject_id)
        if alarm is not None and alarm.handling != "closed":
            await alarms.feed(alarm.id, Cleared("It has arrived"))
