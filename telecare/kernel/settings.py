"""Every setting of the service, read once from `TELECARE_…` environment variables and frozen."""

import base64
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

VAPID_KEY_BYTES = 32

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_NOTIFY_KEY = re.compile(f"{_UUID}-{_UUID}$")


class Role(StrEnum):
    """What a process does; any process may do any of them, and any number of copies may run."""

    WEB = "web"
    INGEST = "ingest"
    ENGINE = "engine"


class Settings(BaseSettings):
    """The settings of one process; `telecare doctor` prints them with the secrets redacted."""

    model_config = SettingsConfigDict(env_prefix="TELECARE_", frozen=True, extra="ignore")

    database_url: SecretStr = Field(
        default=SecretStr("postgresql+asyncpg://telecare@localhost/telecare"),
        description="postgresql://user:password@host:port/name, with any of libpq's parameters behind it",
    )
    database_pool_size: int = Field(default=20, ge=2)
    database_statement_cache: int = Field(default=500, ge=0, description="0 behind a transaction-pooling PgBouncer")

    mqtt_url: SecretStr = Field(
        default=SecretStr("mqtt://localhost:1883"), description="mqtt[s]://user:password@host:port"
    )
    mqtt_ca_file: Path | None = Field(default=None, description="CA bundle for mqtts; the system's when empty")
    ingest_slot: str = Field(
        default="1",
        pattern=r"^[A-Za-z0-9-]{1,16}$",
        description="names the persistent MQTT sessions; a second process with the same slot stands by",
    )
    ingest_share: str = Field(
        default="",
        pattern=r"^([1-9][0-9]?/[1-9][0-9]?)?$",
        description="2/4: the second of four processes that share the heartbeats; the broker must know $share",
    )
    ingest_retry_cap_s: float = Field(
        default=20.0, gt=0, description="local retries before the lane disconnects un-acked"
    )

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65535)
    public_url: str | None = Field(default=None, description="the address people use, for links in messages")
    secure_cookies: bool = Field(default=False, description="true behind HTTPS: cookies travel on TLS only")

    roles: Annotated[frozenset[Role], NoDecode] = frozenset(Role)

    seal_key: SecretStr = Field(
        default=SecretStr(""),
        description="Fernet key that seals key-safe codes; without it none can be stored or shown",
    )

    smtp_url: SecretStr = Field(
        default=SecretStr("smtp://localhost:25"), description="smtp[s]://user:password@host:port"
    )
    mail_from: str = "telecare@localhost"
    webhook_secret: SecretStr = Field(default=SecretStr(""), description="signs webhook bodies (HMAC-SHA256)")
    provider_timeout_s: float = Field(default=10.0, gt=0)

    callback_url: str | None = Field(
        default=None, description="the address at which providers reach this service; PUBLIC_URL when empty"
    )
    sms_providers: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("notify", "twilio"), description="in which order providers are asked to send a text"
    )
    email_providers: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("notify", "smtp"), description="in which order providers are asked to send a mail"
    )
    notify_url: str = "https://api.notifications.service.gov.uk"
    notify_api_key: SecretStr = Field(
        default=SecretStr(""), description="of GOV.UK Notify; without it Notify is not used"
    )
    notify_sms_template: str = Field(default="", description="a template whose whole text is ((message))")
    notify_email_template: str = Field(default="", description="a template of ((subject)) and ((message))")
    notify_callback_token: SecretStr = Field(
        default=SecretStr(""), description="the bearer token that GOV.UK Notify's callbacks bring"
    )
    twilio_url: str = "https://api.twilio.com"
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = Field(
        default=SecretStr(""), description="logs in at Twilio, and its callbacks are signed with it"
    )
    twilio_sms_from: str = Field(default="", description="the number texts come from; without it Twilio sends none")
    twilio_voice_from: str = Field(default="", description="the number calls come from; without it nobody is called")
    push_vapid_key: SecretStr = Field(
        default=SecretStr(""), description="private key (P-256, base64url) that signs notifications to browsers"
    )
    push_subject: str = Field(default="mailto:telecare@localhost", description="whom push services may write to")
    technical_pace_s: float = Field(
        default=60.0, ge=0, description="least time between two technical messages to one address"
    )
    unclaimed_limit: int = Field(
        default=200,
        ge=1,
        description="so many open alarms of one council that nobody has are told as an alarm; nothing is refused",
    )
    incident_at_least: int = Field(default=5, ge=2, description="so many homes of a group are one incident")
    incident_share: float = Field(default=0.02, gt=0, le=1, description="and so large a part of the group")
    incident_within_s: float = Field(default=600.0, gt=0, description="when they are hit within so long")
    incident_settle_s: float = Field(
        default=20.0, ge=0, le=120, description="how long a cause may show before an incident opens"
    )
    welfare_after_s: float = Field(
        default=120.0,
        ge=15,
        description="after a gap of ours that was longer, who could have pressed in it is put on a list",
    )
    first_heard_within_s: float = Field(
        default=3600.0,
        gt=0,
        description="a hub that is put up for somebody is an alarm unless it is heard within so long",
    )
    jobs_every_s: float = Field(default=60.0, gt=0, description="how often is looked for what jobs are opened from")
    jobs_hour: int = Field(
        default=4, ge=0, le=23, description="from this hour on (Europe/London) register and hubs are reconciled, daily"
    )
    jobs_unheard_days: int = Field(default=35, ge=1, description="a pendant that nobody has heard for so long is a job")
    jobs_credential_days: int = Field(
        default=730, ge=0, description="how old a hub's password may become; 0: as old as it likes"
    )
    jobs_expiry_notice_days: int = Field(default=30, ge=1, description="so long before a credential runs out is a job")
    canary_mqtt_url: SecretStr | None = Field(
        default=None, description="where hubs log in, with the canary's account: mqtt[s]://telecare-canary:…@host:port"
    )
    canary_every_s: float = Field(default=60.0, gt=0)
    canary_within_s: float = Field(default=5.0, gt=0, description="a canary that takes longer counts as missed")

    watchdog_smtp_url: SecretStr | None = Field(default=None, description="the watchdog's own mail server")
    watchdog_mail_to: str = Field(default="", description="whom the watchdog pages by mail; several with commas")
    watchdog_webhook_url: SecretStr | None = Field(default=None, description="where the watchdog pages; signed")
    deadman_url: SecretStr | None = Field(
        default=None, description="pinged each minute while all is well; /fail behind it when it is not"
    )

    log_format: str = Field(default="json", pattern="^(json|console)$")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    heartbeat_log_days: int = Field(default=7, ge=1, description="how long single heartbeats are kept")
    telemetry_days: int = Field(default=400, ge=1, description="how long what hubs told by the hour is kept")
    delivery_report_days: int = Field(default=90, ge=1, description="how long reports of providers are kept")
    hub_command_days: int = Field(default=90, ge=1, description="how long commands to hubs are kept once they ended")

    @property
    def callbacks_at(self) -> str | None:
        """Return the address at which providers reach this service, as far as anybody said."""
        return self.callback_url or self.public_url

    @property
    def ingest_place(self) -> tuple[int, int] | None:
        """Return which of how many takers of heartbeats this process is; None when it takes all."""
        if not self.ingest_share:
            return None
        number, _, of = self.ingest_share.partition("/")
        return int(number), int(of)

    @field_validator("ingest_share")
    @classmethod
    def _check_ingest_share(cls, value: str) -> str:
        number, _, of = value.partition("/")
        if value and int(number) > int(of):
            raise ValueError("the first number is one of those up to the second: 1/2 and 2/2")
        return value

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: SecretStr) -> SecretStr:
        """Accept what libpq and SQLAlchemy call it; there is one driver and one dialect."""
        scheme, _, rest = value.get_secret_value().partition("://")
        if scheme not in {"postgresql+asyncpg", "postgresql", "postgres"} or not rest:
            raise ValueError("this is not an address such as postgresql://telecare:PASSWORD@HOST/telecare")
        return SecretStr(f"postgresql+asyncpg://{rest}")

    @field_validator("mqtt_url")
    @classmethod
    def _check_mqtt_url(cls, value: SecretStr) -> SecretStr:
        return _with_scheme(value, ("mqtt", "mqtts"), "mqtts://telecare:PASSWORD@HOST:8884")

    @field_validator("smtp_url")
    @classmethod
    def _check_smtp_url(cls, value: SecretStr) -> SecretStr:
        return _with_scheme(value, ("smtp", "smtps"), "smtp://USER:PASSWORD@HOST:587")

    @field_validator("canary_mqtt_url", "watchdog_smtp_url", "watchdog_webhook_url", "deadman_url", mode="before")
    @classmethod
    def _leave_out_empty(cls, value: object) -> object:
        """Take an empty variable as one that is not set: a container's environment has no other way to say so."""
        return None if value == "" else value

    @field_validator("canary_mqtt_url")
    @classmethod
    def _check_canary_url(cls, value: SecretStr | None) -> SecretStr | None:
        return value and _with_scheme(value, ("mqtt", "mqtts"), "mqtts://telecare-canary:PASSWORD@HOST:8883")

    @field_validator("watchdog_smtp_url")
    @classmethod
    def _check_watchdog_smtp_url(cls, value: SecretStr | None) -> SecretStr | None:
        return value and _with_scheme(value, ("smtp", "smtps"), "smtp://USER:PASSWORD@HOST:587")

    @field_validator("watchdog_webhook_url", "deadman_url")
    @classmethod
    def _check_web_url(cls, value: SecretStr | None) -> SecretStr | None:
        return value and _with_scheme(value, ("http", "https"), "https://HOST/PATH")

    @field_validator("seal_key")
    @classmethod
    def _check_seal_key(cls, value: SecretStr) -> SecretStr:
        """Refuse a key that is none now, and not when somebody stands in front of the key safe."""
        if value.get_secret_value():
            try:
                Fernet(value.get_secret_value())
            except ValueError as error:
                raise ValueError("this is no Fernet key: 32 random bytes in URL-safe base64") from error
        return value

    @field_validator("roles", mode="before")
    @classmethod
    def _split_roles(cls, value: object) -> object:
        """Accept `web,ingest,engine`, the form of the command line and the environment."""
        if isinstance(value, str):
            return frozenset(Role(part.strip()) for part in value.split(",") if part.strip())
        return value

    @field_validator("sms_providers", "email_providers", mode="before")
    @classmethod
    def _split_providers(cls, value: object) -> object:
        """Accept `notify,twilio`, the form of the environment."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("sms_providers")
    @classmethod
    def _check_sms_providers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _each_once(value, ("notify", "twilio"))

    @field_validator("email_providers")
    @classmethod
    def _check_email_providers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _each_once(value, ("notify", "smtp"))

    @field_validator("notify_url", "twilio_url", "callback_url")
    @classmethod
    def _check_provider_url(cls, value: str | None) -> str | None:
        if not value:
            return None
        checked = _with_scheme(SecretStr(value), ("https", "http"), "https://alarms.council.example")
        return checked.get_secret_value().rstrip("/")

    @field_validator("push_vapid_key")
    @classmethod
    def _check_vapid_key(cls, value: SecretStr) -> SecretStr:
        """Refuse a key that is none at the start, and not at the first notification."""
        text = value.get_secret_value()
        try:
            usable = not text or len(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) == VAPID_KEY_BYTES
        except ValueError:
            usable = False
        if not usable:
            raise ValueError("this is no private key for notifications: 32 random bytes in URL-safe base64")
        return value

    @field_validator("notify_api_key")
    @classmethod
    def _check_notify_key(cls, value: SecretStr) -> SecretStr:
        """Refuse a key that is cut short now, and not when the first text must go."""
        if value.get_secret_value() and not _NOTIFY_KEY.search(value.get_secret_value()):
            raise ValueError("a key of GOV.UK Notify ends with two UUIDs: NAME-SERVICE-SECRET")
        return value


def _each_once(value: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    if not set(value) <= set(known) or len(set(value)) != len(value):
        raise ValueError(f"this takes some of {', '.join(known)}, each once")
    return value


def _with_scheme(value: SecretStr, schemes: tuple[str, ...], example: str) -> SecretStr:
    """Return an address that has a host, a usable port and one of these schemes; ValueError shows a right one."""
    try:
        parts = urlsplit(value.get_secret_value())
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"this is not an address such as {example}")
    return value
