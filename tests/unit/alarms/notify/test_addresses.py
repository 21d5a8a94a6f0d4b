"""Addresses: what can be used by each channel, and what is said of the rest."""

import pytest

from alarms.notify.domain import Channel, address_fault
from simulators.provider.browser import Browser

SUBSCRIPTION = Browser("https://push.example.org/abc").subscription


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        (Channel.EMAIL, "duty@council.example"),
        (Channel.WEBHOOK, "http://10.0.0.7:8080/hook"),
        (Channel.SMS, "+447700900123"),
        (Channel.VOICE, "+441414960000"),
        (Channel.APPRISE, "msteams://token/a/b/c"),
        (Channel.APPRISE, "json://localhost/"),
        (Channel.PUSH, SUBSCRIPTION),
    ],
)
def test_what_can_be_used(channel: Channel, address: str) -> None:
    assert address_fault(channel, address) is None


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        (Channel.EMAIL, "duty"),
        (Channel.WEBHOOK, "ftp://x"),
        (Channel.SMS, "07700900123"),
        (Channel.SMS, "+44 7700 900123"),
        (Channel.VOICE, "+0123456789"),
        (Channel.APPRISE, "msteams"),
        (Channel.APPRISE, "json://a b"),
        (Channel.PUSH, "https://push.example.org/abc"),
        (Channel.PUSH, '{"endpoint": "https://push.example.org/"}'),
        (Channel.PUSH, '{"endpoint": 7, "keys": {"p256dh": "a", "auth": "b"}}'),
        (Channel.PUSH, SUBSCRIPTION.replace("https://push.example.org", "http://169.254.169.254")),
        (Channel.PUSH, "[" * 100_000),
    ],
)
def test_what_cannot_is_said_in_words(channel: Channel, address: str) -> None:
    assert address_fault(channel, address)
