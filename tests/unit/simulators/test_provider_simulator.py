"""The simulated provider: behaviours used up in order, and the program that others start."""

import asyncio
import sys

import httpx
import pytest

from simulators.provider.behaviour import Answer, Behaviour, Plan, Service, When, sequence
from simulators.provider.desk import ACCOUNT_SID, AUTH_TOKEN
from simulators.provider.signing import fits_notify_key, signature
from simulators.provider.simulator import ProviderSimulator, read_behaviour


def test_what_is_set_for_some_times_is_used_up_first_and_an_address_before_its_service() -> None:
    plan = Plan()
    plan.set(Service.PUSH, Behaviour(Answer.REJECT))
    plan.set(Service.PUSH, Behaviour(Answer.DIE), times=2)
    plan.set(Service.PUSH, Behaviour(Answer.QUOTA), to="x")
    assert [plan.take(Service.PUSH, "x").answer for _ in range(2)] == [Answer.QUOTA] * 2
    assert [plan.take(Service.PUSH, "y").answer for _ in range(3)] == [Answer.DIE, Answer.DIE, Answer.REJECT]
    assert plan.take(Service.CALL, "y") == Behaviour()


@pytest.mark.parametrize(
    ("behaviour", "sent"),
    [
        (Behaviour(), ["a", "b"]),
        (Behaviour(twice=True), ["a", "a", "b", "b"]),
        (Behaviour(backwards=True), ["b", "a"]),
        (Behaviour(reports=("c",)), ["c"]),
        (Behaviour(when=When.NEVER), []),
    ],
)
def test_the_order_of_reports(behaviour: Behaviour, sent: list[str]) -> None:
    assert sequence(behaviour, ("a", "b")) == sent


def test_twilios_own_example_of_a_signature() -> None:
    """From Twilio's documentation of request validation."""
    fields = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675310", "Digits": "1234", "From": "+14158675310",
        "To": "+18005551212",
    }  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, fields) == "GvWf1cFY/Q7PnoempGyD5oXAezc="


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer a.b.c", "Bearer e30.e30.", "Basic x"])
def test_what_is_no_token_of_notify(token: str) -> None:
    assert not fits_notify_key(token, "service", "secret")


def test_a_behaviour_in_json() -> None:
    read = read_behaviour({"answer": "hang", "reports": ["sent"], "key": "1", "when": "late"})
    assert read == Behaviour(Answer.HANG, reports=("sent",), key="1", when=When.LATE)
    with pytest.raises(ValueError, match="pigeon"):
        read_behaviour({"answer": "pigeon"})


async def test_behaviours_are_set_and_what_came_is_told_over_http() -> None:
    async with ProviderSimulator() as provider, httpx.AsyncClient(base_url=provider.url, trust_env=False) as client:
        assert (await client.post("/hook/a", json={"n": 1})).status_code == 200
        wanted = {"service": "webhook", "behaviour": {"answer": "unavailable"}, "times": 1}
        assert (await client.post("/_control", json=wanted)).status_code == 204
        assert (await client.post("/_control", json={"service": "pigeon"})).status_code == 422
        assert [(await client.post("/hook/a", json={})).status_code for _ in range(2)] == [503, 200]
        told = (await client.get("/_control")).json()
        assert [each["to"] for each in told["webhooks"]] == ["/hook/a", "/hook/a"]
        assert told["attempts"] == 3
        assert (await client.get("/elsewhere")).status_code == 404


async def test_as_a_program_it_says_how_to_reach_it() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.provider", "--parent-pipe",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said: dict[str, str] = {}
    async with asyncio.timeout(30):
        while "ready" not in said:
            name, _, value = (
                (await process.stdout.readline()).decode().strip().replace("ready: ", "ready=").partition("=")
            )
            said[name] = value
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(
                f"{said['TELECARE_TWILIO_URL']}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json",
                data={"To": "+447700900123", "From": "+441414960001", "Body": "hello"},
                auth=(ACCOUNT_SID, AUTH_TOKEN),
            )
        assert answer.status_code == 201
        process.stdin.close()
        assert await process.wait() == 0
