"""Mosquitto as the broker of a lab, where the machine has it: what a council runs, started by hand beside the rest.

The accounts are those of the database at the start. Its sessions are saved each minute and at a stop; a killed one
forgets what came since, as a killed embedded broker does: hubs repeat until they have the application ack.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from telecare.access.broker_export import export
from telecare.embedded.ports import is_answered, wait_for_port
from telecare.embedded.process import Supervised
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings

SEARCH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"

CONFIGURATION = """\
listener {port} {host}
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
persistence true
persistence_location {folder}/
max_queued_messages 100000000
max_inflight_messages 8000
set_tcp_nodelay true
log_type error
log_type warning
"""
"""What matters of `deploy/mosquitto/mosquitto.conf`, on one port for all."""


def find_mosquitto() -> str | None:
    """Return Mosquitto's program, None when it is not installed."""
    return shutil.which("mosquitto", path=SEARCH)


class Mosquitto:
    """A Mosquitto on `host:port` that keeps its files in `folder`."""

    def __init__(self, settings: Settings, folder: Path, *, port: int, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = port
        self.folder = folder
        self._settings = settings
        self._log = folder / "log"
        self._server = Supervised("mosquitto", self._launch, self._answers, self._log, signal.SIGTERM)

    async def start(self) -> None:
        """Write accounts and configuration, and start it; PortInUseError and StartError as the embedded one."""
        await wait_for_port(self.host, self.port)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        database = Database(self._settings)
        try:
            await export(database, self.folder / "passwords", self.folder / "acl")
        finally:
            await database.dispose()
        words = CONFIGURATION.format(port=self.port, host=self.host, folder=self.folder)
        # As root it would become its own user, who may not enter our folder.
        self._configuration.write_text(words + ("user root\n" if os.getuid() == 0 else ""), encoding="utf-8")
        await self._server.start()

    async def stop(self) -> None:
        """Stop it."""
        await self._server.stop()

    def kill(self) -> None:
        """Kill it as a crash would; it is started again at once."""
        self._server.kill()

    @property
    def _configuration(self) -> Path:
        return self.folder / "mosquitto.conf"

    def _launch(self) -> "subprocess.Popen[bytes]":
        program = find_mosquitto()
        if program is None:
            raise FileNotFoundError("mosquitto is not installed")
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - a program of the system on a file of ours
                [program, "-c", str(self._configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def _answers(self) -> bool:
        return await is_answered(self.host, self.port)
