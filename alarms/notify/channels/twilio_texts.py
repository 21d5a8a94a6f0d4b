"""Texts through Twilio, or whoever speaks its API: the second provider behind GOV.UK Notify."""

from collections.abc import Mapping
from typing import Any

import httpx
from twilio.base.exceptions import TwilioException

from alarms.notify.brief import text_message
from alarms.notify.channels.twilio_client import STATUS_PATH, TwilioAccount, failure
from alarms.notify.delivery import Result, Sent
from telecare.kernel.settings import Settings


class TwilioTexts:
    """Sends texts from the number of the settings."""

    def __init__(self, settings: Settings, account: TwilioAccount) -> None:
        self._account = account
        self._from = settings.twilio_sms_from

    async def send(self, address: str, effect_key: str, message: Mapping[str, Any]) -> Result:
        """Hand over one text. Twilio knows no key of ours: a repeat is a second text (R04)."""
        _ = effect_key
        wanted: dict[str, Any] = {"to": address, "from_": self._from, "body": text_message(message)}
        if (callback := self._account.callback(STATUS_PATH, message)) is not None:
            wanted["status_callback"] = callback
        try:
            taken = await self._account.client.messages.create_async(**wanted)
        except (TwilioException, httpx.HTTPError) as error:
            return failure(error)
        return Sent(str(taken.status or "queued"), ref=taken.sid)
