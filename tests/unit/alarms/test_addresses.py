"""Addresses as they are written down and as they are shown."""

import json

import pytest

from alarms.notify.addresses import shown, written
from alarms.notify.domain import Channel

PUSH = json.dumps({"endpoint": "https://push.example/send/abc-secret", "keys": {"p256dh": "k", "auth": "a"}})
BOT = "tgram://123456:secret/42"


@pytest.mark.parametrize(
    ("channel", "typed", "kept"),
    [
        (Channel.SMS, "07700 900123", "+447700900123"),
        (Channel.VOICE, "0131 496 0000", "+441314960000"),
        (Channel.SMS, "+353 1 234 5678", "+35312345678"),
        (Channel.EMAIL, " isla@fife.example ", "isla@fife.example"),
        (Channel.APPRISE, BOT, BOT),
        (Channel.PUSH, PUSH, PUSH),
    ],
)
def test_an_address_is_kept_in_one_way_of_writing(channel: Channel, typed: str, kept: str) -> None:
    assert written(channel, typed) == kept


@pytest.mark.parametrize(
    ("channel", "typed"),
    [
        (Channel.SMS, "12345"),
        (Channel.SMS, "isla@fife.example"),
        (Channel.VOICE, "0131 496 0000 ext 3"),
        (Channel.EMAIL, "isla"),
        (Channel.WEBHOOK, "ftp://host/"),
        (Channel.APPRISE, "no address"),
        (Channel.PUSH, "{}"),
        (Channel.PUSH, "https://push.example"),
    ],
)
def test_what_is_no_address_of_its_channel_is_refused_in_words(channel: Channel, typed: str) -> None:
    with pytest.raises(ValueError, match=" "):
        written(channel, typed)


@pytest.mark.parametrize(
    ("channel", "kept", "seen"),
    [
        (Channel.APPRISE, BOT, "tgram://…"),
        (Channel.PUSH, PUSH, "push.example/…"),
        (Channel.SMS, "+447700900123", "+447700900123"),
    ],
)
def test_an_address_that_is_a_key_is_not_shown_whole(channel: Channel, kept: str, seen: str) -> None:
    assert shown(channel, kept) == seen
