"""`python -m simulators.provider --port 8025`: a provider of texts, calls, mail and pushes that delivers to nobody."""

import argparse
import asyncio
import sys

from simulators.process import say, stop_on_signals, stop_with_parent
from simulators.provider.desk import ACCOUNT_SID, API_KEY, AUTH_TOKEN, CALLBACK_TOKEN
from simulators.provider.simulator import ProviderSimulator


async def _run(port: int, notify_callback: str | None, *, honours_reference: bool, parent_pipe: bool) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)
    if parent_pipe:
        stop_with_parent(stop)
    async with ProviderSimulator(
        port=port, notify_callback=notify_callback, honours_reference=honours_reference
    ) as provider:
        say(f"TELECARE_NOTIFY_URL={provider.url}")
        say(f"TELECARE_NOTIFY_API_KEY={API_KEY}")
        say(f"TELECARE_NOTIFY_CALLBACK_TOKEN={CALLBACK_TOKEN}")
        say(f"TELECARE_TWILIO_URL={provider.url}")
        say(f"TELECARE_TWILIO_ACCOUNT_SID={ACCOUNT_SID}")
        say(f"TELECARE_TWILIO_AUTH_TOKEN={AUTH_TOKEN}")
        say(f"ready: {provider.url}/_control takes behaviours and tells what came")
        await stop.wait()
    return 0


def main() -> int:
    """Read the arguments and run until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m simulators.provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="a free one when left out; the first lines say which")
    parser.add_argument("--notify-callback", help="where reports of GOV.UK Notify go: …/api/v1/callbacks/notify")
    parser.add_argument("--honours-reference", action="store_true", help="a repeated reference is shown once")
    parser.add_argument("--parent-pipe", action="store_true", help="end when standard input ends")
    asked = parser.parse_args()
    return asyncio.run(
        _run(
            asked.port,
            asked.notify_callback,
            honours_reference=asked.honours_reference,
            parent_pipe=asked.parent_pipe,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
