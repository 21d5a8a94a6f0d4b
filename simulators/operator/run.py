"""Runs simulated operators against the HTTP API until they are told to stop."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from simulators.operator.behaviour import Act, Alarm, pick, story
from simulators.process import stop_on_signals, stop_with_parent

LOOK_EVERY_S = 2.0
TRIES = 3
REFUSED = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}


@dataclass(frozen=True)
class OperatorOptions:
    """`patience_s`: how long an alarm is left to the people; `pace` makes all waiting shorter (2 is twice as fast)."""

    patience_s: float = 60.0
    pace: float = 1.0
    seed: int = 1
    parent_pipe: bool = False


def load_tokens(path: Path) -> list[str]:
    """Read `{"tokens": ["tc_…", …]}`, one token an operator; ValueError says what is wrong with the file."""
    try:
        tokens = json.loads(path.read_text(encoding="utf-8"))["tokens"]
        tokens = [str(token) for token in tokens]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no file of tokens: {type(error).__name__} {error}") from error
    if not tokens:
        raise ValueError(f"{path} lists no tokens")
    return tokens


async def run(url: str, tokens: list[str], options: OperatorOptions, say: Callable[[str], None]) -> int:
    """Have one operator a token at work until SIGINT, SIGTERM or, with `parent_pipe`, the end of standard input.

    The exit code is 0, or 1 when the service takes nobody's token.
    """
    stop = asyncio.Event()
    stop_on_signals(stop)
    if options.parent_pipe:
        stop_with_parent(stop)
    operators = [
        asyncio.create_task(Operator(url, token, options, random.Random(f"{options.seed}/{number}"), say).work())
        for number, token in enumerate(tokens)
    ]
    everybody = asyncio.gather(*operators)
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait((everybody, stopped), return_when=asyncio.FIRST_COMPLETED)
    refused = everybody.done()
    stopped.cancel()
    everybody.cancel()
    await asyncio.gather(everybody, stopped, return_exceptions=True)
    return 1 if refused else 0


class Operator:
    """One operator: takes an alarm, handles it, takes the next."""

    def __init__(
        self, url: str, token: str, options: OperatorOptions, chance: random.Random, say: Callable[[str], None]
    ) -> None:
        self._options = options
        self._chance = chance
        self._say = say
        self._headers = {"Authorization": f"Bearer {token}"}
        self._url = f"{url.rstrip('/')}/api/v1/alarms"

    async def work(self) -> None:
        """Work until cancelled, or until the service refuses the token; a service that is away is waited for."""
        patience = timedelta(seconds=self._options.patience_s)
        async with httpx.AsyncClient(headers=self._headers, trust_env=False, timeout=10) as client:
            while True:
                try:
                    reply = await client.get(self._url, params={"handling": "raised", "limit": 100})
                    reply.raise_for_status()
                    alarm = pick(reply.json()["items"], datetime.now(UTC), patience)
                    if alarm is not None and await self._give(client, alarm, Act(0, "ack", {})):
                        await self._handle(client, alarm)
                        continue
                except httpx.HTTPStatusError as error:
                    if error.response.status_code in REFUSED:
                        self._say(f"the service refuses the token: {error.response.status_code}")
                        return
                    self._say(f"the service is not well: {error.response.status_code}")
                except httpx.HTTPError as error:
                    self._say(f"the service does not answer: {error or type(error).__name__}")
                await self._pause(LOOK_EVERY_S * self._chance.uniform(0.5, 1.5))

    async def _handle(self, client: httpx.AsyncClient, alarm: Alarm) -> None:
        for act in story(alarm, self._chance):
            await self._pause(act.wait_s)
            if not await self._give(client, alarm, act):
                return  # a person took it over: it is theirs now

    async def _give(self, client: httpx.AsyncClient, alarm: Alarm, act: Act) -> bool:
        """Give a command on the alarm as it is now; false when it is refused."""
        version = alarm["version"]
        for _ in range(TRIES):
            body: dict[str, Any] = {**act.body, "as_of": version}
            reply = await client.post(f"{self._url}/{alarm['id']}/{act.command}", json=body)
            if reply.status_code == httpx.codes.OK:
                return True
            problem = reply.json()
            if problem.get("type", "").endswith(":stale"):
                if act.command == "ack":
                    return False  # look at the board anew: somebody else may be meant to have it
                version = problem["version"]
                continue
            self._say(f"{act.command} {alarm['id']}: {problem.get('detail')}")
            return False
        return False

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._options.pace)
