import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from simulators.provider.sink import Mode, SmtpSink, WebhookSink

LETTER = (
    "Subject: Alarm at 12 Shore Road\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPendant pressed in the café\r\n"
)


async def mail(sink: SmtpSink, timeout_s: float = 5.0) -> None:
    await aiosmtplib.send(
        LETTER.encode(),
        sender="arc@example.org",
        recipients=["mary@example.org"],
        hostname=sink.host,
        port=sink.port,
        timeout=timeout_s,
    )


async def post(sink: WebhookSink, timeout_s: float = 5.0) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            sink.url + "notify", json={"alarm": "a1"}, headers={"Idempotency-Key": "k1"}, timeout=timeout_s
        )
        return answer.status_code


async def test_an_accepted_mail_is_remembered_and_written_down(tmp_path: Path):
    async with SmtpSink(path=tmp_path / "mails.jsonl") as sink:
        await mail(sink)
        await sink.wait_for(1)
    [received] = sink.messages
    assert (received.sender, received.recipients) == ("arc@example.org", ["mary@example.org"])
    assert (received.subject, received.text) == ("Alarm at 12 Shore Road", "Pendant pressed in the café")
    assert json.loads((tmp_path / "mails.jsonl").read_text())["recipients"] == ["mary@example.org"]


@pytest.mark.parametrize(("mode", "code"), [(Mode.REJECT, 550), (Mode.TEMPORARY, 451)])
async def test_a_mail_that_is_turned_away_is_not_remembered(mode: Mode, code: int):
    async with SmtpSink(mode) as sink:
        with pytest.raises(aiosmtplib.SMTPResponseException) as refusal:
            await mail(sink)
        assert refusal.value.code == code
        assert sink.messages == []


async def test_a_mail_server_that_hangs_answers_when_it_wakes_up():
    async with SmtpSink(Mode.HANG) as sink:
        sending = asyncio.create_task(mail(sink))
        await sink.inbox.wait_for_attempts(1)
        assert not sending.done()
        sink.inbox.mode = Mode.ACCEPT
        await sending
        await sink.wait_for(1)


async def test_a_hanging_mail_server_can_be_closed():
    async with SmtpSink(Mode.HANG) as sink:
        sending = asyncio.create_task(mail(sink))
        await sink.inbox.wait_for_attempts(1)
    with pytest.raises(aiosmtplib.SMTPException):
        await sending


async def test_a_mail_server_that_dies_has_taken_the_mail():
    async with SmtpSink(Mode.DIE) as sink:
        with pytest.raises(aiosmtplib.SMTPException):
            await mail(sink)
        assert len(sink.messages) == 1


async def test_an_accepted_post_is_remembered(tmp_path: Path):
    async with WebhookSink(path=tmp_path / "posts.jsonl") as sink:
        assert await post(sink) == 200
        await sink.wait_for(1)
    [request] = sink.requests
    assert (request.method, request.path, request.json()) == ("POST", "/notify", {"alarm": "a1"})
    assert request.headers["idempotency-key"] == "k1"
    assert json.loads((tmp_path / "posts.jsonl").read_text())["path"] == "/notify"


async def test_a_webhook_that_fails_twice_takes_the_third():
    async with WebhookSink() as sink:
        sink.inbox.fail_times(2)
        assert [await post(sink) for _ in range(3)] == [503, 503, 200]
        assert len(sink.requests) == 1


async def test_a_webhook_that_rejects_remembers_nothing():
    async with WebhookSink(Mode.REJECT) as sink:
        assert await post(sink) == 400
        assert sink.requests == []


async def test_a_webhook_that_hangs_lets_the_client_give_up():
    async with WebhookSink(Mode.HANG) as sink:
        with pytest.raises(httpx.ReadTimeout):
            await post(sink, timeout_s=0.1)
        assert sink.inbox.attempts == 1
        assert sink.requests == []


async def test_a_webhook_that_dies_has_taken_the_request():
    async with WebhookSink(Mode.DIE) as sink:
        with pytest.raises(httpx.RemoteProtocolError):
            await post(sink)
        assert len(sink.requests) == 1


async def test_a_body_without_a_length_is_refused():
    async def pieces() -> AsyncIterator[bytes]:
        yield b"{}"

    async with WebhookSink() as sink, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(sink.url, content=pieces())
    assert answer.status_code == 411


async def test_waiting_in_vain_says_what_came():
    async with WebhookSink() as sink:
        with pytest.raises(TimeoutError, match=r"wanted 1 accepted within 0\.01 s, got 0 accepted of 0 attempts"):
            await sink.wait_for(1, 0.01)
