"""The reference of the heartbeat lane: a subscriber that only counts, by the same library, each message acked by hand.

Run as a program: `python -m telecare.bench.counting COUNT`, with the broker's address in BENCH_MQTT_URL. It says
`ready` once it is subscribed, and at the COUNTth message when that came, in seconds since 1970.
"""

import os
import sys
import time
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from telecare.wire.topics import subscription

CLIENT_ID = "bench-counting"


def count(url: str, wanted: int) -> None:
    """Count heartbeats up to `wanted`."""
    address = urlsplit(url)
    seen = 0

    def on_message(client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        nonlocal seen
        seen += 1
        client.ack(message.mid, message.qos)
        if seen == wanted:
            _say(str(time.time()))
            client.disconnect()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=CLIENT_ID, manual_ack=True)
    client.username_pw_set(unquote(address.username or ""), unquote(address.password or ""))
    client.on_message = on_message
    client.on_connect = lambda client, *_: client.subscribe(subscription("heartbeat"), 1)
    client.on_subscribe = lambda *_: _say("ready")
    client.connect(address.hostname or "localhost", address.port or 1883)
    client.loop_forever()


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    count(os.environ["BENCH_MQTT_URL"], int(sys.argv[1]))
