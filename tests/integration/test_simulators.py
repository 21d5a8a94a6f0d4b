"""Simulated hubs against a real broker, with a control room of a few lines that acks."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from simulators.broker import Broker
from simulators.fleet.fleet import Fleet, Manner
from simulators.fleet.ledger import LedgerFile, read_ledger, unacked
from simulators.fleet.plan import LinkDown, LinkUp, PlannedStep
from simulators.fleet.roster import Member, save
from simulators.fleet.run import FleetOptions
from simulators.hub.client import HubClient
from simulators.hub.happenings import Press, Reboot
from simulators.hub.link import Login
from simulators.hub.model import HubConfig
from simulators.main import run_fleet, run_hub
from telecare.embedded.ports import free_port

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto: apt-get install mosquitto")

QUICK = HubConfig("", pre_alarm_s=0.0, retry_s=0.3, retry_soon_s=0.1, fast_retries=1000)
LIMIT_S = 20.0


@dataclass
class Mosquitto:
    """A broker that can be killed and started again on its port."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self, strangers: str = "true") -> None:
        conf = self.folder / "mosquitto.conf"
        conf.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous {strangers}\nmax_queued_messages 0\n")
        self.process = subprocess.Popen(
            [MOSQUITTO or "", "-c", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
            except OSError:
                assert time.monotonic() < deadline, "mosquitto does not answer"
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def broker(self) -> Broker:
        return Broker("127.0.0.1", self.port)

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path, free_port())
    running.start()
    yield running
    running.kill()


def accept(body: dict[str, Any]) -> dict[str, Any] | None:
    return {"event_id": body["event_id"], "status": "accepted", "alarm_id": f"alarm-{body['event_id']}"}


@dataclass
class ControlRoom:
    """Answers alarms and events as `answer` says; keeps everything that hubs published."""

    port: int
    answer: Callable[[dict[str, Any]], dict[str, Any] | None] = accept
    seen: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.news = asyncio.Event()
        self.ready = asyncio.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, "control-room")
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda client, *_: client.subscribe("telecare/v1/+/+", 1)
        self.client.on_subscribe = lambda *_: self.loop.call_soon_threadsafe(self.ready.set)
        self.client.on_message = self.receive

    def receive(self, client: Client, _data: Any, message: MQTTMessage) -> None:
        hub, lane = message.topic.split("/")[2:]
        if lane in {"ack", "command"}:
            return
        if lane in {"alarm", "event"}:
            reply = self.answer(json.loads(message.payload))
            if reply is not None:
                client.publish(f"telecare/v1/{hub}/ack", json.dumps(reply), 1)
        self.loop.call_soon_threadsafe(self.note, f"{hub}/{lane}", message.payload)

    def note(self, where: str, payload: bytes) -> None:
        self.seen.append((where, payload))
        self.news.set()

    def on(self, where: str) -> list[bytes]:
        return [payload for place, payload in self.seen if place == where]

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not enough():
                self.news.clear()
                await self.news.wait()

    def send(self, hub: str, command: dict[str, Any]) -> None:
        self.client.publish(f"telecare/v1/{hub}/command", json.dumps(command), 1)


@asynccontextmanager
async def control_room(
    mosquitto: Mosquitto, answer: Callable[[dict[str, Any]], dict[str, Any] | None] = accept
) -> AsyncIterator[ControlRoom]:
    room = ControlRoom(mosquitto.port, answer)
    room.client.connect("127.0.0.1", mosquitto.port)
    room.client.loop_start()
    try:
        await asyncio.wait_for(room.ready.wait(), LIMIT_S)
        yield room
    finally:
        room.client.disconnect()
        room.client.loop_stop()


@asynccontextmanager
async def one_hub(mosquitto: Mosquitto, config: HubConfig) -> AsyncIterator[HubClient]:
    with ThreadPoolExecutor(1) as pool:
        hub = HubClient(config, mosquitto.broker, Login(config.hub_id, config.hub_id, "secret"), pool)
        hub.start()
        try:
            await asyncio.wait_for(hub.online.wait(), LIMIT_S)
            yield hub
        finally:
            await hub.stop()


def config(**changes: Any) -> HubConfig:
    return HubConfig(**({**QUICK.__dict__, "hub_id": "hub-1"} | changes))


def members(n: int) -> list[Member]:
    return [Member(f"hub-{number}", f"hub-{number}", "secret") for number in range(n)]


async def test_a_press_is_repeated_until_the_control_room_acks_it(mosquitto: Mosquitto):
    attempts: list[int] = []

    def only_the_third(body: dict[str, Any]) -> dict[str, Any] | None:
        attempts.append(body["attempt"])
        return accept(body) if len(attempts) == 3 else None

    async with control_room(mosquitto, only_the_third), one_hub(mosquitto, config()) as hub:
        hub.feed(Press("pendant"))
        await asyncio.wait_for(hub.settled(), LIMIT_S)
    assert attempts == [1, 2, 3]


async def test_retry_is_heeded_soon(mosquitto: Mosquitto):
    words = iter(["retry", "accepted"])

    def not_yet(body: dict[str, Any]) -> dict[str, Any]:
        return {"event_id": body["event_id"], "status": next(words)}

    async with control_room(mosquitto, not_yet), one_hub(mosquitto, config(retry_s=3600.0)) as hub:
        hub.feed(Press("pendant"))
        await asyncio.wait_for(hub.settled(), LIMIT_S)


async def test_presence_is_retained_and_the_last_will_speaks_for_a_hub_that_is_cut_off(mosquitto: Mosquitto):
    async with control_room(mosquitto) as room:
        async with one_hub(mosquitto, config()) as hub:
            await room.until(lambda: room.on("hub-1/status") == [b"online"])
            hub.link.cut()
            await room.until(lambda: room.on("hub-1/status") == [b"online", b"offline", b"online"])
        # However often the line came back meanwhile: when the hub is gone it is offline.
        await room.until(lambda: len(room.on("hub-1/status")) > 3 and room.on("hub-1/status")[-1] == b"offline")


async def test_an_ack_that_came_while_the_hub_was_away_is_found_on_return(mosquitto: Mosquitto):
    async with control_room(mosquitto, lambda _body: None) as room:
        async with one_hub(mosquitto, config(retry_s=3600.0)) as hub:
            hub.feed(Press("pendant"))
            await room.until(lambda: len(room.on("hub-1/alarm")) == 1)
            hub.link.forbid("test")
            await room.until(lambda: room.on("hub-1/status")[-1:] == [b"offline"])
            reply = accept(json.loads(room.on("hub-1/alarm")[0]))
            room.client.publish("telecare/v1/hub-1/ack", json.dumps(reply), 1).wait_for_publish(LIMIT_S)
            hub.link.allow("test")
            await asyncio.wait_for(hub.settled(), LIMIT_S)
        # The client sends the same bytes again where its PUBACK was lost; a repeat of the hub's is another attempt.
        assert len({*room.on("hub-1/alarm")}) == 1


async def test_a_reboot_shows_and_a_command_is_answered(mosquitto: Mosquitto):
    async with control_room(mosquitto) as room, one_hub(mosquitto, config()) as hub:
        hub.feed(Reboot())
        await room.until(lambda: room.on("hub-1/status")[-2:] == [b"offline", b"online"])
        room.send("hub-1", {"command_id": "c1", "command": "reboot"})
        await room.until(lambda: bool(room.on("hub-1/result")))
        answer = json.loads(room.on("hub-1/result")[0])
        assert (answer["command_id"], answer["status"], answer["boot_id"]) == ("c1", "done", "0-b2")
        await room.until(lambda: room.on("hub-1/status").count(b"offline") == 2)


async def test_two_hundred_hubs_connect_and_survive_the_broker(mosquitto: Mosquitto, tmp_path: Path):
    ledger = tmp_path / "ledger.jsonl"
    with LedgerFile(ledger) as file:
        async with Fleet(mosquitto.broker, members(200), Manner(QUICK), file.write) as fleet:
            await asyncio.wait_for(fleet.connected(), LIMIT_S)
            mosquitto.kill()
            for hub in fleet.hubs:
                hub.feed(Press("pendant"))
            mosquitto.start()
            async with control_room(mosquitto):
                await asyncio.wait_for(fleet.connected(), LIMIT_S)
                assert await fleet.settled(LIMIT_S)
    told = read_ledger(ledger)
    assert len(told) == 200
    assert unacked(told) == []
    assert {entry.status for entry in told.values()} == {"accepted"}
    assert all(entry.alarm_id == f"alarm-{event_id}" for (_, event_id), entry in told.items())


async def test_a_plan_is_played_and_a_late_press_keeps_its_time(mosquitto: Mosquitto):
    steps = [
        PlannedStep(0.0, 0, LinkDown()),
        PlannedStep(0.0, 0, Press("pendant")),
        PlannedStep(0.3, 0, LinkUp()),
        PlannedStep(0.3, 1, Press("fall")),
    ]
    async with control_room(mosquitto) as room, Fleet(mosquitto.broker, members(2), Manner(QUICK)) as fleet:
        await asyncio.wait_for(fleet.connected(), LIMIT_S)
        await fleet.play(steps)
        assert await fleet.settled(LIMIT_S)
        assert {where for where, _ in room.seen if where.endswith("alarm")} == {"hub-0/alarm", "hub-1/alarm"}


async def start_fleet(
    mosquitto: Mosquitto, folder: Path, *arguments: str, hubs: int = 20
) -> asyncio.subprocess.Process:
    save(folder / "fleet.json", members(hubs))
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators.fleet", "--file", str(folder / "fleet.json"), "--mqtt", mosquitto.url),
        *("--progress-s", "0.2", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


async def test_a_crash_run_succeeds_exactly_when_all_is_acked(mosquitto: Mosquitto, tmp_path: Path):
    run = ("--profile", "crash", "--duration", "1", "--ledger", str(tmp_path / "ledger.jsonl"))
    async with control_room(mosquitto):
        process = await start_fleet(mosquitto, tmp_path, *run)
        output, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
    assert process.returncode == 0, output
    told = read_ledger(tmp_path / "ledger.jsonl")
    assert 9 <= len(told) <= 10
    assert unacked(told) == []
    process = await start_fleet(mosquitto, tmp_path, *run, "--grace", "1")  # nobody acks
    await asyncio.wait_for(process.communicate(), LIMIT_S)
    assert process.returncode == 1
    assert unacked(read_ledger(tmp_path / "ledger.jsonl"))


@pytest.mark.parametrize("how", ["parent", signal.SIGTERM, signal.SIGINT])
async def test_a_fleet_ends_with_its_parent_or_a_signal(
    mosquitto: Mosquitto, tmp_path: Path, how: str | signal.Signals
):
    async with control_room(mosquitto) as room:
        process = await start_fleet(mosquitto, tmp_path, "--parent-pipe", hubs=3)
        await room.until(lambda: all(room.on(f"hub-{n}/status") == [b"online"] for n in range(3)))
        if isinstance(how, signal.Signals):
            process.send_signal(how)
        elif process.stdin is not None:
            process.stdin.close()
        assert await asyncio.wait_for(process.wait(), LIMIT_S) == 0
        await room.until(lambda: all(room.on(f"hub-{n}/status")[-1] == b"offline" for n in range(3)))


async def test_a_gateway_beats_for_all_hubs_at_its_rate(mosquitto: Mosquitto, tmp_path: Path):
    async with control_room(mosquitto) as room:
        process = await start_fleet(
            mosquitto, tmp_path, *("--profile", "heartbeat", "--rate", "500", "--duration", "1", "--gateway-user", "gw")
        )
        output, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
        assert process.returncode == 0, output
        await room.until(lambda: all(room.on(f"hub-{n}/heartbeat") for n in range(20)))
        beats = [json.loads(payload)["seq"] for payload in room.on("hub-7/heartbeat")]
        assert beats == list(range(1, len(beats) + 1))
        assert (
            f"published {output.split(b'published ')[1].split()[0].decode()}  answered by the broker" in output.decode()
        )


async def test_one_hub_from_the_command_line(mosquitto: Mosquitto):
    lines: list[str] = []
    async with control_room(mosquitto):
        code = await asyncio.to_thread(run_in_process, mosquitto.url, lines)
    assert code == 0
    assert any(line.startswith("acked pendant") for line in lines)


def run_in_process(url: str, lines: list[str]) -> int:
    call = (
        "import sys; from simulators.main import run_hub;"
        f"sys.exit(run_hub({url!r}, 'h', 's', press='pendant', pre_alarm_s=0.1))"
    )
    done = subprocess.run(
        [sys.executable, "-c", call],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    lines += done.stdout.splitlines()
    return done.returncode


def test_an_unusable_address_is_said_and_not_tried():
    said: list[str] = []
    assert run_hub("http://x", "h", "s", press="pendant", warn=said.append) == 2
    assert "mqtt://host:port" in said[0]


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "telecare.cli", "simulate", *arguments],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "HUB_PASSWORD": "secret"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_wrong_password_ends_a_hub_with_one_clear_line(mosquitto: Mosquitto):
    mosquitto.kill()
    mosquitto.start(strangers="false")
    done = simulate("hub", "hub-1", "--mqtt", mosquitto.url, "--press", "pendant", "--json")
    assert done.returncode == 1, done
    assert done.stderr.startswith(f"hub-1 cannot connect to 127.0.0.1:{mosquitto.port}: refused: Not authorized")
    assert done.stdout == ""


def test_a_fleet_that_nobody_lets_in_says_why_and_ends(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("simulators.fleet.run.GIVE_UP_S", 0.5)
    mosquitto.kill()
    save(tmp_path / "fleet.json", members(3))
    said: list[str] = []
    monkeypatch.setattr("simulators.fleet.run.complain", said.append)
    assert run_fleet(tmp_path / "fleet.json", mosquitto.url, FleetOptions(progress_s=0), tell=said.append) == 1
    assert said[0].startswith(f"No hub could connect to 127.0.0.1:{mosquitto.port}: cannot connect: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fleet", "--file", "{}/none.json", "--mqtt", "mqtt://h"), "none.json: No such file or directory"),
        (("storm", "--file", "{}/fleet.json", "--mqtt", "mqtt://h:x"), "mqtt://host:port"),
        (("storm", "--file", "{}/fleet.json", "--mqtt", "mqtt://h", "--kind", "blackout"), "has a `postcode`"),
        (("fleet", "--file", "{}/fleet.json", "--mqtt", "mqtt://h", "--ledger", "{}/no/l"), "cannot be written"),
        (
            ("fleet", "--file", "{}/fleet.json", "--mqtt", "mqtts://h", "--ca-file", "{}/no.pem"),
            "no.pem: No such file or directory",
        ),
        (("operators", "--tokens", "{}/empty.json", "--url", "http://h"), "lists no tokens"),
        (("operators", "--tokens", "{}/tokens.json", "--url", "127.0.0.1:80"), "http://host:port"),
    ],
)
def test_what_cannot_begin_is_one_line_and_code_2(tmp_path: Path, arguments: tuple[str, ...], words: str):
    save(tmp_path / "fleet.json", members(1))
    (tmp_path / "empty.json").write_text('{"tokens": []}')
    (tmp_path / "tokens.json").write_text('{"tokens": ["t"]}')
    done = simulate(*(argument.replace("{}", str(tmp_path)) for argument in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


async def test_a_storm_s_result_for_a_program_tells_how_fast_pendants_were_acked(mosquitto: Mosquitto, tmp_path: Path):
    save(tmp_path / "fleet.json", members(20))
    storm = ("--file", str(tmp_path / "fleet.json"), "--mqtt", mosquitto.url, "--hubs", "10", "--pendants", "3")
    async with control_room(mosquitto):
        done = await asyncio.to_thread(simulate, "storm", *storm, "--calm", "1", "--duration", "1", "--json")
    assert done.returncode == 0, done
    result = json.loads(done.stdout)
    assert (result["hubs"], result["waiting"]) == (10, 0)
    assert result["raised"] == result["acked"]
    for waits in (result["calm"], result["pendants"]):
        assert (waits["raised"], waits["acked"]) == (3, 3)
        assert 0 <= waits["p50_s"] <= waits["max_s"]  # this control room acks within the millisecond that is told


async def test_one_seed_tells_one_story_and_another_seed_another(mosquitto: Mosquitto, tmp_path: Path):
    async def story(seed: int, run: int) -> list[tuple[str, str, str]]:
        ledger = tmp_path / f"{seed}-{run}.jsonl"
        asked = ("--profile", "crash", "--duration", "1.5", "--seed", str(seed), "--ledger", str(ledger))
        process = await start_fleet(mosquitto, tmp_path, *asked)
        output, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
        assert process.returncode == 0, output
        told = read_ledger(ledger)
        # An event id is the run's epoch and the hub's own number: the epoch is what differs between runs.
        return [(hub, event_id.split("-")[1], entry.type) for (hub, event_id), entry in told.items()]

    async with control_room(mosquitto):
        first, again, other = await story(1, 1), await story(1, 2), await story(2, 1)
    assert len(first) > 10
    assert first == again != other


async def test_a_ledger_is_true_up_to_the_kill_of_the_fleet_and_goes_on_after_it(mosquitto: Mosquitto, tmp_path: Path):
    ledger = tmp_path / "ledger.jsonl"
    asked = ("--profile", "crash", "--ledger", str(ledger))
    async with control_room(mosquitto) as room:
        process = await start_fleet(mosquitto, tmp_path, *asked, "--parent-pipe", "--duration", "60")
        await room.until(lambda: len({p for w, p in room.seen if w.endswith("/alarm")}) >= 10)
        process.kill()
        await process.wait()
        seen = {json.loads(payload)["event_id"] for where, payload in room.seen if where.endswith("/alarm")}
        assert seen <= {event_id for _, event_id in read_ledger(ledger)}  # nobody has seen what the ledger has not
        before = len(read_ledger(ledger))
        process = await start_fleet(mosquitto, tmp_path, *asked, "--duration", "0.5")
        await asyncio.wait_for(process.wait(), LIMIT_S)
    assert len(read_ledger(ledger)) > before
