"""The ways out of the house, one for each channel of a contact."""

from contextlib import AsyncExitStack

from alarms.notify.channels.apprise_urls import AppriseChannel
from alarms.notify.channels.chain import Chain, Named
from alarms.notify.channels.email import EmailChannel
from alarms.notify.channels.govuk import GovukMail, GovukTexts
from alarms.notify.channels.push import PushChannel
from alarms.notify.channels.twilio_client import TwilioAccount
from alarms.notify.channels.twilio_texts import TwilioTexts
from alarms.notify.channels.voice import VoiceCalls
from alarms.notify.channels.webhook import WebhookChannel
from alarms.notify.delivery import Provider
from alarms.notify.domain import Channel
from telecare.kernel.settings import Settings

__all__ = ["channels"]


async def channels(settings: Settings, stack: AsyncExitStack) -> dict[str, Provider]:
    """Return a way for each channel; `stack` closes them.

    A channel that is not set up says so for good, so that the ladder moves on.
    """
    account = None
    if settings.twilio_account_sid and settings.twilio_auth_token.get_secret_value():
        account = await stack.enter_async_context(TwilioAccount(settings))
    voice = [Named("twilio", VoiceCalls(settings, account))] if account and settings.twilio_voice_from else []
    push = []
    if settings.push_vapid_key.get_secret_value():
        push.append(Named("push", await stack.enter_async_context(PushChannel(settings))))
    webhook = await stack.enter_async_context(WebhookChannel(settings))
    return {
        Channel.EMAIL: Chain(await _mail(settings, stack), "no mail provider is set up"),
        Channel.WEBHOOK: Chain([Named("webhook", webhook)], "no webhooks are sent"),
        Channel.SMS: Chain(await _texts(settings, stack, account), "no SMS provider is set up"),
        Channel.VOICE: Chain(voice, "no voice provider is set up"),
        Channel.PUSH: Chain(push, "notifications to browsers are not set up"),
        Channel.APPRISE: Chain([Named("apprise", AppriseChannel())], "no Apprise services are used"),
    }


async def _texts(settings: Settings, stack: AsyncExitStack, account: TwilioAccount | None) -> list[Named]:
    ways: dict[str, Provider] = {}
    if settings.notify_api_key.get_secret_value() and settings.notify_sms_template:
        ways["notify"] = await stack.enter_async_context(GovukTexts(settings))
    if account is not None and settings.twilio_sms_from:
        ways["twilio"] = TwilioTexts(settings, account)
    return [Named(name, ways[name]) for name in settings.sms_providers if name in ways]


async def _mail(settings: Settings, stack: AsyncExitStack) -> list[Named]:
    ways: dict[str, Provider] = {"smtp": EmailChannel(settings)}
    if settings.notify_api_key.get_secret_value() and settings.notify_email_template:
        ways["notify"] = await stack.enter_async_context(GovukMail(settings))
    return [Named(name, ways[name]) for name in settings.email_providers if name in ways]
