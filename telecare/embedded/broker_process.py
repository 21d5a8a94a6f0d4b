"""The process of the embedded broker: `python -m telecare.embedded.broker_process --port 1883`."""

import argparse
import asyncio
import contextlib
import logging
import signal

from telecare.embedded.broker_amqtt import MendedBroker
from telecare.kernel.db import asyncpg_dsn
from telecare.kernel.parent import stop_with_parent
from telecare.kernel.settings import Settings

AUTH = "telecare.embedded.broker_auth"


async def run(host: str, port: int, database_dsn: str) -> None:
    """Run the broker until SIGTERM, SIGINT or the end of standard input."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stop_with_parent(stop)
    broker = MendedBroker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
            "plugins": {
                f"{AUTH}.AccountPlugin": {"database_dsn": database_dsn},
                f"{AUTH}.TopicPlugin": {},
            },
        }
    )
    await broker.start()
    await stop.wait()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(broker.shutdown(), 3)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="The embedded MQTT broker (3.1.1).")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    for chatty in ("transitions", "amqtt"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    dsn = asyncpg_dsn(Settings().database_url.get_secret_value())
    asyncio.run(run(asked.host, asked.port, dsn))


if __name__ == "__main__":
    main()
