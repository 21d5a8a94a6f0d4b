"""A hub of the tests on a real broker: it publishes, and hears its acks."""

import asyncio
import json
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

LIMIT_S = 20.0


class WireHub:
    """One MQTT client; `username` is its account, `heard` holds (topic, payload) in the order of arrival."""

    def __init__(self, port: int, username: str, password: str, client_id: str | None = None) -> None:
        self.port = port
        self.heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._connected = asyncio.Event()
        self._subscribed = asyncio.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id or f"test-{username}")
        self._client.username_pw_set(username, password)
        self._client.on_connect = lambda *_: self._loop.call_soon_threadsafe(self._connected.set)
        self._client.on_subscribe = lambda *_: self._loop.call_soon_threadsafe(self._subscribed.set)
        self._client.on_message = self._on_message

    async def __aenter__(self) -> Self:
        self._client.connect("127.0.0.1", self.port)
        self._client.loop_start()
        await asyncio.wait_for(self._connected.wait(), LIMIT_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def subscribe(self, topic: str) -> None:
        self._subscribed.clear()
        self._client.subscribe(topic, 1)
        await asyncio.wait_for(self._subscribed.wait(), LIMIT_S)

    async def publish(self, topic: str, payload: Any, *, qos: int = 1) -> None:
        """Publish bytes as they are, anything else as JSON; returns when the broker has it."""
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        info = self._client.publish(topic, raw, qos)
        await asyncio.to_thread(info.wait_for_publish, LIMIT_S)

    async def ack(self, event_id: str | None) -> dict[str, Any]:
        """Wait for the application ack of an event."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                _, payload = await self.heard.get()
                body: dict[str, Any] = json.loads(payload)
                if body["event_id"] == event_id:
                    return body

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self.heard.put_nowait, (message.topic, bytes(message.payload)))
