"""The embedded broker: amqtt (as `broker_amqtt` mends it) in a process of its own, kept alive.

It keeps its sessions in memory only: what a killed broker had in flight is gone, which is why hubs repeat until they
have the application ack. Good for a demo and tests; a council runs Mosquitto or a cluster.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from telecare.embedded.ports import FREE_WITHIN_S, is_answered, wait_for_port
from telecare.embedded.process import Supervised


class EmbeddedBroker:
    """A broker on `host:port` with the accounts of the database; `log_file` gets what it says."""

    def __init__(self, database_url: str, *, port: int, host: str = "127.0.0.1", log_file: Path | None = None) -> None:
        self.host = host
        self.port = port
        self._database_url = database_url
        self._log = log_file or Path(tempfile.gettempdir()) / f"telecare-broker-{os.getuid()}-{port}.log"
        self._server = Supervised("broker", self._launch, self._answers, self._log, signal.SIGTERM)

    @property
    def pid(self) -> int | None:
        """Return the process id of the broker."""
        return self._server.pid

    async def start(self, port_within_s: float = FREE_WITHIN_S) -> None:
        """Start the broker; PortInUseError when somebody has the port, StartError when it does not come up."""
        await wait_for_port(self.host, self.port, port_within_s)
        await self._server.start()

    async def stop(self) -> None:
        """Stop the broker."""
        await self._server.stop()

    def kill(self) -> None:
        """Kill the broker as a crash would; it is started again at once."""
        self._server.kill()

    async def wait_up(self) -> None:
        """Wait until the broker answers, after a kill."""
        await self._server.up.wait()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def _launch(self) -> "subprocess.Popen[bytes]":
        command = [
            sys.executable,
            "-m",
            "telecare.embedded.broker_process",
            "--host",
            self.host,
            "--port",
            str(self.port),
        ]
        with self._log.open("ab") as log:
            # Its standard input is a pipe that closes when we die, however we die; then it ends and frees its port.
            return subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, "TELECARE_DATABASE_URL": self._database_url},
                start_new_session=True,
            )

    async def _answers(self) -> bool:
        return await is_answered(self.host, self.port)
