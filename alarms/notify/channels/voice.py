"""Calls through Twilio, or whoever speaks its API: the alarm is read out twice, and a key takes it."""

from collections.abc import Mapping
from typing import Any

import httpx
from twilio.base.exceptions import TwilioException
from twilio.twiml.voice_response import Gather, VoiceResponse

from alarms.notify.brief import KEYS, speech
from alarms.notify.channels.twilio_client import GATHER_PATH, STATUS_PATH, TwilioAccount, failure
from alarms.notify.delivery import Result, Sent
from telecare.kernel.logging import get_logger
from telecare.kernel.settings import Settings

log = get_logger("voice")

RING_S = 30
"""Shorter than most voicemail takes to answer, and than the ladder's next step."""
KEY_WAIT_S = 10
LANGUAGE = "en-GB"
EVENTS = ["initiated", "ringing", "answered", "completed"]


class VoiceCalls:
    """Calls from the number of the settings; who or what answered is detected meanwhile, and reported (C10)."""

    def __init__(self, settings: Settings, account: TwilioAccount) -> None:
        self._account = account
        self._from = settings.twilio_voice_from

    async def send(self, address: str, effect_key: str, message: Mapping[str, Any]) -> Result:
        """Start one call. What it says goes along: it is read out even where our own address is out of reach."""
        _ = effect_key
        callback = self._account.callback(STATUS_PATH, message)
        wanted: dict[str, Any] = {
            "to": address,
            "from_": self._from,
            "twiml": script(message, self._account.callback(GATHER_PATH, message) if message.get("brief") else None),
            "timeout": RING_S,
        }
        if callback is not None:
            wanted |= {
                "status_callback": callback,
                "status_callback_event": EVENTS,
                "machine_detection": "Enable",
                "async_amd": "true",
                "async_amd_status_callback": callback,
            }
        try:
            call = await self._account.client.calls.create_async(**wanted)
        except (TwilioException, httpx.HTTPError) as error:
            return failure(error)
        return Sent(str(call.status or "queued"), ref=call.sid)

    async def cancel(self, ref: str) -> None:
        """Stop a call, whether it waits, rings or is being listened to: somebody has the alarm (R31)."""
        try:
            await self._account.client.calls(ref).update_async(status="completed")
        except (TwilioException, httpx.HTTPError) as error:
            log.info("call_not_stopped", error=repr(error)[:200])


def script(message: Mapping[str, Any], gather_url: str | None) -> str:
    """Return the TwiML of a call; where no key means anything it is read out only."""
    response = VoiceResponse()
    if gather_url is None:
        response.say(f"{speech(message)} {speech(message)}", language=LANGUAGE)
        return str(response)
    gather = Gather(num_digits=1, action=gather_url, method="POST", timeout=KEY_WAIT_S)
    for _ in range(2):
        gather.say(f"{speech(message)} {KEYS}", language=LANGUAGE)
    response.append(gather)
    response.say("No key was pressed. Goodbye.", language=LANGUAGE)
    return str(response)


def answer(words: str, again: str | None = None) -> str:
    """Return the TwiML after a key: what was understood; with `again` the caller may press another key."""
    response = VoiceResponse()
    if again is None:
        response.say(words, language=LANGUAGE)
        response.hangup()
        return str(response)
    gather = Gather(num_digits=1, action=again, method="POST", timeout=KEY_WAIT_S)
    gather.say(f"{words} {KEYS}", language=LANGUAGE)
    response.append(gather)
    return str(response)
