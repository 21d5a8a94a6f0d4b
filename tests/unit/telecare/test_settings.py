"""Settings: what can be used is taken in each form that people write, what cannot is refused with a right example."""

import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError

from telecare.cli.doctor import watchers
from telecare.kernel.db import asyncpg_dsn
from telecare.kernel.settings import Role, Settings


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_a_database_may_be_called_as_libpq_or_sqlalchemy_call_it(scheme: str) -> None:
    url = Settings(database_url=f"{scheme}://telecare:pw@db/telecare?sslmode=require").database_url.get_secret_value()
    assert url == "postgresql+asyncpg://telecare:pw@db/telecare?sslmode=require"
    assert asyncpg_dsn(url) == "postgresql://telecare:pw@db/telecare?sslmode=require"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "mysql://db/telecare"),
        ("database_url", "postgresql://"),
        ("database_url", "db"),
        ("mqtt_url", "http://broker"),
        ("mqtt_url", "mqtt://broker:99999"),
        ("mqtt_url", "mqtt://broker:no"),
        ("smtp_url", "https://mail.example"),
        ("smtp_url", "smtp://"),
        ("seal_key", "secret"),
        ("roles", "web,nothing"),
        ("sms_providers", "notify,pigeon"),
        ("sms_providers", "twilio,twilio"),
        ("email_providers", "twilio"),
        ("notify_api_key", "live-26785a09-ab16-4eb0-8407-a37497a57506"),
        ("notify_url", "api.notifications.service.gov.uk"),
        ("twilio_url", "ftp://api.twilio.com"),
        ("callback_url", "alarms"),
        ("push_vapid_key", "c2hvcnQ="),
        ("push_vapid_key", "é"),
        ("ingest_slot", "two words"),
    ],
)
def test_what_cannot_be_used_is_refused_without_showing_it(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({name: value})
    assert [error["loc"] for error in refused.value.errors()] == [(name,)]


@pytest.mark.parametrize(
    ("name", "value"),
    [("mqtt_url", "mqtts://user:p%40ss@broker:8883"), ("smtp_url", "smtps://mail.example"), ("seal_key", "")],
)
def test_what_can_be_used_stays_as_it_is(name: str, value: str) -> None:
    assert getattr(Settings.model_validate({name: value}), name).get_secret_value() == value


def test_a_seal_key_and_roles_as_people_write_them() -> None:
    key = Fernet.generate_key().decode()
    settings = Settings.model_validate({"seal_key": key, "roles": "web, engine"})
    assert settings.seal_key.get_secret_value() == key
    assert settings.roles == {Role.WEB, Role.ENGINE}
    assert key not in repr(settings)


@pytest.mark.parametrize("name", ["canary_mqtt_url", "watchdog_smtp_url", "watchdog_webhook_url", "deadman_url"])
def test_what_watches_may_be_left_empty_and_a_wrong_address_is_refused(name: str) -> None:
    assert getattr(Settings.model_validate({name: ""}), name) is None
    with pytest.raises(ValidationError):
        Settings.model_validate({name: "file:///somewhere"})


def test_doctor_says_which_watchers_are_set() -> None:
    assert all("not set" in words for words in watchers(Settings()).values())
    found = watchers(
        Settings.model_validate(
            {
                "canary_mqtt_url": "mqtts://telecare-canary:pw@broker",
                "watchdog_smtp_url": "smtp://mail.example",
                "watchdog_mail_to": "on-call@council.example",
                "watchdog_webhook_url": "https://chat.example/hook",
                "deadman_url": "https://switch.example/5e2b",
            }
        )
    )
    assert found == {
        "watchdog": "pages by mail and webhook", "dead man's switch": "set", "canary": "a test alarm each 60 s",
    }  # fmt: skip
