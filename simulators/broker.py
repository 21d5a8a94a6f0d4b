"""Where the broker is and what its topics are called: the outside's view of the MQTT contract, version 1."""

from dataclasses import dataclass
from urllib.parse import urlsplit

ROOT = "telecare/v1"
PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class Broker:
    """An MQTT broker's address. `tls` says whether the connection is encrypted, `ca_file` whom to trust then."""

    host: str
    port: int
    tls: bool = False
    ca_file: str | None = None

    @classmethod
    def parse(cls, url: str, ca_file: str | None = None) -> "Broker":
        """Read `mqtt://host[:port]` or `mqtts://host[:port]`; ValueError says what is wrong with another text."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError(f"a broker is written mqtt://host:port or mqtts://host:port, not {url!r}")
        return cls(parts.hostname, port or PORTS[parts.scheme], parts.scheme == "mqtts", ca_file)


def topic(hub_id: str, kind: str) -> str:
    """Return a hub's topic: `alarm`, `event`, `heartbeat`, `status`, `result`, `ack` or `command`."""
    return f"{ROOT}/{hub_id}/{kind}"
