"""Any bytes on any topic: no lane stops, nothing vanishes."""

import random

import httpx

from telecare.embedded.lab import Lab
from tests.e2e.conftest import until
from tests.wire import WireHub

MESSAGES = 300
PIECES = [
    b"{", b"}", b'"event_id"', b'"type"', b":", b",", b'"pendant"', b"null", b"[", b"]", b"1e999", b"NaN", b"\\u0000",
    b"\\ud800", b"\xff", b"\x00", b"-1", b"99999999999999999999999", b'"at"', b'"2026-02-30T99:00:00Z"', b"true",
    b'"device"', b'"codes"', b'{"mty":"PI"}', b"\xed\xa0\x80", b" ", b'"\xf0\x9f\x94\xa5"',
]  # fmt: skip


def payload(chance: random.Random) -> bytes:
    kind = chance.randrange(4)
    if kind == 0:
        return chance.randbytes(chance.randrange(200))
    if kind == 1:
        return b"".join(chance.choices(PIECES, k=chance.randrange(1, 30)))
    value = b"".join(chance.choices([b"1", b'"x"', b"null", b"{}", b"[]", b'"\\u0000"', b"1e400", b'"9"'], k=1))
    field = chance.choice([b"at", b"seq", b"device", b"codes", b"text", b"test", b"battery_pct", b"peripherals"])
    if kind == 2:
        return b'{"event_id":"f%d","type":"pendant","%s":%s}' % (chance.randrange(10**9), field, value)
    return b'{"%s":%s}' % (field, value)


async def test_any_bytes_on_any_topic_stop_no_lane_and_never_vanish(
    lab: Lab, gateway: WireHub, api: httpx.AsyncClient
) -> None:
    chance = random.Random(20261124)
    hub_id = lab.hubs[3].hub_id
    sent = {"alarm": 0, "event": 0, "heartbeat": 0, "result": 0}
    for _ in range(MESSAGES):
        lane = chance.choice(sorted(sent))
        sent[lane] += 1
        await gateway.publish(f"telecare/v1/{hub_id}/{lane}", payload(chance))
    for lane in ("alarm", "event"):
        await gateway.publish(f"telecare/v1/{lab.hubs[4].hub_id}/{lane}", {"event_id": f"after-{lane}", "type": "test"})
        assert (await gateway.ack(f"after-{lane}"))["status"] == "test"

    async def kept() -> bool:
        counts, query = dict.fromkeys(sent, 0), {"limit": "500"}
        while True:
            page = (await api.get(f"/api/v1/hubs/{hub_id}/events", params=query)).json()
            for event in page["items"]:
                counts[event["lane"]] += 1
            if page["next"] is None:
                return counts == sent
            query["cursor"] = page["next"]

    await until(kept)
    ready = await api.get("/readyz")
    assert ready.status_code == 200, ready.text
